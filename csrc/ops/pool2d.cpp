#include "ops/pool2d.h"

#include "graph/node.h"
#include "ops/activation.h"
#include "ops/conv2d.h"
#include "ops/pool2d_params.h"

namespace pyneural::ops {
namespace {

Specs pooled(const InferCall& call) {
  const auto& p = call.params.as<Pool2DParams>();
  const Shape& images = call.in(0).shape;
  Shape shape{images[0]};
  for (int i = 0; i < 2; ++i) shape.push_back(window_outputs(p.image[i], p.pool[i], p.stride[i], 1, p.same));
  shape.push_back(images[3]);
  return Specs{{shape, call.in(0).dtype}};
}

// One operation for each position of each window.
Cost pool_cost(const CostCall& call, const Value& pooled) {
  const auto& p = call.params.as<Pool2DParams>();
  Cost cost;
  cost.flops = static_cast<double>(p.pool[0] * p.pool[1]) * static_cast<double>(pooled.shape().size());
  for (const Values* values : {&call.inputs, &call.outputs}) {
    for (const Value& value : *values) cost.bytes += static_cast<double>(value.spec().bytes());
  }
  return cost;
}

// Each element of the images lies in one window.
bool windows_tile(const Params& params) {
  const auto& p = params.as<Pool2DParams>();
  const auto tiles = [&p](int i) { return p.stride[i] == p.pool[i] && p.image[i] % p.pool[i] == 0; };
  return tiles(0) && tiles(1);
}

// (grad, x, y) -> gradient of x
const OpDef kMaxPool2DGrad{
    .name = "max_pool2d_grad",
    .infer = [](const InferCall& call) { return Specs{call.in(1)}; },
    .cost = [](const CostCall& call) { return pool_cost(call, call.inputs[0]); },
    .in_place = in_place(0, 1),
    .in_place_when = windows_tile,
};

// Where nobody else reads what a convolution computes, only the maxima are written.
Values max_pool_of_conv2d(const FusionContext& context, const Node& node) {
  const auto& p = node.params.as<Pool2DParams>();
  const Value& x = node.inputs[0];
  const bool whole = p.stride[0] == p.pool[0] && p.stride[1] == p.pool[1] && p.pad[0] == 0 && p.pad[1] == 0 &&
                     node.specs[0].shape[1] * p.pool[0] <= p.image[0] &&
                     node.specs[0].shape[2] * p.pool[1] <= p.image[1];
  if (!whole || !x.symbolic() || !x.node()->op || context.uses(x) != 1) return {};
  return {conv2d_max_pool(*x.node(), {p.pool[0], p.pool[1]})};
}

const OpDef kMaxPool2D{
    .name = "max_pool2d",
    .infer = pooled,
    .grad =
        [](const GradCall& call) {
          return Values{apply1(kMaxPool2DGrad, call.params, {call.grads[0], call.inputs[0], call.outputs[0]})};
        },
    .cost = [](const CostCall& call) { return pool_cost(call, call.outputs[0]); },
    .fuse = max_pool_of_conv2d,
};

Values average_grad_of_grad(const GradCall& call);

// grad -> gradient of x
const OpDef kAveragePool2DGrad{
    .name = "average_pool2d_grad",
    .infer =
        [](const InferCall& call) {
          const auto& p = call.params.as<Pool2DParams>();
          const Shape& grad = call.in(0).shape;
          return Specs{{Shape{grad[0], p.image[0], p.image[1], grad[3]}, call.in(0).dtype}};
        },
    .grad = average_grad_of_grad,
    .cost = [](const CostCall& call) { return pool_cost(call, call.inputs[0]); },
};

const OpDef kAveragePool2D{
    .name = "average_pool2d",
    .infer = pooled,
    .grad = [](const GradCall& call) { return Values{apply1(kAveragePool2DGrad, call.params, {call.grads[0]})}; },
    .cost = [](const CostCall& call) { return pool_cost(call, call.outputs[0]); },
};

Values average_grad_of_grad(const GradCall& call) {
  return Values{apply1(kAveragePool2D, call.params, {call.grads[0]})};
}

Value pool(const OpDef& op, const Value& x, const Pair& pool_size, const Pair& strides, const std::string& padding) {
  check_images(op.name, x.spec());
  check_positive("pool_size", pool_size);
  check_positive("strides", strides);
  Pool2DParams p{};
  p.same = is_same_padding(padding);
  for (int i = 0; i < 2; ++i) {
    p.pool[i] = pool_size[i];
    p.stride[i] = strides[i];
    p.image[i] = x.shape()[1 + i];
    p.pad[i] = window_pad(p.image[i], p.pool[i], p.stride[i], 1, p.same);
    if (window_outputs(p.image[i], p.pool[i], p.stride[i], 1, p.same) == 0) {
      value_error("Computed output size would be zero or negative. Received: inputs.shape=", x.shape(),
                  ", pool_size=", pair_str(pool_size.data()), ", strides=", pair_str(strides.data()), ", padding='",
                  padding, "'");
    }
  }
  return apply1(op, p, {x});
}

}  // namespace

Value max_pool2d(const Value& x, const Pair& pool_size, const Pair& strides, const std::string& padding) {
  return pool(kMaxPool2D, x, pool_size, strides, padding);
}

Value average_pool2d(const Value& x, const Pair& pool_size, const Pair& strides, const std::string& padding) {
  return pool(kAveragePool2D, x, pool_size, strides, padding);
}

Value relu_grad_before_pooling(const FusionContext& context, const Node& relu_grad) {
  const Value &spread = relu_grad.inputs[0], &x = relu_grad.inputs[1];
  const Node& pooling = *spread.node();
  if (pooling.op != &kMaxPool2DGrad || pooling.inputs[1] != x || context.uses(spread) != 1) return {};
  const Value &grad = pooling.inputs[0], &y = pooling.inputs[2];
  return apply1(kMaxPool2DGrad, pooling.params, {activation_grad(grad, y, Activation::relu), x, y});
}

Value sum_before_pooling(const Node& sum) {
  const Node& pooling = *sum.inputs[0].node();
  if (pooling.op != &kMaxPool2DGrad) return {};
  return apply1(*sum.op, sum.params, {pooling.inputs[0]});
}

}  // namespace pyneural::ops
