// The kernel tables of each SIMD level (written by cmake/kernels.cmake) and the choice among them.
#pragma once

#include <string>
#include <vector>

#include "core/kernel.h"

namespace pyneural::cpu {

extern const KernelEntry* const baseline_tables[];
extern const KernelEntry* const avx2_tables[];
extern const KernelEntry* const avx512_tables[];
extern const KernelEntry* const portable_tables[];

// Registers all CPU kernels of the best level this processor runs, or of PYNEURAL_SIMD_LEVEL. Throws ValueError if that
// names a level that is unknown or can't run here.
void register_cpu_kernels();

std::string simd_level();                // the level in use
std::vector<std::string> simd_levels();  // the levels that were built and can run here, lowest first

// The kernel of an op at a level, whichever is in use: for benchmarks. Throws ValueError if there is none.
const KernelEntry& kernel_of_level(const std::string& level, const char* op);

}  // namespace pyneural::cpu
