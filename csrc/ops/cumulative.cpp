// cumsum.
#include "ops/reduce.h"
#include "ops/reduce_params.h"
#include "ops/shape.h"

namespace pyneural::ops {

namespace {

Specs infer_cumsum(const InferCall& call) {
  Spec out = call.in(0);
  if (out.dtype == DType::float16 || out.dtype == DType::bfloat16) {
    type_error("`cumsum`: ", dtype_name(out.dtype), " has no arithmetic: cast to float32 first.");
  }
  if (out.dtype == DType::boolean) out.dtype = DType::int32;
  return {out};
}

// Element i reaches all sums from i on: the gradient sums from the other end.
Values grad_cumsum(const GradCall& call) {
  CumulativeParams params = call.params.as<CumulativeParams>();
  params.reverse = !params.reverse;
  return {apply1(call.op, params, {call.grads[0]})};
}

const OpDef kCumsum{.name = "cumsum", .infer = infer_cumsum, .grad = grad_cumsum};

}  // namespace

Value cumsum(const Value& x, std::optional<int64_t> axis) {
  if (!axis) return cumsum(reshape(x, Shape{x.shape().size()}), 0);
  return apply1(kCumsum, CumulativeParams{normalize_axis(*axis, x.shape().rank(), "cumsum"), 0}, {x});
}

}  // namespace pyneural::ops
