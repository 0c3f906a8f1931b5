// Checks of values: they keep NaN out of the weights and wrong labels out of the loss.
#pragma once

#include "graph/op.h"

namespace pyneural::ops {

// An effect: running it raises NotFiniteError if any element of any value is NaN or infinite. Gives True.
Value guard_finite(const Values& values);

// bool scalar: no element is NaN or infinite.
Value all_finite(const Value& x);

// int64 scalar: the flat position of the first element outside lo <= x < hi (NaN is outside), or -1.
Value in_range(const Value& x, int64_t lo, int64_t hi);

}  // namespace pyneural::ops
