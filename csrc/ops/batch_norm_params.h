#pragma once

#include "ops/activation_params.h"

namespace pyneural {

struct BatchNormParams {
  double epsilon = 1e-3;
  int64_t axis = 0;  // of the channels, counted from the front
  // Of the result: linear, or relu where a plan has moved that here. The gradient finds its slope from x again, which
  // is cheaper than reading the result.
  Activation activation = Activation::linear;
};

}  // namespace pyneural
