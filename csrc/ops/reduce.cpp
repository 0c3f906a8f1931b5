// sum, prod, any, all, count_nonzero, sum_to, and what all reductions share.
#include "ops/reduce.h"

#include "graph/node.h"
#include "ops/pool2d.h"
#include "ops/reduce_common.h"
#include "ops/shape.h"

namespace pyneural::ops {

namespace {

Shape reduced_shape(const Shape& shape, const ReduceParams& params) {
  Shape out;
  for (int i = 0; i < shape.rank(); ++i) {
    if (!((params.dropped >> i) & 1)) out.push_back((params.axes >> i) & 1 ? 1 : shape[i]);
  }
  return out;
}

ReduceParams reduce_params(const OpDef& op, int rank, const Axes& axes, bool keepdims) {
  ReduceParams params{};
  if (axes) {
    for (int64_t axis : *axes) {
      const uint32_t bit = 1u << normalize_axis(axis, rank, op.name);
      if (params.axes & bit) value_error("`", op.name, "`: axis ", axis, " is repeated.");
      params.axes |= bit;
    }
  } else {
    params.axes = (1u << rank) - 1;
  }
  params.dropped = keepdims ? 0 : params.axes;
  return params;
}

Specs infer_accumulated(const InferCall& call) {
  Specs specs = infer_reduced(call);
  if (!is_floating(specs[0].dtype) && specs[0].dtype != DType::int64) specs[0].dtype = DType::int32;
  return specs;
}

Specs infer_bool(const InferCall& call) {
  Specs specs = infer_reduced(call);
  specs[0].dtype = DType::boolean;
  return specs;
}

Specs infer_count(const InferCall& call) {
  Specs specs = infer_reduced(call);
  specs[0].dtype = DType::int32;
  return specs;
}

Specs infer_like_input(const InferCall& call) { return {call.in(0)}; }

Values grad_sum(const GradCall& call) {
  const Shape& shape = call.inputs[0].shape();
  return {broadcast_to(keep_axes(call.grads[0], shape, call.params.as<ReduceParams>()), shape)};
}

// (x, grad of the product) -> grad of x, right also where elements are zero.
const OpDef kProdGrad{.name = "prod_grad", .infer = infer_like_input};

Values grad_prod(const GradCall& call) { return {apply1(kProdGrad, call.params, {call.inputs[0], call.grads[0]})}; }

Values fuse_sum(const FusionContext&, const Node& node) {
  constexpr uint32_t kAllButChannels = 0b0111;
  if (node.params.as<ReduceParams>().axes != kAllButChannels) return {};
  return {sum_before_pooling(node)};
}

const OpDef kSum{.name = "sum", .infer = infer_accumulated, .grad = grad_sum, .cost = cost_reduce, .fuse = fuse_sum};
const OpDef kProd{.name = "prod", .infer = infer_accumulated, .grad = grad_prod, .cost = cost_reduce};
const OpDef kAny{.name = "any", .infer = infer_bool, .cost = cost_reduce};
const OpDef kAll{.name = "all", .infer = infer_bool, .cost = cost_reduce};
const OpDef kCountNonzero{.name = "count_nonzero", .infer = infer_count, .cost = cost_reduce};

}  // namespace

Specs infer_reduced(const InferCall& call) {
  const Spec& x = call.in(0);
  if (x.dtype == DType::float16 || x.dtype == DType::bfloat16) {
    type_error("`", call.op.name, "`: ", dtype_name(x.dtype), " has no arithmetic: cast to float32 first.");
  }
  return {{reduced_shape(x.shape, call.params.as<ReduceParams>()), x.dtype}};
}

Cost cost_reduce(const CostCall& call) {
  const Spec& x = call.inputs[0].spec();
  return {static_cast<double>(x.shape.size()), static_cast<double>(x.bytes() + call.outputs[0].spec().bytes())};
}

Value keep_axes(const Value& reduced, const Shape& x, const ReduceParams& params) {
  return reshape(reduced, reduced_shape(x, {params.axes, 0}));
}

Axes axes_of(const ReduceParams& params) {
  std::vector<int64_t> axes;
  for (int i = 0; i < kMaxRank; ++i) {
    if ((params.axes >> i) & 1) axes.push_back(i);
  }
  return axes;
}

Value reduce(const OpDef& op, const Value& x, const Axes& axes, bool keepdims) {
  return apply1(op, reduce_params(op, x.shape().rank(), axes, keepdims), {x});
}

Value reduce_elements(const OpDef& op, const Value& x, const Axes& axes, bool keepdims) {
  const Shape& shape = x.shape();
  const ReduceParams params = reduce_params(op, shape.rank(), axes, keepdims);
  // Narrower types change theirs, or are errors.
  bool is_reshape = x.dtype() == DType::float32 || x.dtype() == DType::float64;
  for (int i = 0; i < shape.rank(); ++i) is_reshape &= !((params.axes >> i) & 1) || shape[i] == 1;
  return is_reshape ? reshape(x, reduced_shape(shape, params)) : apply1(op, params, {x});
}

Value reduce_adjacent(const OpDef& op, const Value& x, const Axes& axes, bool keepdims) {
  const Shape& shape = x.shape();
  std::vector<bool> reduced(shape.rank(), !axes);
  if (axes) {
    for (int64_t axis : *axes) reduced[normalize_axis(axis, shape.rank(), op.name)] = true;
  }
  int blocks = 0, last = -1;
  std::vector<int64_t> order, moved, trailing;
  Shape result;
  for (int i = 0; i < shape.rank(); ++i) {
    if (!reduced[i] || keepdims) result.push_back(reduced[i] ? 1 : shape[i]);
    (reduced[i] ? moved : order).push_back(i);
    if (shape[i] == 1) continue;
    if (reduced[i] && (last < 0 || !reduced[last])) ++blocks;
    last = i;
  }
  if (blocks <= 1) return reduce(op, x, axes, keepdims);
  for (size_t i = 1; i <= moved.size(); ++i) trailing.push_back(-static_cast<int64_t>(i));
  order.insert(order.end(), moved.begin(), moved.end());
  return reshape(reduce(op, transpose(x, order), trailing, false), result);
}

Value sum(const Value& x, const Axes& axes, bool keepdims) { return reduce_elements(kSum, x, axes, keepdims); }
Value prod(const Value& x, const Axes& axes, bool keepdims) { return reduce_adjacent(kProd, x, axes, keepdims); }
Value any(const Value& x, const Axes& axes, bool keepdims) { return reduce(kAny, x, axes, keepdims); }
Value all(const Value& x, const Axes& axes, bool keepdims) { return reduce(kAll, x, axes, keepdims); }
Value count_nonzero(const Value& x, const Axes& axes, bool keepdims) {
  return reduce(kCountNonzero, x, axes, keepdims);
}

Value sum_to(const Value& x, const Shape& shape) {
  if (shape == x.shape()) return x;
  const int missing = x.shape().rank() - shape.rank();
  if (missing < 0 || broadcast_shapes(x.shape(), shape, "sum_to") != x.shape()) {
    value_error("`sum_to`: shape ", shape, " does not broadcast to ", x.shape(), ".");
  }
  std::vector<int64_t> axes;
  for (int i = 0; i < x.shape().rank(); ++i) {
    if (i < missing || (shape[i - missing] == 1 && x.shape()[i] != 1)) axes.push_back(i);
  }
  return reshape(sum(x, axes), shape);
}

}  // namespace pyneural::ops
