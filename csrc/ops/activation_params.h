// The activations without parameters that matrix products and convolutions can apply to their result.
#pragma once

#include "core/dtype.h"

namespace pyneural {

enum class Activation : int32_t {
  linear,
  relu,
  relu6,
  sigmoid,
  tanh,
  elu,  // alpha = 1
  selu,
  softplus,
  softsign,
  silu,
  gelu,       // exact, through erf
  gelu_tanh,  // Keras: gelu with approximate=True
  hard_sigmoid,
  hard_silu,
  mish,
  exponential,
};

constexpr int kActivationCount = 16;

// max_value where x >= max_value; x where threshold <= x; else negative_slope * (x - threshold).
struct ReluParams {
  double negative_slope, max_value, threshold;
};

}  // namespace pyneural
