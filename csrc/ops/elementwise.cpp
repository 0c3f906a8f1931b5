#include "ops/elementwise.h"

#include "ops/promote.h"

namespace pyneural::ops {

Specs infer_unary(const InferCall& call) {
  require_arithmetic(call.op.name, call.inputs[0]);
  return {call.in(0)};
}

Specs infer_predicate(const InferCall& call) { return {{call.in(0).shape, DType::boolean}}; }

Specs infer_binary(const InferCall& call) {
  require_arithmetic(call.op.name, call.inputs[0]);
  return {{broadcast_shapes(call.in(0).shape, call.in(1).shape, call.op.name), call.in(0).dtype}};
}

Specs infer_comparison(const InferCall& call) {
  return {{broadcast_shapes(call.in(0).shape, call.in(1).shape, call.op.name), DType::boolean}};
}

void require_arithmetic(const char* op, const Value& x) {
  if (!x) type_error("`", op, "`: expected a tensor. Received: None");
  if (x.dtype() == DType::float16 || x.dtype() == DType::bfloat16) {
    type_error("`", op, "`: ", dtype_name(x.dtype()), " has no arithmetic: cast to float32 first.");
  }
}

Value to_floating(const char* op, const Value& x) {
  require_arithmetic(op, x);
  return is_floating(x.dtype()) ? x : cast_to(x, DType::float32);
}

bool is_small_integer(DType dtype) { return dtype < DType::int32; }

Value to_computed(const char* op, const Value& x) {
  require_arithmetic(op, x);
  return is_small_integer(x.dtype()) ? cast_to(x, DType::int32) : x;
}

Value apply_binary(const OpDef& op, const Value& a, const Value& b) {
  require_arithmetic(op.name, a);
  require_arithmetic(op.name, b);
  const DType dtype = promote(a.dtype(), b.dtype());
  const DType computed = is_small_integer(dtype) ? DType::int32 : dtype;
  Values operands;  // a list in braces would be copied
  operands.reserve(2);
  operands.push_back(cast_to(a, computed));
  operands.push_back(cast_to(b, computed));
  return apply1(op, {}, operands);
}

}  // namespace pyneural::ops
