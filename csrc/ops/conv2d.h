// Convolutions of NHWC images.
#pragma once

#include "ops/conv2d_params.h"
#include "ops/window.h"

namespace pyneural::ops {

// kernel: [rows, columns, channels / groups, filters]; bias: [filters] or empty.
Value conv2d(const Value& x, const Value& kernel, const Value& bias = {}, const Pair& strides = {1, 1},
             const std::string& padding = "valid", const Pair& dilation_rate = {1, 1}, int64_t groups = 1,
             Activation activation = Activation::linear);

// Gradients of the convolution without bias and activation, given the gradient of its output.
Value conv2d_grad_input(const Value& grad, const Value& kernel, const Conv2DParams& params);
Value conv2d_grad_kernel(const Value& x, const Value& grad, const Conv2DParams& params);

// The parameters that images and a kernel of these shapes need. Throws ValueError for bad arguments.
Conv2DParams conv2d_params(const Shape& images, const Shape& kernel, const Pair& strides, const std::string& padding,
                           const Pair& dilation_rate, int64_t groups, Activation activation);
Shape conv2d_output(const Shape& images, int64_t filters, const Conv2DParams& params);
// Dtype of kernel and bias, shape of bias.
void check_conv2d_operands(const InferCall& call, int64_t filters);
// Maxima of windows of `pool` pixels that tile the output of this node, without that output; nothing where the node is
// no convolution, or not one that the kernel of the CPU takes this way.
Value conv2d_max_pool(const Node& conv, const Pair& pool);
// The gradient of what an activation was applied to, from the gradient and the value of its output.
Value before_activation(const GradCall& call, Activation activation);
// The same node with an activation.
Value conv2d_with_activation(const Node& node, Activation activation);
Cost conv2d_cost(const CostCall& call, int64_t multiplies_per_output, const Value& outputs);

}  // namespace pyneural::ops
