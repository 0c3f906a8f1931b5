#include "ops/batch_norm.h"

#include "graph/node.h"
#include "ops/batch_norm_params.h"
#include "ops/binary.h"
#include "ops/cost.h"
#include "ops/elementwise.h"
#include "ops/epilogue.h"
#include "ops/promote.h"
#include "ops/unary.h"

namespace pyneural::ops {
namespace {

// Operand 0 decides the dtype; operands [first, last) that are present are vectors of its channels.
void check_channels(const InferCall& call, size_t x_index, size_t first, size_t last) {
  const Spec& x = call.in(x_index);
  if (x.dtype != DType::float32 && x.dtype != DType::float64) {
    type_error("`", call.op.name, "` computes in float32 and float64, not ", dtype_name(x.dtype),
               ": cast to float32 first.");
  }
  const int64_t channels = x.shape[static_cast<int>(call.params.as<BatchNormParams>().axis)];
  for (size_t i = first; i < last; ++i) {
    if (!call.present(i)) continue;
    const Spec& spec = call.in(i);
    if (spec.shape != Shape{channels}) {
      value_error("`", call.op.name, "`: statistics and coefficients must have shape (", channels,
                  ",) for an input of ", "shape ", x.shape, ". Received: ", spec.shape);
    }
    if (spec.dtype != x.dtype) {
      type_error("`", call.op.name, "`: all operands must be ", dtype_name(x.dtype),
                 ". Received: ", dtype_name(spec.dtype));
    }
  }
}

Spec channel_spec(const InferCall& call, size_t x_index) {
  const Spec& x = call.in(x_index);
  return Spec{Shape{x.shape[static_cast<int>(call.params.as<BatchNormParams>().axis)]}, x.dtype};
}

// (dy, x, mean, variance, scale) -> (dmean, dvariance, doffset, dscale)
const OpDef kParameterGrad{
    .name = "batch_normalization_parameter_grad",
    .infer =
        [](const InferCall& call) {
          check_channels(call, 1, 2, 5);
          return Specs(4, channel_spec(call, 1));
        },
    .cost = [](const CostCall& call) { return streaming_cost(call, 4, call.inputs[1].shape().size()); },
};

Values batch_normalization_grad(const GradCall& call);

// With known statistics this is a scale and an offset per channel, which the layer before can take up: that saves a
// pass over the images.
Values fold_into_producer(const FusionContext& context, const Node& node) {
  const Value &x = node.inputs[0], &mean = node.inputs[1], &variance = node.inputs[2];
  const Value &offset = node.inputs[3], &scale = node.inputs[4];
  const auto& p = node.params.as<BatchNormParams>();
  const EpilogueHost* host = epilogue_host(context, x);
  if (!host || !mean || p.axis != x.shape().rank() - 1) return {};
  Value factor = rsqrt(add(variance, scalar_like(p.epsilon, variance)));
  if (scale) factor = multiply(factor, scale);
  Value shift = negative(multiply(mean, factor));
  if (offset) shift = add(shift, offset);
  return {host->with_affine(*x.node(), factor, shift)};
}

// (x, mean, variance, offset, scale) -> y. An empty mean counts as zero: so the gradient of x is this op again.
const OpDef kBatchNormalization{
    .name = "batch_normalization",
    .infer =
        [](const InferCall& call) {
          check_channels(call, 0, 1, 5);
          return Specs{call.in(0)};
        },
    .grad = batch_normalization_grad,
    .cost = [](const CostCall& call) { return streaming_cost(call, 3, call.inputs[0].shape().size()); },
    .fuse = fold_into_producer,
    .in_place = 1,
};

[[maybe_unused]] const bool kIsEpilogueHost =
    register_epilogue_host(kBatchNormalization, {[](const Node& node, Activation activation) -> Value {
                                                   Params params = node.params;
                                                   auto& own = params.as<BatchNormParams>().activation;
                                                   if (own != Activation::linear || activation != Activation::relu)
                                                     return {};
                                                   own = activation;
                                                   return apply1(kBatchNormalization, params, node.inputs);
                                                 },
                                                 [](const Node&, const Value&, const Value&) -> Value { return {}; }});

Values batch_normalization_grad(const GradCall& call) {
  const Value &dy = call.grads[0], &x = call.inputs[0], &mean = call.inputs[1], &variance = call.inputs[2];
  const Value& scale = call.inputs[4];
  Values grads(5);
  if (call.needs(0)) grads[0] = apply1(kBatchNormalization, call.params, {dy, Value(), variance, Value(), scale});
  if (call.needs(1) || call.needs(2) || call.needs(3) || call.needs(4)) {
    const Values sums = apply(kParameterGrad, call.params, {dy, x, mean, variance, scale});
    for (size_t i = 0; i < sums.size(); ++i) {
      if (call.needs(i + 1)) grads[i + 1] = sums[i];
    }
  }
  return grads;
}

// The slope of relu is applied where its gradient is read, if the result of the normalization went nowhere else.
Values fuse_relu_slope(const FusionContext& context, const Node& node);

// (dy, x, mean, variance, gamma, beta, dmean, dvariance) -> (dx, dgamma, dbeta); dy, gamma, beta, dmean and dvariance
// may be empty.
const OpDef kTrainGrad{
    .name = "batch_norm_train_grad",
    .infer =
        [](const InferCall& call) {
          check_channels(call, 1, 2, 8);
          return Specs{call.in(1), channel_spec(call, 1), channel_spec(call, 1)};
        },
    .cost = [](const CostCall& call) { return streaming_cost(call, 8, call.inputs[1].shape().size()); },
    .fuse = fuse_relu_slope,
    .in_place = 1,
};

Values fuse_relu_slope(const FusionContext& context, const Node& node) {
  const Value& dy = node.inputs[0];
  if (!dy || !dy.node()->op || context.uses(dy) != 1) return {};
  if (fused_opcode(*dy.node()->op) != ElementwiseOp::relu_grad) return {};
  const Node& forward = *dy.node()->inputs[1].node();
  if (forward.op != &kBatchNormalization || forward.params.as<BatchNormParams>().activation != Activation::relu) {
    return {};
  }
  // Of the same x, mean, variance, offset and scale.
  const int operands[] = {1, 2, 3, 5, 4};
  for (int i = 0; i < 5; ++i) {
    if (!(forward.inputs[i] == node.inputs[operands[i]])) return {};
  }
  Values inputs = node.inputs;
  inputs[0] = dy.node()->inputs[0];
  return apply(kTrainGrad, forward.params, inputs);
}

// x -> (mean, variance)
const OpDef kStatistics{
    .name = "batch_norm_statistics",
    .infer =
        [](const InferCall& call) {
          check_channels(call, 0, 1, 1);
          return Specs(2, channel_spec(call, 0));
        },
    .cost = [](const CostCall& call) { return streaming_cost(call, 4, call.inputs[0].shape().size()); },
};

// (x, gamma, beta) -> (y, mean, variance)
const OpDef kTrain{
    .name = "batch_norm_train",
    .infer =
        [](const InferCall& call) {
          check_channels(call, 0, 1, 3);
          return Specs{call.in(0), channel_spec(call, 0), channel_spec(call, 0)};
        },
    .grad =
        [](const GradCall& call) {
          const Values grads = apply(kTrainGrad, call.params,
                                     {call.grads[0], call.inputs[0], call.outputs[1], call.outputs[2], call.inputs[1],
                                      call.inputs[2], call.grads[1], call.grads[2]});
          return Values{grads[0], call.needs(1) ? grads[1] : Value(), call.needs(2) ? grads[2] : Value()};
        },
    .cost = [](const CostCall& call) { return streaming_cost(call, 7, call.inputs[0].shape().size()); },
    // In two steps, the second of which takes up an activation.
    .fuse = [](const FusionContext&, const Node& node) -> Values {
      const Value &x = node.inputs[0], &gamma = node.inputs[1], &beta = node.inputs[2];
      const Values moments = apply(kStatistics, node.params, {x});
      return {apply1(kBatchNormalization, node.params, {x, moments[0], moments[1], beta, gamma}), moments[0],
              moments[1]};
    },
    .in_place = 1,
};

BatchNormParams params_for(const Value& x, int64_t axis, double epsilon, const char* op) {
  return {epsilon, normalize_axis(axis, x.shape().rank(), op)};
}

}  // namespace

Value batch_normalization(const Value& x, const Value& mean, const Value& variance, int64_t axis, const Value& offset,
                          const Value& scale, double epsilon) {
  if (!mean || !variance) value_error("`batch_normalization` needs both `mean` and `variance`.");
  return apply1(kBatchNormalization, params_for(x, axis, epsilon, kBatchNormalization.name),
                {x, mean, variance, offset, scale});
}

Values batch_norm_train(const Value& x, const Value& gamma, const Value& beta, int64_t axis, double epsilon) {
  return apply(kTrain, params_for(x, axis, epsilon, kTrain.name), {x, gamma, beta});
}

}  // namespace pyneural::ops
