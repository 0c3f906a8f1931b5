#include "ops/matmul.h"

#include "graph/node.h"
#include "ops/activation.h"
#include "ops/cost.h"
#include "ops/epilogue.h"
#include "ops/matmul_params.h"
#include "ops/promote.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace pyneural::ops {

namespace {

void check_dtype(const OpDef& op, DType dtype) {
  if (dtype == DType::float16 || dtype == DType::bfloat16) {
    type_error("`", op.name, "` does not compute in ", dtype_name(dtype), ": cast to float32 first.");
  }
}

Shape leading_axes(const Shape& shape) { return Shape(shape.begin(), shape.end() - 2); }

// The gradient of an operand whose leading axes were broadcast.
Value unbroadcast(const Value& grad, const Value& operand) { return sum_to(grad, operand.shape()); }

const OpDef kMatMul{
    .name = "matmul",
    .infer =
        [](const InferCall& call) {
          const auto& p = call.params.as<MatMulParams>();
          const Shape &a = call.in(0).shape, &b = call.in(1).shape;
          const int64_t a_depth = a[p.transpose_a ? -2 : -1], b_depth = b[p.transpose_b ? -1 : -2];
          if (a_depth != b_depth) {
            value_error("`matmul`: the inner dimensions of the operands must be equal, but they are ", a_depth, " and ",
                        b_depth, ". Received: a.shape=", a, ", b.shape=", b, p.transpose_a ? ", transpose_a=True" : "",
                        p.transpose_b ? ", transpose_b=True" : "");
          }
          check_dtype(call.op, call.in(0).dtype);
          Shape shape = broadcast_shapes(leading_axes(a), leading_axes(b), call.op.name);
          shape.push_back(a[p.transpose_a ? -1 : -2]);
          shape.push_back(b[p.transpose_b ? -2 : -1]);
          return Specs{{shape, call.in(0).dtype}};
        },
    .grad =
        [](const GradCall& call) {
          const auto& p = call.params.as<MatMulParams>();
          const Value &a = call.inputs[0], &b = call.inputs[1], &g = call.grads[0];
          Values grads(2);
          if (call.needs(0)) {
            grads[0] =
                unbroadcast(p.transpose_a ? matmul(b, g, p.transpose_b, true) : matmul(g, b, false, !p.transpose_b), a);
          }
          if (call.needs(1)) {
            grads[1] =
                unbroadcast(p.transpose_b ? matmul(g, a, true, p.transpose_a) : matmul(a, g, !p.transpose_a, false), b);
          }
          return grads;
        },
    .cost =
        [](const CostCall& call) {
          const auto& p = call.params.as<MatMulParams>();
          const int64_t depth = call.inputs[0].shape()[p.transpose_a ? -2 : -1];
          return streaming_cost(call, 2.0 * static_cast<double>(depth), call.outputs[0].shape().size());
        },
};

Value flatten_rows(const Value& x) {
  if (x.shape().rank() == 2) return x;
  int64_t rows = 1;
  for (int axis = 0; axis + 1 < x.shape().rank(); ++axis) rows *= x.shape()[axis];
  return reshape(x, Shape{rows, x.shape()[-1]});
}

// (x, kernel, bias) -> y
const OpDef kLinear{
    .name = "linear",
    .infer =
        [](const InferCall& call) {
          const Shape &x = call.in(0).shape, &kernel = call.in(1).shape;
          if (x.rank() < 2 || kernel.rank() != 2 || x[-1] != kernel[0]) {
            value_error("`linear`: expected x of shape (..., inputs) with at least 2 axes and a kernel of shape ",
                        "(inputs, units). Received: x.shape=", x, ", kernel.shape=", kernel);
          }
          if (call.present(2) && call.in(2).shape != Shape{kernel[1]}) {
            value_error("`linear`: the bias must have shape ", Shape{kernel[1]},
                        ". Received: bias.shape=", call.in(2).shape);
          }
          check_dtype(call.op, call.in(0).dtype);
          Shape shape = x;
          shape[-1] = kernel[1];
          return Specs{{shape, call.in(0).dtype}};
        },
    .grad =
        [](const GradCall& call) {
          const Activation activation = call.params.as<LinearParams>().activation;
          const Value grad = activation == Activation::linear
                                 ? call.grads[0]
                                 : activation_grad(call.grads[0], call.outputs[0], activation);
          const Value &x = call.inputs[0], &kernel = call.inputs[1];
          Values grads(3);
          if (call.needs(0)) grads[0] = matmul(grad, kernel, false, true);
          const Value rows = flatten_rows(grad);
          if (call.needs(1)) grads[1] = matmul(flatten_rows(x), rows, true, false);
          if (call.needs(2)) grads[2] = sum(rows, std::vector<int64_t>{0});
          return grads;
        },
    .cost =
        [](const CostCall& call) {
          const int64_t depth = call.inputs[1].shape()[0];
          return streaming_cost(call, 2.0 * static_cast<double>(depth), call.outputs[0].shape().size());
        },
};

[[maybe_unused]] const bool kIsEpilogueHost =
    register_epilogue_host(kLinear, {[](const Node& node, Activation activation) -> Value {
                                       LinearParams params = node.params.as<LinearParams>();
                                       if (params.activation != Activation::linear) return {};
                                       params.activation = activation;
                                       return apply1(kLinear, params, node.inputs);
                                     },
                                     [](const Node& node, const Value& scale, const Value& offset) -> Value {
                                       if (node.params.as<LinearParams>().activation != Activation::linear) return {};
                                       return with_scaled_kernel(node, scale, scale, offset);
                                     }});

}  // namespace

Value matmul(const Value& a, const Value& b, bool transpose_a, bool transpose_b) {
  const Shape &a_shape = a.shape(), &b_shape = b.shape();
  if (a_shape.rank() == 0 || b_shape.rank() == 0) {
    value_error("`matmul`: the operands must have at least one axis. Received: a.shape=", a_shape,
                ", b.shape=", b_shape);
  }
  const DType dtype = promote(a.dtype(), b.dtype());
  Value left = cast_to(a, dtype), right = cast_to(b, dtype);
  // Transposing a vector changes nothing.
  const bool row = a_shape.rank() == 1, column = b_shape.rank() == 1;
  if (row) left = reshape(left, Shape{1, a_shape[0]}), transpose_a = false;
  if (column) right = reshape(right, Shape{b_shape[0], 1}), transpose_b = false;
  // One large product instead of many that share their right operand: also for the gradient.
  const bool flat = left.shape().rank() > 2 && right.shape().rank() == 2 && !transpose_a;
  Shape shape;
  if (flat) {
    shape = left.shape();
    left = flatten_rows(left);
  }
  Values operands(2);
  operands[0] = std::move(left);
  operands[1] = std::move(right);
  Value product = apply1(kMatMul, MatMulParams{transpose_a, transpose_b, matmul_precision()}, operands);
  if (!row && !column && !flat) return product;
  if (!flat) shape = product.shape();
  shape[-1] = product.shape()[-1];
  if (column) shape.erase(shape.rank() - 1);
  if (row) shape.erase(shape.rank() - (column ? 1 : 2));
  return reshape(product, shape);
}

Values factors_of(const Value& product) {
  if (!product.symbolic() || product.node()->op != &kMatMul) return {};
  return product.node()->inputs;
}

Value linear(const Value& x, const Value& kernel, const Value& bias, Activation activation) {
  DType dtype = promote(x.dtype(), kernel.dtype());
  if (bias) dtype = promote(dtype, bias.dtype());
  if (!is_floating(dtype)) dtype = DType::float32;
  // Where the slope needs the input of the activation, that is a value of its own.
  const bool fused = slope_from_output(activation);
  const Value y = apply1(kLinear, LinearParams{fused ? activation : Activation::linear, matmul_precision()},
                         {cast_to(x, dtype), cast_to(kernel, dtype), bias ? cast_to(bias, dtype) : bias});
  return fused ? y : apply_activation(y, activation);
}

}  // namespace pyneural::ops
