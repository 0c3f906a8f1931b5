#include "cpu/dispatch.h"

#include <cstdlib>
#include <cstring>

#include "core/error.h"
#include "core/registry.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace pyneural::cpu {

namespace {

struct Level {
  const char* name;
  const KernelEntry* const* tables;
  bool supported;
};

// __builtin_cpu_supports checks cpuid and that the system saves the registers (xgetbv).
std::vector<Level> levels() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;  // Clang's builtin does not know f16c
  const bool f16c = __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & bit_F16C);
  const bool avx2 = f16c && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
#else
  const bool avx2 = false, avx512 = false;
#endif
  return {{"baseline", baseline_tables, true}, {"avx2", avx2_tables, avx2}, {"avx512", avx512_tables, avx512}};
}

Level choose() {
  const char* forced = std::getenv("PYNEURAL_SIMD_LEVEL");
  Level best{};
  for (const Level& level : levels()) {
    if (forced && *forced) {
      if (std::string(forced) != level.name) continue;
      if (!level.supported) value_error("PYNEURAL_SIMD_LEVEL=", forced, ": this processor cannot run that level.");
      if (!*level.tables) value_error("PYNEURAL_SIMD_LEVEL=", forced, ": this build does not have that level.");
      return level;
    }
    if (level.supported && *level.tables) best = level;
  }
  if (forced && *forced) {
    value_error("PYNEURAL_SIMD_LEVEL=", forced, " is not a known level. Expected one of: baseline, avx2, avx512.");
  }
  return best;
}

std::string level_in_use;

void register_all(const KernelEntry* const* tables) {
  for (; *tables; ++tables) register_kernels(DeviceKind::cpu, *tables);
}

}  // namespace

void register_cpu_kernels() {
  const Level level = choose();
  level_in_use = level.name;
  register_all(portable_tables);
  register_all(level.tables);
}

std::string simd_level() { return level_in_use; }

std::vector<std::string> simd_levels() {
  std::vector<std::string> names;
  for (const Level& level : levels()) {
    if (level.supported && *level.tables) names.push_back(level.name);
  }
  return names;
}

const KernelEntry& kernel_of_level(const std::string& name, const char* op) {
  for (const Level& level : levels()) {
    if (name != level.name || !level.supported) continue;
    for (auto tables = level.tables; *tables; ++tables) {
      for (const KernelEntry* entry = *tables; entry->op; ++entry) {
        if (!std::strcmp(entry->op, op)) return *entry;
      }
    }
  }
  value_error("`level`: no ", op, " runs here at the SIMD level '", name, "'.");
}

}  // namespace pyneural::cpu
