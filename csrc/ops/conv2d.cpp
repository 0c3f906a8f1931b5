#include "ops/conv2d.h"

#include "graph/node.h"
#include "graph/variable.h"
#include "ops/activation.h"
#include "ops/epilogue.h"
#include "ops/reduce.h"

namespace pyneural::ops {

Conv2DParams conv2d_params(const Shape& images, const Shape& kernel, const Pair& strides, const std::string& padding,
                           const Pair& dilation_rate, int64_t groups, Activation activation) {
  check_positive("strides", strides);
  check_positive("dilation_rate", dilation_rate);
  if (kernel.rank() != 4) {
    value_error("Kernel shape must have the same length as input, but received kernel of shape ", kernel,
                " and input of shape ", images);
  }
  for (int64_t extent : kernel) {
    if (extent == 0)
      value_error("The kernel of a convolution cannot have an empty axis. Received: kernel.shape=", kernel);
    if (extent > INT32_MAX) value_error("The kernel of a convolution is too large: kernel.shape=", kernel);
  }
  Conv2DParams p{};
  p.same = is_same_padding(padding);
  p.groups = groups;
  p.activation = activation;
  p.precision = matmul_precision();
  for (int i = 0; i < 2; ++i) {
    p.stride[i] = strides[i];
    p.dilation[i] = dilation_rate[i];
    p.image[i] = images[1 + i];
    p.kernel[i] = kernel[i];
    if (window_outputs(p.image[i], p.kernel[i], p.stride[i], p.dilation[i], p.same) == 0) {
      value_error("Computed output size would be zero or negative. Received: inputs.shape=", images,
                  ", kernel.shape=", kernel, ", dilation_rate=", pair_str(dilation_rate.data()),
                  ", strides=", pair_str(strides.data()), ", padding='", padding, "'");
    }
    p.pad[i] = window_pad(p.image[i], p.kernel[i], p.stride[i], p.dilation[i], p.same);
  }
  return p;
}

Shape conv2d_output(const Shape& images, int64_t filters, const Conv2DParams& p) {
  Shape shape{images[0]};
  for (int i = 0; i < 2; ++i) {
    shape.push_back(window_outputs(p.image[i], p.kernel[i], p.stride[i], p.dilation[i], p.same));
  }
  shape.push_back(filters);
  return shape;
}

void check_conv2d_operands(const InferCall& call, int64_t filters) {
  for (size_t i : {1, 2}) {
    if (call.present(i) && call.in(i).dtype != call.in(0).dtype) {
      type_error("`", call.op.name, "`: all operands must have the same dtype. Received: inputs ",
                 dtype_name(call.in(0).dtype), ", ", i == 1 ? "kernel " : "bias ", dtype_name(call.in(i).dtype));
    }
  }
  if (call.present(2) && call.in(2).shape != Shape{filters}) {
    value_error("`", call.op.name, "`: the bias must have shape ", Shape{filters},
                ". Received: bias.shape=", call.in(2).shape);
  }
}

Value before_activation(const GradCall& call, Activation activation) {
  if (activation == Activation::linear) return call.grads[0];
  return activation_grad(call.grads[0], call.outputs[0], activation);
}

Value conv2d_with_activation(const Node& node, Activation activation) {
  Params params = node.params;
  auto& own = params.as<Conv2DParams>().activation;
  if (own != Activation::linear) return {};
  own = activation;
  return apply1(*node.op, params, node.inputs);
}

Cost conv2d_cost(const CostCall& call, int64_t multiplies_per_output, const Value& outputs) {
  Cost cost;
  cost.flops = 2.0 * static_cast<double>(multiplies_per_output) * static_cast<double>(outputs.shape().size());
  for (const Values* values : {&call.inputs, &call.outputs}) {
    for (const Value& value : *values) {
      if (value) cost.bytes += static_cast<double>(value.spec().bytes());
    }
  }
  return cost;
}

namespace {

int64_t taps(const Params& params) {
  const auto& p = params.as<Conv2DParams>();
  return p.kernel[0] * p.kernel[1];
}

// (grad, kernel) -> gradient of the input
const OpDef kConv2DGradInput{
    .name = "conv2d_grad_input",
    .infer =
        [](const InferCall& call) {
          const auto& p = call.params.as<Conv2DParams>();
          const int64_t channels = call.in(1).shape[2] * p.groups;
          return Specs{{Shape{call.in(0).shape[0], p.image[0], p.image[1], channels}, call.in(0).dtype}};
        },
    .grad =
        [](const GradCall& call) {
          const auto& p = call.params.as<Conv2DParams>();
          const Value& g = call.grads[0];
          const Pair strides{p.stride[0], p.stride[1]}, dilation{p.dilation[0], p.dilation[1]};
          Values grads(2);
          if (call.needs(0)) {
            grads[0] = conv2d(g, call.inputs[1], {}, strides, p.same ? "same" : "valid", dilation, p.groups);
          }
          if (call.needs(1)) grads[1] = conv2d_grad_kernel(g, call.inputs[0], p);
          return grads;
        },
    .cost =
        [](const CostCall& call) {
          return conv2d_cost(call, taps(call.params) * call.inputs[1].shape()[2], call.inputs[0]);
        },
};

// (x, grad) -> gradient of the kernel
const OpDef kConv2DGradKernel{
    .name = "conv2d_grad_kernel",
    .infer =
        [](const InferCall& call) {
          const auto& p = call.params.as<Conv2DParams>();
          const int64_t channels = call.in(0).shape[3] / p.groups;
          return Specs{{Shape{p.kernel[0], p.kernel[1], channels, call.in(1).shape[3]}, call.in(0).dtype}};
        },
    .grad =
        [](const GradCall& call) {
          const auto& p = call.params.as<Conv2DParams>();
          const Value& g = call.grads[0];
          const Pair strides{p.stride[0], p.stride[1]}, dilation{p.dilation[0], p.dilation[1]};
          Values grads(2);
          if (call.needs(0)) grads[0] = conv2d_grad_input(call.inputs[1], g, p);
          if (call.needs(1)) {
            grads[1] = conv2d(call.inputs[0], g, {}, strides, p.same ? "same" : "valid", dilation, p.groups);
          }
          return grads;
        },
    .cost =
        [](const CostCall& call) {
          const int64_t channels = call.inputs[0].shape()[3] / call.params.as<Conv2DParams>().groups;
          return conv2d_cost(call, taps(call.params) * channels, call.inputs[1]);
        },
};

// (x, kernel, bias) -> y
const OpDef kConv2D{
    .name = "conv2d",
    .infer =
        [](const InferCall& call) {
          const auto& p = call.params.as<Conv2DParams>();
          const Shape &images = call.in(0).shape, &kernel = call.in(1).shape;
          if (p.groups <= 0 || kernel[3] % p.groups != 0) {
            value_error("The number of filters must be evenly divisible by the number of groups. Received: groups=",
                        p.groups, ", filters=", kernel[3]);
          }
          if (images[3] != kernel[2] * p.groups) {
            value_error(
                "The number of input channels must be `groups` times the kernel's in_channels. Received: input ",
                "channels ", images[3], ", kernel in_channels ", kernel[2], ", groups=", p.groups,
                " (inputs.shape=", images, ", kernel.shape=", kernel, ")");
          }
          check_conv2d_operands(call, kernel[3]);
          return Specs{{conv2d_output(images, kernel[3], p), call.in(0).dtype}};
        },
    .grad =
        [](const GradCall& call) {
          auto p = call.params.as<Conv2DParams>();
          const Value grad = before_activation(call, p.activation);
          p.activation = Activation::linear;
          Values grads(3);
          if (call.needs(0)) grads[0] = conv2d_grad_input(grad, call.inputs[1], p);
          if (call.needs(1)) grads[1] = conv2d_grad_kernel(call.inputs[0], grad, p);
          if (call.needs(2)) grads[2] = sum(grad, std::vector<int64_t>{0, 1, 2});
          return grads;
        },
    .cost =
        [](const CostCall& call) {
          return conv2d_cost(call, taps(call.params) * call.inputs[1].shape()[2], call.outputs[0]);
        },
};

// (x, kernel, bias) -> maxima of the output's windows
const OpDef kConv2DMaxPool{
    .name = "conv2d_max_pool",
    .infer =
        [](const InferCall& call) {
          const auto& p = call.params.as<Conv2DMaxPoolParams>();
          Shape shape = conv2d_output(call.in(0).shape, call.in(1).shape[3], p.conv);
          for (int i = 0; i < 2; ++i) shape[1 + i] /= p.pool[i];
          return Specs{{shape, call.in(0).dtype}};
        },
    .cost =
        [](const CostCall& call) {
          const auto& p = call.params.as<Conv2DMaxPoolParams>();
          const int64_t multiplies = taps(call.params) * call.inputs[1].shape()[2];
          return conv2d_cost(call, multiplies * p.pool[0] * p.pool[1], call.outputs[0]);
        },
};

// Weights come from variables or constants on the CPU, perhaps scaled. What a plan is given lies where it runs, and
// constants may be copied there.
bool lies_on_cpu(const Value& value) {
  const Node& node = *value.node();
  if (node.variable) return node.variable->device().is_cpu();
  if (!node.symbolic()) return node.tensors[0].device().is_cpu() && current_device().is_cpu();
  for (const Value& input : node.inputs) {
    if (input && !lies_on_cpu(input)) return false;
  }
  return !node.inputs.empty() || current_device().is_cpu();
}

[[maybe_unused]] const bool kIsEpilogueHost = register_epilogue_host(
    kConv2D, {conv2d_with_activation, [](const Node& node, const Value& scale, const Value& offset) -> Value {
                if (node.params.as<Conv2DParams>().activation != Activation::linear) return {};
                return with_scaled_kernel(node, scale, scale, offset);
              }});

}  // namespace

Value conv2d(const Value& x, const Value& kernel, const Value& bias, const Pair& strides, const std::string& padding,
             const Pair& dilation_rate, int64_t groups, Activation activation) {
  check_images("conv2d", x.spec());
  // Where the slope needs the input of the activation, that is a value of its own.
  const bool fused = slope_from_output(activation);
  const Conv2DParams params = conv2d_params(x.shape(), kernel.shape(), strides, padding, dilation_rate, groups,
                                            fused ? activation : Activation::linear);
  const Value y = apply1(kConv2D, params, {x, kernel, bias});
  return fused ? y : apply_activation(y, activation);
}

Value conv2d_max_pool(const Node& conv, const Pair& pool) {
  if (conv.op != &kConv2D || !lies_on_cpu(conv.inputs[1])) return {};
  Conv2DMaxPoolParams params{};
  params.conv = conv.params.as<Conv2DParams>();
  // The kernel takes products of one tap, and images of one row, for something else.
  if (taps(conv.params) == 1 || params.conv.image[0] == 1) return {};
  // Nor does it join other windows than 2 x 2 to the tiles of Winograd's algorithm.
  constexpr int64_t kFewChannels = 16;
  const Shape& kernel = conv.inputs[1].shape();
  const bool tiles = params.conv.kernel[0] == 3 && params.conv.kernel[1] == 3 && params.conv.groups == 1;
  if (tiles && kernel[2] >= kFewChannels && kernel[3] >= kFewChannels && (pool[0] != 2 || pool[1] != 2)) return {};
  for (int i = 0; i < 2; ++i) params.pool[i] = pool[i];
  return apply1(kConv2DMaxPool, params, conv.inputs);
}

Value conv2d_grad_input(const Value& grad, const Value& kernel, const Conv2DParams& params) {
  return apply1(kConv2DGradInput, params, {grad, kernel});
}

Value conv2d_grad_kernel(const Value& x, const Value& grad, const Conv2DParams& params) {
  return apply1(kConv2DGradKernel, params, {x, grad});
}

}  // namespace pyneural::ops
