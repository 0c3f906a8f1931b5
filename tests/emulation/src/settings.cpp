#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>

#include "emulation/control.h"

namespace emulation {
namespace {

const char* text(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

uint64_t number(const char* name, uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? std::strtoull(value, nullptr, 0) : otherwise;
}

bool flag(const char* name, bool otherwise) { return number(name, otherwise) != 0; }

int usable_processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  constexpr int kEnough = 8;  // tests are small
  return std::clamp(CPU_COUNT(&set), 1, kEnough);
}

// Each run has an order of its own; the seed is part of every fault's message.
uint64_t fresh_seed() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return (static_cast<uint64_t>(now) ^ static_cast<uint64_t>(getpid()) * 0x9E3779B97F4A7C15u) % 1000000 + 1;
}

Driver driver(const std::string& name) {
  if (name == "missing") return Driver::missing;
  if (name == "too_old") return Driver::too_old;
  if (name == "no_device") return Driver::no_device;
  return Driver::ready;
}

Settings from_environment() {
  Settings result;
  result.seed = number("PYNEURAL_EMULATION_SEED", fresh_seed());
  result.threads = std::max(1, static_cast<int>(number("PYNEURAL_EMULATION_THREADS", usable_processors())));
  result.memory_bytes = number("PYNEURAL_EMULATION_MEMORY", size_t{4} << 30);
  result.stack_bytes = std::max<size_t>(number("PYNEURAL_EMULATION_STACK", size_t{64} << 10), size_t{16} << 10);
  result.compute_capability = static_cast<int>(number("PYNEURAL_EMULATION_CAPABILITY", 80));
  result.devices = static_cast<int>(number("PYNEURAL_EMULATION_DEVICES", 1));
  result.driver = driver(text("PYNEURAL_EMULATION_DRIVER", "ready"));
  result.placement =
      text("PYNEURAL_EMULATION_PLACEMENT", "end") == std::string("start") ? Placement::start : Placement::end;
  result.lazy_streams = flag("PYNEURAL_EMULATION_LAZY", true);
  result.host_guard = flag("PYNEURAL_EMULATION_HOST_GUARD", true);
  result.faults_as_errors = text("PYNEURAL_EMULATION_FAULTS", "throw") == std::string("error");
  return result;
}

}  // namespace

Settings& settings() {
  static Settings instance = from_environment();
  return instance;
}

}  // namespace emulation
