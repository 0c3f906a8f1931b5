// What GPUs may round the operands of matrix products and convolutions of float32 to. Sums are float32 always.
#pragma once

#include "core/dtype.h"

namespace pyneural {

enum class MatMulPrecision : int32_t {
  float32,  // no rounding
  tf32,     // 10 bits behind the point, tensor cores
  bf16,     // 7 bits
};

}  // namespace pyneural

namespace pyneural::ops {

// A setting of the process. Ops take it over when they are applied: a plan keeps what held when it was traced.
MatMulPrecision matmul_precision();
// Throws std::runtime_error if a GPU is too old for it (compute capability below 8.0).
void set_matmul_precision(MatMulPrecision precision);

}  // namespace pyneural::ops
