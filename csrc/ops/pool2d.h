// Pooling of NHWC images.
#pragma once

#include "ops/window.h"

namespace pyneural::ops {

Value max_pool2d(const Value& x, const Pair& pool_size, const Pair& strides, const std::string& padding = "valid");
// Positions outside the image do not count.
Value average_pool2d(const Value& x, const Pair& pool_size, const Pair& strides, const std::string& padding = "valid");

}  // namespace pyneural::ops
