// Parameters shared by the convolutions, dense and depthwise, and their gradients.
#pragma once

#include "ops/activation_params.h"
#include "ops/matmul_precision.h"

namespace pyneural {

// Rows first, then columns.
struct Conv2DParams {
  int64_t stride[2];
  int64_t dilation[2];
  int64_t pad[2];    // zeros before the first row and column
  int64_t image[2];  // of the input
  int64_t kernel[2];
  int64_t groups;
  Activation activation;
  MatMulPrecision precision;
  bool same;
};

// A convolution whose output is cut into windows of `pool` pixels, of which only the maxima are kept; pixels behind the
// last whole window count for nothing.
struct Conv2DMaxPoolParams {
  Conv2DParams conv;
  int64_t pool[2];
};

}  // namespace pyneural
