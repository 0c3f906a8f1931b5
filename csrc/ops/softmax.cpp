#include "ops/softmax.h"

#include "ops/cost.h"
#include "ops/softmax_params.h"

namespace pyneural::ops {
namespace {

Specs infer(const InferCall& call) {
  const Spec& x = call.in(0);
  if (x.dtype != DType::float32 && x.dtype != DType::float64) {
    type_error("`", call.op.name, "` computes in float32 and float64, not ", dtype_name(x.dtype),
               ": cast to float32 first.");
  }
  if (call.inputs.size() > 1 && !(call.in(1) == x)) {
    value_error("`", call.op.name, "`: operands must have the same shape and dtype. Received: ", x.shape, " ",
                dtype_name(x.dtype), " and ", call.in(1).shape, " ", dtype_name(call.in(1).dtype));
  }
  return {x};
}

Cost forward_cost(const CostCall& call) { return streaming_cost(call, 20, call.outputs[0].shape().size()); }

// (dy, y) -> dx, from the output of the forward op.
const OpDef kSoftmaxGrad{.name = "softmax_grad", .infer = infer, .in_place = 1};
const OpDef kLogSoftmaxGrad{.name = "log_softmax_grad", .infer = infer, .cost = forward_cost, .in_place = 1};

template <const OpDef& kGrad>
Values grad_from_output(const GradCall& call) {
  return {apply1(kGrad, call.params, {call.grads[0], call.outputs[0]})};
}

const OpDef kSoftmax{
    .name = "softmax", .infer = infer, .grad = grad_from_output<kSoftmaxGrad>, .cost = forward_cost, .in_place = 1};
const OpDef kLogSoftmax{.name = "log_softmax",
                        .infer = infer,
                        .grad = grad_from_output<kLogSoftmaxGrad>,
                        .cost = forward_cost,
                        .in_place = 1};

Value apply_along(const OpDef& op, const Value& x, int64_t axis) {
  return apply1(op, SoftmaxParams{normalize_axis(axis, x.shape().rank(), op.name)}, {x});
}

}  // namespace

Value softmax(const Value& x, int64_t axis) { return apply_along(kSoftmax, x, axis); }
Value log_softmax(const Value& x, int64_t axis) { return apply_along(kLogSoftmax, x, axis); }

}  // namespace pyneural::ops
