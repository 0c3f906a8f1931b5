#include "ops/depthwise_conv2d.h"

#include "graph/node.h"
#include "ops/activation.h"
#include "ops/epilogue.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace pyneural::ops {
namespace {

int64_t taps(const Params& params) {
  const auto& p = params.as<Conv2DParams>();
  return p.kernel[0] * p.kernel[1];
}

Value grad_kernel(const Value& x, const Value& grad, const Params& params);

// These ops have one filter per channel: kernel [rows, columns, channels, 1].
Value forward(const Value& x, const Value& kernel, const Value& bias, const Params& params);

// (grad, kernel) -> gradient of the input
const OpDef kGradInput{
    .name = "depthwise_conv2d_grad_input",
    .infer =
        [](const InferCall& call) {
          const auto& p = call.params.as<Conv2DParams>();
          const Shape& grad = call.in(0).shape;
          return Specs{{Shape{grad[0], p.image[0], p.image[1], grad[3]}, call.in(0).dtype}};
        },
    .grad =
        [](const GradCall& call) {
          const Value& g = call.grads[0];
          Values grads(2);
          if (call.needs(0)) grads[0] = forward(g, call.inputs[1], {}, call.params);
          if (call.needs(1)) grads[1] = grad_kernel(g, call.inputs[0], call.params);
          return grads;
        },
    .cost = [](const CostCall& call) { return conv2d_cost(call, taps(call.params), call.inputs[0]); },
};

Value grad_input(const Value& grad, const Value& kernel, const Params& params) {
  return apply1(kGradInput, params, {grad, kernel});
}

// (x, grad) -> gradient of the kernel
const OpDef kGradKernel{
    .name = "depthwise_conv2d_grad_kernel",
    .infer =
        [](const InferCall& call) {
          const auto& p = call.params.as<Conv2DParams>();
          return Specs{{Shape{p.kernel[0], p.kernel[1], call.in(0).shape[3], 1}, call.in(0).dtype}};
        },
    .grad =
        [](const GradCall& call) {
          const Value& g = call.grads[0];
          Values grads(2);
          if (call.needs(0)) grads[0] = grad_input(call.inputs[1], g, call.params);
          if (call.needs(1)) grads[1] = forward(call.inputs[0], g, {}, call.params);
          return grads;
        },
    .cost = [](const CostCall& call) { return conv2d_cost(call, taps(call.params), call.inputs[1]); },
};

Value grad_kernel(const Value& x, const Value& grad, const Params& params) {
  return apply1(kGradKernel, params, {x, grad});
}

// (x, kernel, bias) -> y
const OpDef kDepthwiseConv2D{
    .name = "depthwise_conv2d",
    .infer =
        [](const InferCall& call) {
          const Shape& images = call.in(0).shape;
          check_conv2d_operands(call, images[3]);
          return Specs{{conv2d_output(images, images[3], call.params.as<Conv2DParams>()), call.in(0).dtype}};
        },
    .grad =
        [](const GradCall& call) {
          Params params = call.params;
          const Value grad = before_activation(call, params.as<Conv2DParams>().activation);
          params.as<Conv2DParams>().activation = Activation::linear;
          Values grads(3);
          if (call.needs(0)) grads[0] = grad_input(grad, call.inputs[1], params);
          if (call.needs(1)) grads[1] = grad_kernel(call.inputs[0], grad, params);
          if (call.needs(2)) grads[2] = sum(grad, std::vector<int64_t>{0, 1, 2});
          return grads;
        },
    .cost = [](const CostCall& call) { return conv2d_cost(call, taps(call.params), call.outputs[0]); },
};

Value forward(const Value& x, const Value& kernel, const Value& bias, const Params& params) {
  return apply1(kDepthwiseConv2D, params, {x, kernel, bias});
}

[[maybe_unused]] const bool kIsEpilogueHost = register_epilogue_host(
    kDepthwiseConv2D, {conv2d_with_activation, [](const Node& node, const Value& scale, const Value& offset) -> Value {
                         if (node.params.as<Conv2DParams>().activation != Activation::linear) return {};
                         const Value per_channel = reshape(scale, Shape{scale.shape()[0], 1});
                         return with_scaled_kernel(node, per_channel, scale, offset);
                       }});

}  // namespace

Value depthwise_conv2d(const Value& x, const Value& kernel, const Value& bias, const Pair& strides,
                       const std::string& padding, const Pair& dilation_rate, Activation activation) {
  check_images("depthwise_conv2d", x.spec());
  const int64_t channels = x.shape()[3];
  const bool fused = slope_from_output(activation);
  const Conv2DParams params = conv2d_params(x.shape(), kernel.shape(), strides, padding, dilation_rate, channels,
                                            fused ? activation : Activation::linear);
  if (kernel.shape()[2] != channels) {
    value_error(
        "The kernel of a depthwise convolution must have as many channels as the input. Received: inputs.shape=",
        x.shape(), ", kernel.shape=", kernel.shape());
  }
  if (kernel.shape()[3] > 1) {
    // Several filters per channel are a convolution whose groups are the channels.
    const Shape& k = kernel.shape();
    const Value dense = reshape(kernel, Shape{k[0], k[1], 1, k[2] * k[3]});
    return conv2d(x, dense, bias, strides, padding, dilation_rate, channels, activation);
  }
  const Value y = forward(x, kernel, bias, params);
  return fused ? y : apply_activation(y, activation);
}

}  // namespace pyneural::ops
