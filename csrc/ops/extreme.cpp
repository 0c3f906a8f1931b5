// max, min, argmax, argmin.
#include "ops/binary.h"
#include "ops/promote.h"
#include "ops/reduce.h"
#include "ops/reduce_common.h"
#include "ops/shape.h"

namespace pyneural::ops {

namespace {

[[noreturn]] void no_extreme(const InferCall& call) {
  value_error("`", call.op.name, "`: an empty axis has no extreme element. Received a tensor of shape ",
              call.in(0).shape, ".");
}

Specs infer_extreme(const InferCall& call) {
  const Shape& shape = call.in(0).shape;
  for (int i = 0; i < shape.rank(); ++i) {
    if (((call.params.as<ReduceParams>().axes >> i) & 1) && shape[i] == 0) no_extreme(call);
  }
  return infer_reduced(call);
}

// Elements that tie for the extreme take equal shares.
Values grad_extreme(const GradCall& call) {
  const Value& x = call.inputs[0];
  const ReduceParams& params = call.params.as<ReduceParams>();
  const Value is_extreme = cast_to(equal(x, keep_axes(call.outputs[0], x.shape(), params)), x.dtype());
  const Value count = sum(is_extreme, axes_of(params), true);
  return {multiply(is_extreme, divide(keep_axes(call.grads[0], x.shape(), params), count))};
}

Specs infer_arg(const InferCall& call) {
  const auto& params = call.params.as<ArgReduceParams>();
  Spec out = call.in(0);
  if (out.dtype == DType::float16 || out.dtype == DType::bfloat16) {
    type_error("`", call.op.name, "`: ", dtype_name(out.dtype), " has no arithmetic: cast to float32 first.");
  }
  if (out.shape[params.axis] == 0) no_extreme(call);
  if (out.shape[params.axis] > INT32_MAX) {
    value_error("`", call.op.name, "`: positions in an axis of ", out.shape[params.axis], " do not fit into int32.");
  }
  out.dtype = DType::int32;
  if (params.keepdims) {
    out.shape[params.axis] = 1;
  } else {
    out.shape.erase(params.axis);
  }
  return {out};
}

const OpDef kMax{.name = "max", .infer = infer_extreme, .grad = grad_extreme, .cost = cost_reduce};
const OpDef kMin{.name = "min", .infer = infer_extreme, .grad = grad_extreme, .cost = cost_reduce};
const OpDef kArgMax{.name = "argmax", .infer = infer_arg, .cost = cost_reduce};
const OpDef kArgMin{.name = "argmin", .infer = infer_arg, .cost = cost_reduce};

Value arg_reduce(const OpDef& op, const Value& x, std::optional<int64_t> axis, bool keepdims) {
  if (axis) return apply1(op, ArgReduceParams{normalize_axis(*axis, x.shape().rank(), op.name), keepdims}, {x});
  const Value position = apply1(op, ArgReduceParams{0, false}, {reshape(x, Shape{x.shape().size()})});
  Shape shape;
  for (int i = 0; keepdims && i < x.shape().rank(); ++i) shape.push_back(1);
  return reshape(position, shape);
}

}  // namespace

Value max(const Value& x, const Axes& axes, bool keepdims) { return reduce_elements(kMax, x, axes, keepdims); }
Value min(const Value& x, const Axes& axes, bool keepdims) { return reduce_elements(kMin, x, axes, keepdims); }

Value argmax(const Value& x, std::optional<int64_t> axis, bool keepdims) {
  return arg_reduce(kArgMax, x, axis, keepdims);
}
Value argmin(const Value& x, std::optional<int64_t> axis, bool keepdims) {
  return arg_reduce(kArgMin, x, axis, keepdims);
}

}  // namespace pyneural::ops
