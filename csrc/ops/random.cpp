// Random ops: what they are.
#include "ops/random.h"

#include <algorithm>
#include <cmath>

#include "ops/index.h"
#include "ops/random_params.h"

namespace pyneural::ops {

namespace {

void require_state(const InferCall& call, size_t operand) {
  const Spec& state = call.in(operand);
  if (state.dtype != DType::int64 || state.shape != Shape{2}) {
    type_error("`", call.op.name, "`: a random state is an int64 tensor of shape (2,). Received ",
               dtype_name(state.dtype), " of shape ", state.shape, ".");
  }
}

template <class P>
Specs infer_draw(const InferCall& call) {
  require_state(call, 0);
  const auto& params = call.params.as<P>();
  return {{Shape(params.dims, params.dims + params.rank), static_cast<DType>(params.dtype)}};
}

// A few dozen integer operations make an element.
template <int kFlops>
Cost cost_draw(const CostCall& call) {
  const Spec& out = call.outputs[0].spec();
  return {static_cast<double>(out.shape.size()) * kFlops, static_cast<double>(out.bytes())};
}

Specs infer_dropout(const InferCall& call) {
  require_state(call, 1);
  const DType dtype = call.in(0).dtype;
  if (dtype != DType::float32 && dtype != DType::float64) {
    type_error("`dropout`: expected float32 or float64. Received ", dtype_name(dtype), ": cast it first.");
  }
  return {call.in(0)};
}

Values grad_dropout(const GradCall& call) {
  return {apply1(call.op, call.params, {call.grads[0], call.inputs[1]}), Value()};
}

Cost cost_dropout(const CostCall& call) {
  const Spec& x = call.inputs[0].spec();
  return {static_cast<double>(x.shape.size()) * 12, 2.0 * static_cast<double>(x.bytes())};
}

Specs infer_permutation(const InferCall& call) {
  require_state(call, 0);
  const int64_t count = call.params.as<PermutationParams>().count;
  return {{Shape{count}, count <= INT32_MAX ? DType::int32 : DType::int64}};
}

const OpDef kUniform{.name = "random_uniform", .infer = infer_draw<RandomParams>, .cost = cost_draw<12>};
const OpDef kNormal{.name = "random_normal", .infer = infer_draw<RandomParams>, .cost = cost_draw<60>};
const OpDef kTruncatedNormal{.name = "truncated_normal", .infer = infer_draw<RandomParams>, .cost = cost_draw<60>};
const OpDef kRandint{.name = "randint", .infer = infer_draw<RandintParams>, .cost = cost_draw<24>};
const OpDef kDropout{
    .name = "dropout", .infer = infer_dropout, .grad = grad_dropout, .cost = cost_dropout, .in_place = in_place(0, 0)};
const OpDef kPermutation{.name = "random_permutation", .infer = infer_permutation, .cost = cost_draw<100>};

Value draw(const OpDef& op, const Value& state, const Shape& shape, double first, double second, DType dtype) {
  if (dtype != DType::float32 && dtype != DType::float64) {
    type_error("`", op.name, "`: dtype must be float32 or float64. Received: ", dtype_name(dtype), ".");
  }
  if (!std::isfinite(first) || !std::isfinite(second)) {
    value_error("`", op.name, "`: the parameters of the distribution must be finite. Received ", first, " and ", second,
                ".");
  }
  RandomParams params{};
  std::copy(shape.begin(), shape.end(), params.dims);
  params.rank = shape.rank();
  params.dtype = static_cast<int64_t>(dtype);
  params.first = first;
  params.second = second;
  return apply1(op, params, {state});
}

}  // namespace

Value random_uniform(const Value& state, const Shape& shape, double minval, double maxval, DType dtype) {
  if (!(minval <= maxval)) {
    value_error("`random_uniform`: minval must not exceed maxval. Received ", minval, " and ", maxval, ".");
  }
  return draw(kUniform, state, shape, minval, maxval, dtype);
}

Value random_normal(const Value& state, const Shape& shape, double mean, double stddev, DType dtype) {
  return draw(kNormal, state, shape, mean, stddev, dtype);
}

Value truncated_normal(const Value& state, const Shape& shape, double mean, double stddev, DType dtype) {
  return draw(kTruncatedNormal, state, shape, mean, stddev, dtype);
}

Value randint(const Value& state, const Shape& shape, int64_t low, int64_t high, DType dtype) {
  if (is_floating(dtype) || dtype == DType::boolean) {
    type_error("`randint`: dtype must be an integer type. Received: ", dtype_name(dtype), ".");
  }
  const int bits = 8 * static_cast<int>(dtype_size(dtype)) - (dtype != DType::uint8);
  const int64_t least = dtype == DType::uint8 ? 0 : -(bits < 63 ? int64_t{1} << bits : INT64_MAX) - (bits == 63);
  const int64_t most = bits < 63 ? (int64_t{1} << bits) - 1 : INT64_MAX;
  if (low >= high) value_error("`randint`: low must be less than high. Received ", low, " and ", high, ".");
  if (low < least || high - 1 > most) {
    value_error("`randint`: [", low, ", ", high, ") does not fit into ", dtype_name(dtype), ".");
  }
  RandintParams params{};
  std::copy(shape.begin(), shape.end(), params.dims);
  params.rank = shape.rank();
  params.dtype = static_cast<int64_t>(dtype);
  params.low = low;
  params.high = high;
  return apply1(kRandint, params, {state});
}

Value dropout(const Value& x, const Value& state, double rate) {
  if (!(rate >= 0 && rate <= 1)) value_error("`dropout`: rate must lie in [0, 1]. Received: ", rate, ".");
  return rate == 0 ? x : apply1(kDropout, DropoutParams{rate}, {x, state});
}

Value random_permutation(const Value& state, int64_t count) {
  if (count < 0) value_error("`random_permutation`: a negative count: ", count, ".");
  return apply1(kPermutation, PermutationParams{count}, {state});
}

Value shuffle(const Value& state, const Value& x, int64_t axis) {
  const int a = normalize_axis(axis, x.shape().rank(), "shuffle");
  return take(x, random_permutation(state, x.shape()[a]), a);
}

}  // namespace pyneural::ops
