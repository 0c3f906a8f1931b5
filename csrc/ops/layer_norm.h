// Layer normalization (Ba, Kiros and Hinton 2016).
#pragma once

#include "graph/op.h"

namespace pyneural::ops {

// Normalizes each row over the trailing `axes`, then scales by gamma and shifts by beta, both of the shape of those
// axes; either may be empty.
Value layer_normalization(const Value& x, const Value& gamma, const Value& beta, const std::vector<int64_t>& axes,
                          double epsilon);

}  // namespace pyneural::ops
