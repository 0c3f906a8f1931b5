#include "ops/layer_norm.h"

#include <algorithm>

#include "ops/cost.h"
#include "ops/layer_norm_params.h"
#include "ops/shape.h"

namespace pyneural::ops {
namespace {

Shape leading(const Shape& shape, int trailing) { return Shape(shape.begin(), shape.end() - trailing); }
Shape trailing(const Shape& shape, int count) { return Shape(shape.end() - count, shape.end()); }

void check_operands(const InferCall& call, const Spec& x, std::initializer_list<size_t> parameters) {
  if (x.dtype != DType::float32 && x.dtype != DType::float64) {
    type_error("`", call.op.name, "` computes in float32 and float64, not ", dtype_name(x.dtype),
               ": cast to float32 first.");
  }
  const Shape expected = trailing(x.shape, call.params.as<LayerNormParams>().axes);
  for (size_t i : parameters) {
    if (!call.present(i)) continue;
    if (call.in(i).shape != expected) {
      value_error("`", call.op.name, "`: gamma and beta must have shape ", expected, " for an input of shape ", x.shape,
                  ". Received: ", call.in(i).shape);
    }
    if (call.in(i).dtype != x.dtype) {
      type_error("`", call.op.name, "`: all operands must be ", dtype_name(x.dtype),
                 ". Received: ", dtype_name(call.in(i).dtype));
    }
  }
}

// (dy, x, mean, rstd, gamma) -> (dx, dgamma, dbeta); the last two are empty unless params.parameters.
const OpDef kGrad{
    .name = "layer_normalization_grad",
    .infer =
        [](const InferCall& call) {
          const Spec& x = call.in(1);
          const auto& p = call.params.as<LayerNormParams>();
          check_operands(call, x, {4});
          const Spec vector{p.parameters ? trailing(x.shape, p.axes) : Shape{0}, x.dtype};
          return Specs{x, vector, vector};
        },
    .cost = [](const CostCall& call) { return streaming_cost(call, 14, call.outputs[0].shape().size()); },
    .in_place = 1,
};

// (x, gamma, beta) -> (y, mean, rstd); the statistics of each row are kept for the gradient.
const OpDef kLayerNormalization{
    .name = "layer_normalization",
    .infer =
        [](const InferCall& call) {
          const Spec& x = call.in(0);
          check_operands(call, x, {1, 2});
          const Spec rows{leading(x.shape, call.params.as<LayerNormParams>().axes), x.dtype};
          return Specs{x, rows, rows};
        },
    .grad =
        [](const GradCall& call) {
          Params params = call.params;
          params.as<LayerNormParams>().parameters = call.needs(1) || call.needs(2);
          const Values grads =
              apply(kGrad, params, {call.grads[0], call.inputs[0], call.outputs[1], call.outputs[2], call.inputs[1]});
          return Values{grads[0], call.needs(1) ? grads[1] : Value(), call.needs(2) ? grads[2] : Value()};
        },
    .cost = [](const CostCall& call) { return streaming_cost(call, 8, call.outputs[0].shape().size()); },
    .in_place = 1,
};

}  // namespace

Value layer_normalization(const Value& x, const Value& gamma, const Value& beta, const std::vector<int64_t>& axes,
                          double epsilon) {
  const int rank = x.shape().rank(), count = static_cast<int>(axes.size());
  if (count == 0) value_error("`layer_normalization` needs at least one axis.");
  std::vector<bool> chosen(static_cast<size_t>(rank), false);
  for (int64_t axis : axes) {
    const auto i = static_cast<size_t>(normalize_axis(axis, rank, kLayerNormalization.name));
    if (chosen[i]) value_error("`layer_normalization`: axis ", axis, " is given twice.");
    chosen[i] = true;
  }
  // The kernel works on trailing axes: bring the others to the front, and back.
  std::vector<int64_t> order, back(static_cast<size_t>(rank));
  for (bool normalized : {false, true}) {
    for (int64_t i = 0; i < rank; ++i) {
      if (chosen[static_cast<size_t>(i)] != normalized) continue;
      back[static_cast<size_t>(i)] = static_cast<int64_t>(order.size());
      order.push_back(i);
    }
  }
  const bool in_order = std::is_sorted(order.begin(), order.end());
  const Value rows = in_order ? x : transpose(x, order);
  const Value y = apply(kLayerNormalization, LayerNormParams{epsilon, count, 1}, {rows, gamma, beta})[0];
  return in_order ? y : transpose(y, back);
}

}  // namespace pyneural::ops
