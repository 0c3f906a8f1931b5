#include "ops/select.h"

#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/promote.h"
#include "ops/reduce.h"

namespace pyneural::ops {

namespace {

Specs infer_three(const InferCall& call) {
  const char* name = call.op.name;
  const Shape pair = broadcast_shapes(call.in(0).shape, call.in(1).shape, name);
  return {{broadcast_shapes(pair, call.in(2).shape, name), call.in(2).dtype}};
}

Value masked(const Value& condition, const Value& grad, const Shape& shape) {
  return sum_to(where(condition, grad, scalar_like(0, grad)), shape);
}

Values grad_where(const GradCall& call) {
  const Value &condition = call.inputs[0], &grad = call.grads[0], zero = scalar_like(0, grad);
  return {{},
          call.needs(1) ? masked(condition, grad, call.inputs[1].shape()) : Value(),
          call.needs(2) ? sum_to(where(condition, zero, grad), call.inputs[2].shape()) : Value()};
}

Values grad_clip(const GradCall& call) {
  const Value &x = call.inputs[0], &low = call.inputs[1], &high = call.inputs[2], &grad = call.grads[0];
  const auto inside = [&] { return logical_and(greater_equal(x, low), less_equal(x, high)); };
  return {call.needs(0) ? masked(inside(), grad, x.shape()) : Value(),
          call.needs(1) ? masked(logical_and(less(x, low), less_equal(low, high)), grad, low.shape()) : Value(),
          call.needs(2) ? masked(greater(maximum(x, low), high), grad, high.shape()) : Value()};
}

const OpDef kWhere{.name = "where", .infer = infer_three, .grad = grad_where};
const OpDef kClip{.name = "clip", .infer = infer_three, .grad = grad_clip, .in_place = 1};

}  // namespace

Value where(const Value& condition, const Value& x1, const Value& x2) {
  if (!x1 || !x2) type_error("`where`: expected a tensor. Received: None");
  const DType dtype = promote(x1.dtype(), x2.dtype());
  return apply1(kWhere, {}, {cast_to(condition, DType::boolean), cast_to(x1, dtype), cast_to(x2, dtype)});
}

Value clip(const Value& x, const Value& x_min, const Value& x_max) {
  require_arithmetic("clip", x);
  require_arithmetic("clip", x_min);
  require_arithmetic("clip", x_max);
  const DType dtype = promote(x.dtype(), promote(x_min.dtype(), x_max.dtype()));
  const DType computed = is_small_integer(dtype) ? DType::int32 : dtype;
  const Value y = apply1(kClip, {}, {cast_to(x, computed), cast_to(x_min, computed), cast_to(x_max, computed)});
  return cast_to(y, dtype);
}

Value cast(const Value& x, DType dtype) { return cast_to(x, dtype); }

}  // namespace pyneural::ops
