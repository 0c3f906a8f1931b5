// Matrix products.
#pragma once

#include "graph/op.h"
#include "ops/activation_params.h"

namespace pyneural::ops {

// NumPy's rules for any rank from 1 on: the last two axes are the matrices (exchanged first where transposed), the
// leading axes broadcast, and a vector stands for a row on the left and for a column on the right.
Value matmul(const Value& a, const Value& b, bool transpose_a = false, bool transpose_b = false);

// The two factors of a matrix product that a trace computes; nothing for any other value.
Values factors_of(const Value& product);

// activation(x @ kernel + bias) over the last axis of x [..., k], with kernel [k, n] and bias [n] (may be empty).
Value linear(const Value& x, const Value& kernel, const Value& bias = {}, Activation activation = Activation::linear);

}  // namespace pyneural::ops
