#include "ops/guard.h"

#include "ops/guard_params.h"

namespace pyneural::ops {
namespace {

Specs infer_flag(const InferCall&) { return {Spec{Shape{}, DType::boolean}}; }

Specs infer_position(const InferCall& call) {
  const DType dtype = call.in(0).dtype;
  if (dtype == DType::float16 || dtype == DType::bfloat16) {
    type_error("`in_range` does not compare ", dtype_name(dtype), ": cast to float32 first.");
  }
  return {Spec{Shape{}, DType::int64}};
}

const OpDef kGuardFinite{.name = "guard_finite", .infer = infer_flag, .effect = true, .reports = true};
const OpDef kAllFinite{.name = "all_finite", .infer = infer_flag};
const OpDef kInRange{.name = "in_range", .infer = infer_position};

}  // namespace

Value guard_finite(const Values& values) {
  if (values.empty()) value_error("`guard_finite` needs at least one tensor.");
  return apply1(kGuardFinite, {}, values);
}

Value all_finite(const Value& x) { return apply1(kAllFinite, {}, {x}); }

Value in_range(const Value& x, int64_t lo, int64_t hi) { return apply1(kInRange, InRangeParams{lo, hi}, {x}); }

}  // namespace pyneural::ops
