// Reductions of integer and bool tensors, which are exact in any order.
#pragma once

#include "cuda/scratch.h"

namespace pyneural::cuda {

enum class IntegerReduction { sum, prod, max, min };

void reduce_integer(const KernelArgs& args, IntegerReduction reduction, Scratch& scratch);

}  // namespace pyneural::cuda
