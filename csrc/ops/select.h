// Choice between tensors, and conversion.
#pragma once

#include "graph/op.h"

namespace pyneural::ops {

// x1 where the condition is not zero, else x2.
Value where(const Value& condition, const Value& x1, const Value& x2);
// x limited to [x_min, x_max]. NaN stays.
Value clip(const Value& x, const Value& x_min, const Value& x_max);
Value cast(const Value& x, DType dtype);

}  // namespace pyneural::ops
