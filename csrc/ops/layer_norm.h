// Layer normalization (Ba, Kiros and Hinton 2016).
#pragma once

#include "graph/op.h"

namespace pyneural::ops {

// Normalizes over `axes` together, then scales by gamma and shifts by beta, both of the shape of those axes (in
// ascending order); either may be empty. Axes that are not the last ones cost two transpositions.
Value layer_normalization(const Value& x, const Value& gamma, const Value& beta, const std::vector<int64_t>& axes,
                          double epsilon);

}  // namespace pyneural::ops
