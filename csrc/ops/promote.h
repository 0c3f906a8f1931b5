// Which dtype an op computes in.
#pragma once

#include "graph/op.h"

namespace pyneural::ops {

// The dtype in which two tensors meet: NumPy's rules, except that integers never widen a float.
DType promote(DType a, DType b);

// x as `dtype`; x itself if it is that already. Gradients flow between floating dtypes.
Value cast_to(const Value& x, DType dtype);

// A constant of the dtype of x, rank 0.
Value scalar_like(double value, const Value& x);

}  // namespace pyneural::ops
