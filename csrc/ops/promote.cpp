#include "ops/promote.h"

#include <algorithm>

namespace pyneural::ops {

namespace {

Specs infer_cast(const InferCall& call) { return {{call.in(0).shape, call.params.as<DType>()}}; }

Values grad_cast(const GradCall& call) {
  const DType from = call.inputs[0].dtype();
  return {is_floating(from) ? cast_to(call.grads[0], from) : Value()};
}

Cost cost_cast(const CostCall& call) {
  return {0, static_cast<double>(call.inputs[0].spec().bytes() + call.outputs[0].spec().bytes())};
}

const OpDef kCast{.name = "cast", .infer = infer_cast, .grad = grad_cast, .cost = cost_cast};

}  // namespace

DType promote(DType a, DType b) {
  if (a == b) return a;
  const DType high = std::max(a, b), low = std::min(a, b);
  if (is_floating(high)) {
    const bool both_half = low == DType::float16 && high == DType::bfloat16;
    return both_half ? DType::float32 : high;
  }
  // The only pair of integers of which neither holds the other.
  return low == DType::uint8 && high == DType::int8 ? DType::int16 : high;
}

Value cast_to(const Value& x, DType dtype) {
  if (!x) type_error("Expected a tensor. Received: None");
  return x.dtype() == dtype ? x : apply1(kCast, dtype, {x});
}

Value scalar_like(double value, const Value& x) {
  Tensor tensor = Tensor::empty({{}, x.dtype()});
  switch (x.dtype()) {
    case DType::float32:
      *tensor.as<float>() = static_cast<float>(value);
      break;
    case DType::float64:
      *tensor.as<double>() = value;
      break;
    case DType::int32:
      *tensor.as<int32_t>() = static_cast<int32_t>(value);
      break;
    case DType::int64:
      *tensor.as<int64_t>() = static_cast<int64_t>(value);
      break;
    default:
      type_error("No arithmetic on ", dtype_name(x.dtype()), ": cast to float32 first.");
  }
  return Value(std::move(tensor));
}

}  // namespace pyneural::ops
