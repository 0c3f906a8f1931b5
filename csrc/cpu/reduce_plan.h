// Splits a reduction over any set of axes into stages that each reduce one block of adjacent axes.
#pragma once

#include "core/kernel.h"

namespace pyneural::cpu {
struct ReduceBlock {
  int64_t outer, reduce, inner;
};

struct ReducePlan {
  int stages;
  ReduceBlock stage[kMaxRank];
};

// Innermost block first: the first stage reads the operand once, in order; later stages see little. A reduction over no
// axis is one stage with reduce == 1.
ReducePlan plan_reduction(const View& x, uint32_t axes);

}  // namespace pyneural::cpu
