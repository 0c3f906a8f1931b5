// Reductions of integer and bool tensors: exact in any order, so plain loops serve every SIMD level.
#pragma once

#include "core/kernel.h"

namespace pyneural::cpu::portable {

enum class IntegerReduction { sum, prod, max, min };

void reduce_integer(const KernelArgs& args, IntegerReduction reduction);
size_t reduce_integer_bytes(const KernelArgs& args);

}  // namespace pyneural::cpu::portable
