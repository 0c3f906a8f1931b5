#include "core/device.h"

#include <cstdlib>
#include <optional>

#include "core/backend.h"
#include "core/error.h"

namespace pyneural {

namespace {
thread_local std::optional<Device> chosen;

Device default_device() {
  static const Device device = [] {
    const char* name = std::getenv("PYNEURAL_DEVICE");
    return name && *name ? parse_device(name) : Device{};
  }();
  return device;
}

[[noreturn]] void unknown_device(const std::string& name) {
  value_error("Unknown device: '", name, "'. Expected 'cpu', 'cuda', 'cuda:<number>' or 'auto'.");
}
}  // namespace

std::string device_name(Device device) { return device.is_cpu() ? "cpu" : concat("cuda:", device.index); }

Device parse_device(const std::string& name) {
  if (name == "cpu" || name == "cpu:0") return {};
  if (name == "auto") return cuda_devices().empty() ? Device{} : Device{DeviceKind::cuda, 0};
  const std::string prefix = "cuda:";
  int index = 0;
  if (name != "cuda" && name != "gpu") {
    constexpr size_t kMaxDigits = 4;
    const std::string digits = name.substr(std::min(prefix.size(), name.size()));
    if (name.rfind(prefix, 0) != 0 || digits.empty() || digits.size() > kMaxDigits ||
        digits.find_first_not_of("0123456789") != std::string::npos) {
      unknown_device(name);
    }
    index = std::stoi(digits);
  }
  const Device device{DeviceKind::cuda, index};
  backend(device);
  return device;
}

Device current_device() { return chosen ? *chosen : default_device(); }
void set_current_device(Device device) { chosen = device; }

}  // namespace pyneural
