// reshape, transpose, broadcast_to and what follows from them.
#include "ops/shape.h"

#include <algorithm>

#include "ops/shape_params.h"

namespace pyneural::ops {

namespace {

Cost cost_move(const CostCall& call) {
  double bytes = static_cast<double>(call.outputs[0].spec().bytes());
  for (const Value& input : call.inputs) bytes += input ? static_cast<double>(input.spec().bytes()) : 0;
  return {0, bytes};
}

Specs infer_reshape(const InferCall& call) {
  const auto& params = call.params.as<ReshapeParams>();
  const Shape shape(params.dims, params.dims + params.rank);
  if (shape.size() != call.in(0).shape.size()) {
    value_error("`reshape`: a tensor of shape ", call.in(0).shape, " has ", call.in(0).shape.size(),
                " elements and cannot take shape ", shape, ".");
  }
  return {{shape, call.in(0).dtype}};
}

Values grad_reshape(const GradCall& call) { return {reshape(call.grads[0], call.inputs[0].shape())}; }

const OpDef kReshape{.name = "reshape", .infer = infer_reshape, .grad = grad_reshape, .cost = cost_move, .view = true};

Specs infer_transpose(const InferCall& call) {
  const auto& params = call.params.as<TransposeParams>();
  const Shape& x = call.in(0).shape;
  Shape shape;
  for (int i = 0; i < x.rank(); ++i) shape.push_back(x[params.axes[i]]);
  return {{shape, call.in(0).dtype}};
}

Values grad_transpose(const GradCall& call) {
  const auto& params = call.params.as<TransposeParams>();
  std::vector<int64_t> inverse(call.inputs[0].shape().rank());
  for (size_t i = 0; i < inverse.size(); ++i) inverse[params.axes[i]] = static_cast<int64_t>(i);
  return {transpose(call.grads[0], inverse)};
}

const OpDef kTranspose{.name = "transpose", .infer = infer_transpose, .grad = grad_transpose, .cost = cost_move};

Specs infer_broadcast(const InferCall& call) {
  const auto& params = call.params.as<BroadcastParams>();
  const Shape shape(params.dims, params.dims + params.rank);
  const Shape& x = call.in(0).shape;
  if (x.rank() > shape.rank() || broadcast_shapes(x, shape, "broadcast_to") != shape) {
    value_error("`broadcast_to`: shape ", x, " cannot be broadcast to ", shape, ".");
  }
  return {{shape, call.in(0).dtype}};
}

Values grad_broadcast(const GradCall& call) { return {sum_to(call.grads[0], call.inputs[0].shape())}; }

const OpDef kBroadcastTo{.name = "broadcast_to", .infer = infer_broadcast, .grad = grad_broadcast, .cost = cost_move};

// [outer, count, inner] around an axis.
Dims around(const Shape& shape, int axis) {
  Dims parts = {1, shape[axis], 1};
  for (int i = 0; i < axis; ++i) parts[0] *= shape[i];
  for (int i = axis + 1; i < shape.rank(); ++i) parts[2] *= shape[i];
  return parts;
}

Shape with_repeats(const Shape& shape, int axis, int64_t count, const char* op) {
  Shape out = shape;
  if (__builtin_mul_overflow(shape[axis], count, &out[axis])) {
    value_error("`", op, "`: ", count, " repeats of axis ", axis, " of a tensor of shape ", shape, " are too many.");
  }
  return Shape(out.begin(), out.end());
}

bool only_ones_move(const Shape& shape, const TransposeParams& params) {
  int previous = -1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[params.axes[i]] == 1) continue;
    if (params.axes[i] < previous) return false;
    previous = params.axes[i];
  }
  return true;
}

}  // namespace

Value reshape(const Value& x, const Shape& shape) {
  if (shape == x.shape()) return x;
  ReshapeParams params{};
  params.rank = shape.rank();
  std::copy(shape.begin(), shape.end(), params.dims);
  return apply1(kReshape, params, {x});
}

Value reshape(const Value& x, const Dims& shape) {
  Shape known;  // checks its extents, and that their product does not overflow
  int unknown = -1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] != -1) {
      known.push_back(shape[i]);
    } else if (unknown >= 0) {
      value_error("`reshape`: at most one extent of the new shape may be -1.");
    } else {
      unknown = static_cast<int>(i);
    }
  }
  if (unknown < 0) return reshape(x, known);
  const int64_t parts = known.size();
  if (parts == 0 || x.shape().size() % parts != 0) {
    value_error("`reshape`: a tensor of shape ", x.shape(), " cannot be divided into ", parts,
                " equal parts to find the extent given as -1.");
  }
  known.insert(unknown, x.shape().size() / parts);
  return reshape(x, known);
}

Value expand_dims(const Value& x, const Dims& axes) {
  const int rank = x.shape().rank() + static_cast<int>(axes.size());
  std::vector<bool> is_new(std::max(rank, 0));
  for (int64_t axis : axes) {
    const int a = normalize_axis(axis, rank, "expand_dims");
    if (is_new[a]) value_error("`expand_dims`: axis ", axis, " is repeated.");
    is_new[a] = true;
  }
  Shape shape;
  for (int i = 0, next = 0; i < rank; ++i) shape.push_back(is_new[i] ? 1 : x.shape()[next++]);
  return reshape(x, shape);
}

Value squeeze(const Value& x, const Axes& axes) {
  const Shape& from = x.shape();
  std::vector<bool> drop(from.rank());
  for (int i = 0; i < from.rank(); ++i) drop[i] = !axes && from[i] == 1;
  if (axes) {
    for (int64_t axis : *axes) {
      const int a = normalize_axis(axis, from.rank(), "squeeze");
      if (from[a] != 1) {
        value_error("`squeeze`: axis ", axis, " has extent ", from[a], ", not 1. Received a tensor of shape ", from,
                    ".");
      }
      drop[a] = true;
    }
  }
  Shape shape;
  for (int i = 0; i < from.rank(); ++i) {
    if (!drop[i]) shape.push_back(from[i]);
  }
  return reshape(x, shape);
}

Value transpose(const Value& x, const Axes& axes) {
  const int rank = x.shape().rank();
  TransposeParams params{};
  if (axes && static_cast<int>(axes->size()) != rank) {
    value_error("`transpose`: expected ", rank, " axes for a tensor of shape ", x.shape(), ". Received ", axes->size(),
                ".");
  }
  uint32_t seen = 0;
  Shape shape;
  for (int i = 0; i < rank; ++i) {
    params.axes[i] = axes ? normalize_axis((*axes)[i], rank, "transpose") : rank - 1 - i;
    if ((seen >> params.axes[i]) & 1) value_error("`transpose`: axis ", params.axes[i], " is repeated.");
    seen |= 1u << params.axes[i];
    shape.push_back(x.shape()[params.axes[i]]);
  }
  if (only_ones_move(x.shape(), params)) return reshape(x, shape);
  return apply1(kTranspose, params, {x});
}

Value broadcast_to(const Value& x, const Shape& shape) {
  if (shape == x.shape()) return x;
  if (shape.size() == x.shape().size() && shape.rank() >= x.shape().rank() &&
      broadcast_shapes(x.shape(), shape, "broadcast_to") == shape) {
    return reshape(x, shape);
  }
  BroadcastParams params{};
  params.rank = shape.rank();
  std::copy(shape.begin(), shape.end(), params.dims);
  return apply1(kBroadcastTo, params, {x});
}

Value tile(const Value& x, const Dims& repeats) {
  const int rank = std::max(x.shape().rank(), static_cast<int>(repeats.size()));
  Shape shape = x.shape();
  while (shape.rank() < rank) shape.insert(0, 1);
  Value y = reshape(x, shape);
  for (int i = 0; i < rank; ++i) {
    const int from_end = rank - 1 - i;  // repeats belong to the last axes
    const int64_t index = static_cast<int64_t>(repeats.size()) - 1 - from_end;
    const int64_t count = index < 0 ? 1 : repeats[index];
    if (count < 0) value_error("`tile`: a negative number of repeats: ", count, ".");
    if (count == 1) continue;
    const Dims parts = around(shape, i);
    shape = with_repeats(shape, i, count, "tile");
    y = reshape(y, Shape{parts[0], 1, parts[1] * parts[2]});
    y = reshape(broadcast_to(y, Shape{parts[0], count, parts[1] * parts[2]}), shape);
  }
  return y;
}

Value repeat(const Value& x, int64_t repeats, std::optional<int64_t> axis) {
  if (repeats < 0) value_error("`repeat`: a negative number of repeats: ", repeats, ".");
  if (!axis) return repeat(reshape(x, Shape{x.shape().size()}), repeats, 0);
  Shape shape = x.shape();
  const int a = normalize_axis(*axis, shape.rank(), "repeat");
  const Dims parts = around(shape, a);
  shape = with_repeats(shape, a, repeats, "repeat");
  const Value split = reshape(x, Shape{parts[0] * parts[1], 1, parts[2]});
  return reshape(broadcast_to(split, Shape{parts[0] * parts[1], repeats, parts[2]}), shape);
}

}  // namespace pyneural::ops
