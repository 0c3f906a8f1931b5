// take, take_along_axis, one_hot, upsample2d.
#include "ops/index.h"

#include <algorithm>

#include "ops/index_params.h"
#include "ops/shape.h"

namespace pyneural::ops {

namespace {

void require_indices(const InferCall& call, const Spec& indices) {
  if (is_floating(indices.dtype) || indices.dtype == DType::boolean) {
    type_error("`", call.op.name, "`: indices must be integers. Received: ", dtype_name(indices.dtype), ".");
  }
}

Cost cost_gather(const CostCall& call) {
  const double out = static_cast<double>(call.outputs[0].spec().bytes());
  return {0, 2 * out};
}

Specs infer_take(const InferCall& call) {
  const int axis = static_cast<int>(call.params.as<TakeParams>().axis);
  const Spec &x = call.in(0), &indices = call.in(1);
  require_indices(call, indices);
  Shape shape = x.shape;
  shape.erase(axis);
  for (int i = 0; i < indices.shape.rank(); ++i) shape.insert(axis + i, indices.shape[i]);
  return {{shape, x.dtype}};
}

Specs infer_grad(const InferCall& call) {
  const auto& params = call.params.as<TakeGradParams>();
  return {{Shape(params.dims, params.dims + params.rank), call.in(0).dtype}};
}

TakeGradParams grad_params(const Shape& shape, int64_t axis) {
  TakeGradParams params{};
  params.axis = axis;
  params.rank = shape.rank();
  std::copy(shape.begin(), shape.end(), params.dims);
  return params;
}

// (grad of the result, indices) -> grad of x: rows that were taken several times are added in the order of indices.
Values grad_take_grad(const GradCall& call) {
  return {take(call.grads[0], call.inputs[1], call.params.as<TakeGradParams>().axis), Value()};
}

const OpDef kTakeGrad{.name = "take_grad", .infer = infer_grad, .grad = grad_take_grad};

Values grad_take(const GradCall& call) {
  const TakeGradParams params = grad_params(call.inputs[0].shape(), call.params.as<TakeParams>().axis);
  return {apply1(kTakeGrad, params, {call.grads[0], call.inputs[1]}), Value()};
}

const OpDef kTake{.name = "take", .infer = infer_take, .grad = grad_take, .cost = cost_gather, .reports = true};

Specs infer_take_along_axis(const InferCall& call) {
  const Spec &x = call.in(0), &indices = call.in(1);
  require_indices(call, indices);
  return {{indices.shape, x.dtype}};
}

Values grad_take_along_axis_grad(const GradCall& call) {
  return {take_along_axis(call.grads[0], call.inputs[1], call.params.as<TakeGradParams>().axis), Value()};
}

const OpDef kTakeAlongAxisGrad{.name = "take_along_axis_grad", .infer = infer_grad, .grad = grad_take_along_axis_grad};

Values grad_take_along_axis(const GradCall& call) {
  const Shape& shape = call.inputs[0].shape();
  return {scatter_along_axis(call.grads[0], call.inputs[1], shape, call.params.as<TakeParams>().axis), Value()};
}

const OpDef kTakeAlongAxis{.name = "take_along_axis",
                           .infer = infer_take_along_axis,
                           .grad = grad_take_along_axis,
                           .cost = cost_gather,
                           .reports = true};

Specs infer_one_hot(const InferCall& call) {
  const auto& params = call.params.as<OneHotParams>();
  require_indices(call, call.in(0));
  Shape shape = call.in(0).shape;
  shape.insert(static_cast<int>(params.axis), params.num_classes);
  return {{shape, static_cast<DType>(params.dtype)}};
}

const OpDef kOneHot{.name = "one_hot", .infer = infer_one_hot};

}  // namespace

Value take(const Value& x, const Value& indices, std::optional<int64_t> axis) {
  if (!axis) return take(reshape(x, Shape{x.shape().size()}), indices, 0);
  return apply1(kTake, TakeParams{normalize_axis(*axis, x.shape().rank(), "take")}, {x, indices});
}

Value take_along_axis(const Value& x, const Value& indices, std::optional<int64_t> axis) {
  if (!axis) return take_along_axis(reshape(x, Shape{x.shape().size()}), reshape(indices, Dims{-1}), 0);
  const int rank = x.shape().rank(), a = normalize_axis(*axis, rank, "take_along_axis");
  if (indices.shape().rank() != rank) {
    value_error("`take_along_axis`: x and indices must have equal ranks. Received shapes ", x.shape(), " and ",
                indices.shape(), ".");
  }
  Shape x_shape = x.shape(), indices_shape = indices.shape();
  x_shape[a] = indices_shape[a] = 1;
  const Shape common = broadcast_shapes(x_shape, indices_shape, "take_along_axis");
  x_shape = indices_shape = common;
  x_shape[a] = x.shape()[a];
  indices_shape[a] = indices.shape()[a];
  return apply1(kTakeAlongAxis, TakeParams{a}, {broadcast_to(x, x_shape), broadcast_to(indices, indices_shape)});
}

Value scatter_along_axis(const Value& updates, const Value& indices, const Shape& shape, int64_t axis) {
  return apply1(kTakeAlongAxisGrad, grad_params(shape, axis), {updates, indices});
}

Value one_hot(const Value& x, int64_t num_classes, int64_t axis, DType dtype) {
  if (num_classes < 0) value_error("`one_hot`: a negative number of classes: ", num_classes, ".");
  if (dtype == DType::float16 || dtype == DType::bfloat16) {
    type_error("`one_hot`: ", dtype_name(dtype), " is not supported: cast the result of float32.");
  }
  OneHotParams params{};
  params.axis = normalize_axis(axis, x.shape().rank() + 1, "one_hot");
  params.num_classes = num_classes;
  params.dtype = static_cast<int64_t>(dtype);
  return apply1(kOneHot, params, {x});
}

Value upsample2d(const Value& x, int64_t height_factor, int64_t width_factor) {
  const Shape& s = x.shape();
  if (s.rank() != 4 || height_factor < 1 || width_factor < 1) {
    value_error(
        "`upsample2d`: expected a tensor of shape (batch, height, width, channels) and positive factors. Received "
        "shape ",
        s, " and factors (", height_factor, ", ", width_factor, ").");
  }
  constexpr int64_t kLargestFactor = INT32_MAX;  // products with an extent cannot overflow
  if (height_factor > kLargestFactor || width_factor > kLargestFactor) {
    value_error("`upsample2d`: factors (", height_factor, ", ", width_factor, ") are too large.");
  }
  const Value apart = reshape(x, Shape{s[0], s[1], 1, s[2], 1, s[3]});
  const Value repeated = broadcast_to(apart, Shape{s[0], s[1], height_factor, s[2], width_factor, s[3]});
  return reshape(repeated, Shape{s[0], s[1] * height_factor, s[2] * width_factor, s[3]});
}

}  // namespace pyneural::ops
