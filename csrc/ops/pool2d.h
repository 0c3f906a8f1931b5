// Pooling of NHWC images.
#pragma once

#include "ops/window.h"

namespace pyneural::ops {

Value max_pool2d(const Value& x, const Pair& pool_size, const Pair& strides, const std::string& padding = "valid");
// Positions outside the image do not count.
Value average_pool2d(const Value& x, const Pair& pool_size, const Pair& strides, const std::string& padding = "valid");

// Max pooling hands a gradient on to the largest element of a window, whose value is the window's y. So where x =
// relu(...)
//   relu_grad(max_pool2d_grad(grad, x, y), x) = max_pool2d_grad(relu_grad(grad, y), x, y),
// with fewer elements to pass over. Gives the right side for a node of the left side's form, else nothing.
Value relu_grad_before_pooling(const FusionContext& context, const Node& relu_grad);
// And the sum over images, rows and columns is that of `grad`, as each window's gradient goes to one element.
Value sum_before_pooling(const Node& sum);

}  // namespace pyneural::ops
