// sort, argsort, top_k.
#include "ops/index.h"
#include "ops/index_params.h"
#include "ops/shape.h"

namespace pyneural::ops {

namespace {

const Spec& comparable(const InferCall& call) {
  const Spec& x = call.in(0);
  if (x.dtype == DType::float16 || x.dtype == DType::bfloat16) {
    type_error("`", call.op.name, "`: ", dtype_name(x.dtype), " has no arithmetic: cast to float32 first.");
  }
  if (x.shape.rank() > 0 && x.shape[-1] > INT32_MAX) {
    value_error("`", call.op.name, "`: positions in an axis of ", x.shape[-1], " do not fit into int32.");
  }
  return x;
}

Cost cost_sort(const CostCall& call) {
  const Spec& x = call.inputs[0].spec();
  return {20.0 * static_cast<double>(x.shape.size()), 2.0 * static_cast<double>(x.bytes())};
}

Specs infer_sort(const InferCall& call) { return {comparable(call)}; }
Specs infer_argsort(const InferCall& call) { return {{comparable(call).shape, DType::int32}}; }

Specs infer_top_k(const InferCall& call) {
  Spec values = comparable(call);
  values.shape[-1] = call.params.as<TopKParams>().k;
  return {values, {values.shape, DType::int32}};
}

Values grad_sort(const GradCall& call) {
  const Shape& shape = call.inputs[0].shape();
  return {scatter_along_axis(call.grads[0], argsort(call.inputs[0]), shape, shape.rank() - 1)};
}

Values grad_top_k(const GradCall& call) {
  const Shape& shape = call.inputs[0].shape();
  if (!call.grads[0]) return {Value()};
  return {scatter_along_axis(call.grads[0], call.outputs[1], shape, shape.rank() - 1)};
}

// The kernels sort the last axis.
const OpDef kSort{.name = "sort", .infer = infer_sort, .grad = grad_sort, .cost = cost_sort};
const OpDef kArgSort{.name = "argsort", .infer = infer_argsort, .cost = cost_sort};
const OpDef kTopK{.name = "top_k", .infer = infer_top_k, .grad = grad_top_k, .cost = cost_sort};

Value along_axis(const OpDef& op, const Value& x, int64_t axis) {
  const int rank = x.shape().rank(), a = normalize_axis(axis, rank, op.name);
  std::vector<int64_t> order;  // swaps the axis with the last one, and back
  for (int i = 0; i < rank; ++i) order.push_back(i == a ? rank - 1 : (i == rank - 1 ? a : i));
  return transpose(apply1(op, {}, {transpose(x, order)}), order);
}

}  // namespace

Value sort(const Value& x, int64_t axis) { return along_axis(kSort, x, axis); }
Value argsort(const Value& x, int64_t axis) { return along_axis(kArgSort, x, axis); }

Values top_k(const Value& x, int64_t k) {
  const Shape& shape = x.shape();
  if (shape.rank() == 0 || k < 0 || k > shape[-1]) {
    value_error("`top_k`: k must lie between 0 and the extent of the last axis. Received k=", k,
                " and a tensor of shape ", shape, ".");
  }
  return apply(kTopK, TopKParams{k}, {x});
}

}  // namespace pyneural::ops
