#pragma once

#include "ops/activation_params.h"
#include "ops/matmul_precision.h"

namespace pyneural {

// a [..., m, k] and b [..., k, n]; a transposed operand is stored with its last two axes exchanged.
struct MatMulParams {
  bool transpose_a;
  bool transpose_b;
  MatMulPrecision precision;
};

// x [..., k], kernel [k, n], bias [n] or none.
struct LinearParams {
  Activation activation;
  MatMulPrecision precision;
};

}  // namespace pyneural
