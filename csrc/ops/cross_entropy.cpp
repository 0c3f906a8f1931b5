#include "ops/cross_entropy.h"

#include "ops/cost.h"

namespace pyneural::ops {
namespace {

void check_float(const InferCall& call, const Spec& spec) {
  if (spec.dtype != DType::float32 && spec.dtype != DType::float64) {
    type_error("`", call.op.name, "` computes in float32 and float64, not ", dtype_name(spec.dtype),
               ": cast to float32 first.");
  }
}

Shape without_last(const Shape& shape) { return Shape(shape.begin(), shape.end() - 1); }

// (loss, max, sum): per row the loss, and for the gradient the largest logit and the sum of exp(logit - max).
Specs per_row(const Spec& logits) { return Specs(3, Spec{without_last(logits.shape), logits.dtype}); }

Specs infer_sparse(const InferCall& call) {
  const Spec &labels = call.in(0), &logits = call.in(1);
  check_float(call, logits);
  if (is_floating(labels.dtype) || labels.dtype == DType::boolean) {
    type_error("`", call.op.name, "`: labels must be integers. Received: dtype=", dtype_name(labels.dtype));
  }
  if (logits.shape.rank() < 1) value_error("`", call.op.name, "`: logits must have at least one axis.");
  Shape with_axis = without_last(logits.shape);
  with_axis.push_back(1);
  if (labels.shape != without_last(logits.shape) && labels.shape != with_axis) {
    value_error("`", call.op.name,
                "`: labels must have the shape of logits without the last axis. Received: labels.shape=", labels.shape,
                ", logits.shape=", logits.shape);
  }
  return per_row(logits);
}

void check_targets(const InferCall& call, const Spec& targets, const Spec& logits) {
  check_float(call, logits);
  if (!(targets == logits)) {
    value_error("`", call.op.name, "`: targets and logits must have the same shape and dtype. Received: targets ",
                targets.shape, " ", dtype_name(targets.dtype), ", logits ", logits.shape, " ",
                dtype_name(logits.dtype));
  }
}

Cost forward_cost(const CostCall& call) { return streaming_cost(call, 20, call.inputs[1].shape().size()); }
Cost backward_cost(const CostCall& call) { return streaming_cost(call, 20, call.outputs[0].shape().size()); }

// (dloss, labels or targets, logits, max, sum) -> dlogits
Specs infer_logits_grad(const InferCall& call) { return {call.in(2)}; }
const OpDef kSparseGrad{
    .name = "sparse_softmax_cross_entropy_grad", .infer = infer_logits_grad, .cost = backward_cost, .reports = true};
const OpDef kDenseGrad{.name = "softmax_cross_entropy_grad", .infer = infer_logits_grad, .cost = backward_cost};

// (dloss, logits, max, sum) -> dtargets
const OpDef kTargetsGrad{
    .name = "softmax_cross_entropy_targets_grad",
    .infer = [](const InferCall& call) { return Specs{call.in(1)}; },
};

const OpDef kSparse{
    .name = "sparse_softmax_cross_entropy",
    .infer = infer_sparse,
    .grad =
        [](const GradCall& call) {
          return Values{Value(),
                        apply1(kSparseGrad, {},
                               {call.grads[0], call.inputs[0], call.inputs[1], call.outputs[1], call.outputs[2]})};
        },
    .cost = forward_cost,
    .reports = true,
};

const OpDef kDense{
    .name = "softmax_cross_entropy",
    .infer =
        [](const InferCall& call) {
          check_targets(call, call.in(0), call.in(1));
          if (call.in(1).shape.rank() < 1) value_error("`", call.op.name, "`: logits must have at least one axis.");
          return per_row(call.in(1));
        },
    .grad =
        [](const GradCall& call) {
          const Value &dloss = call.grads[0], &targets = call.inputs[0], &logits = call.inputs[1];
          const Value &max = call.outputs[1], &sum = call.outputs[2];
          Values grads(2);
          if (call.needs(0)) grads[0] = apply1(kTargetsGrad, {}, {dloss, logits, max, sum});
          if (call.needs(1)) grads[1] = apply1(kDenseGrad, {}, {dloss, targets, logits, max, sum});
          return grads;
        },
    .cost = forward_cost,
};

// (dloss, targets, logits) -> dlogits; (dloss, logits) -> dtargets
Specs infer_as_first(const InferCall& call) { return {call.in(0)}; }
const OpDef kSigmoidGrad{
    .name = "sigmoid_cross_entropy_grad", .infer = infer_as_first, .cost = backward_cost, .in_place = 1};
const OpDef kSigmoidTargetsGrad{.name = "sigmoid_cross_entropy_targets_grad", .infer = infer_as_first, .in_place = 1};

const OpDef kSigmoid{
    .name = "sigmoid_cross_entropy",
    .infer =
        [](const InferCall& call) {
          check_targets(call, call.in(0), call.in(1));
          return Specs{call.in(1)};
        },
    .grad =
        [](const GradCall& call) {
          const Value &dloss = call.grads[0], &targets = call.inputs[0], &logits = call.inputs[1];
          Values grads(2);
          if (call.needs(0)) grads[0] = apply1(kSigmoidTargetsGrad, {}, {dloss, logits});
          if (call.needs(1)) grads[1] = apply1(kSigmoidGrad, {}, {dloss, targets, logits});
          return grads;
        },
    .cost = forward_cost,
    .in_place = 1,
};

}  // namespace

Value sparse_softmax_cross_entropy(const Value& labels, const Value& logits) {
  return apply(kSparse, {}, {labels, logits})[0];
}

Value softmax_cross_entropy(const Value& targets, const Value& logits) {
  return apply(kDense, {}, {targets, logits})[0];
}

Value sigmoid_cross_entropy(const Value& targets, const Value& logits) {
  return apply1(kSigmoid, {}, {targets, logits});
}

}  // namespace pyneural::ops
