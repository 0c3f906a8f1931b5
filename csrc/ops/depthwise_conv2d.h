#pragma once

#include "ops/conv2d.h"

namespace pyneural::ops {

// Each channel has its own filters. kernel: [rows, columns, channels, multiplier]; output channel c * multiplier + m;
// bias: [channels * multiplier] or empty.
Value depthwise_conv2d(const Value& x, const Value& kernel, const Value& bias = {}, const Pair& strides = {1, 1},
                       const std::string& padding = "valid", const Pair& dilation_rate = {1, 1},
                       Activation activation = Activation::linear);

}  // namespace pyneural::ops
