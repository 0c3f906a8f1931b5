#include "ops/guard.h"

#include "graph/node.h"
#include "ops/guard_params.h"
#include "ops/matmul.h"

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

// (values..., two factors for each value that is a product) -> flag
const OpDef kGuardFinite{.name = "guard_finite", .infer = infer_flag, .effect = true, .reports = true};
const OpDef kAllFinite{.name = "all_finite", .infer = infer_flag};
const OpDef kInRange{.name = "in_range", .infer = infer_position};

// Reading the factors of a product instead of the product must spare at least three quarters of the bytes: they are
// kept until then.
constexpr int64_t kProductOverFactors = 4;

// The factors of a product that are so much smaller that their sizes tell sooner whether it is finite; else nothing.
Values small_factors(const Value& value) {
  Values factors = factors_of(value);
  int64_t size = 0;
  for (const Value& factor : factors) size += factor.shape().size();
  if (size * kProductOverFactors > value.shape().size()) factors.clear();
  return factors;
}

}  // namespace

Value guard_finite(const Values& values) {
  if (values.empty()) value_error("`guard_finite` needs at least one tensor.");
  GuardFiniteParams params;
  params.values = static_cast<int64_t>(values.size());
  Values operands = values;
  for (size_t i = 0; i < values.size() && i < 64; ++i) {
    for (const Value& factor : small_factors(values[i])) {
      operands.push_back(factor);
      params.products |= uint64_t{1} << i;
    }
  }
  return apply1(kGuardFinite, params, operands);
}

Value all_finite(const Value& x) { return apply1(kAllFinite, {}, {x}); }

Value in_range(const Value& x, int64_t lo, int64_t hi) { return apply1(kInRange, InRangeParams{lo, hi}, {x}); }

}  // namespace pyneural::ops
