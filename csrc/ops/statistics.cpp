// mean, var, std, logsumexp.
#include "ops/binary.h"
#include "ops/promote.h"
#include "ops/reduce.h"
#include "ops/reduce_common.h"
#include "ops/shape.h"
#include "ops/unary.h"

namespace pyneural::ops {

namespace {

double reduced_count(const Shape& shape, uint32_t axes) {
  double count = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    if ((axes >> i) & 1) count *= static_cast<double>(shape[i]);
  }
  return count;
}

Values grad_mean(const GradCall& call) {
  const Shape& shape = call.inputs[0].shape();
  const ReduceParams& params = call.params.as<ReduceParams>();
  const Value count = scalar_like(reduced_count(shape, params.axes), call.grads[0]);
  return {broadcast_to(keep_axes(divide(call.grads[0], count), shape, params), shape)};
}

Values grad_var(const GradCall& call) {
  const Value& x = call.inputs[0];
  const ReduceParams& params = call.params.as<ReduceParams>();
  const Value scale = scalar_like(2 / reduced_count(x.shape(), params.axes), x);
  const Value centred = subtract(x, mean(x, axes_of(params), true));
  return {multiply(centred, multiply(keep_axes(call.grads[0], x.shape(), params), scale))};
}

Values grad_logsumexp(const GradCall& call) {
  const Value& x = call.inputs[0];
  const ReduceParams& params = call.params.as<ReduceParams>();
  const Value share = exp(subtract(x, keep_axes(call.outputs[0], x.shape(), params)));
  return {multiply(share, keep_axes(call.grads[0], x.shape(), params))};
}

const OpDef kMean{.name = "mean", .infer = infer_reduced, .grad = grad_mean, .cost = cost_reduce};
const OpDef kVar{.name = "var", .infer = infer_reduced, .grad = grad_var, .cost = cost_reduce};
const OpDef kLogSumExp{.name = "logsumexp", .infer = infer_reduced, .grad = grad_logsumexp, .cost = cost_reduce};

Value as_float(const Value& x) { return is_floating(x.dtype()) ? x : cast_to(x, DType::float32); }

}  // namespace

Value mean(const Value& x, const Axes& axes, bool keepdims) {
  return reduce_elements(kMean, as_float(x), axes, keepdims);
}

Value var(const Value& x, const Axes& axes, bool keepdims) {
  return reduce_adjacent(kVar, as_float(x), axes, keepdims);
}

Value std(const Value& x, const Axes& axes, bool keepdims) { return sqrt(var(x, axes, keepdims)); }

Value logsumexp(const Value& x, const Axes& axes, bool keepdims) {
  return reduce_adjacent(kLogSumExp, as_float(x), axes, keepdims);
}

}  // namespace pyneural::ops
