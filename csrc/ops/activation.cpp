#include "ops/activation.h"

#include <cmath>
#include <limits>

#include "graph/node.h"
#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/epilogue.h"
#include "ops/pool2d.h"
#include "ops/promote.h"
#include "ops/select.h"
#include "ops/unary.h"

namespace pyneural::ops {

namespace {

constexpr int kFirst = static_cast<int>(ElementwiseOp::relu);
constexpr int kFirstGrad = static_cast<int>(ElementwiseOp::relu_grad);

const OpDef& def_of(ElementwiseOp op) { return activation_defs[static_cast<int>(op) - kFirst]; }

Value scaled(const Value& x, double factor) { return multiply(x, scalar_like(factor, x)); }
Value shifted(const Value& x, double offset) { return add(x, scalar_like(offset, x)); }

// d slope / d v, where v is what the slope is computed from; empty where it is zero.
Value curvature(ElementwiseOp op, const Value& v) {
  const auto where_negative = [&v](const Value& value) {
    return where(less(v, scalar_like(0, v)), value, scalar_like(0, v));
  };
  switch (op) {
    case ElementwiseOp::relu_grad:
    case ElementwiseOp::relu6_grad:
    case ElementwiseOp::hard_sigmoid_grad:
      return {};
    case ElementwiseOp::sigmoid_grad:
      return shifted(scaled(v, -2), 1);
    case ElementwiseOp::tanh_grad:
      return scaled(v, -2);
    case ElementwiseOp::elu_grad:
    case ElementwiseOp::selu_grad:
      return where_negative(scalar_like(1, v));
    case ElementwiseOp::softplus_grad:
      return exp(negative(v));
    case ElementwiseOp::softsign_grad:
      return scaled(subtract(v, sign(v)), 2);
    case ElementwiseOp::silu_grad: {
      const Value s = sigmoid(v);  // s (1 - s) (2 + v (1 - 2 s))
      return multiply(multiply(s, shifted(negative(s), 1)), shifted(multiply(v, shifted(scaled(s, -2), 1)), 2));
    }
    case ElementwiseOp::gelu_grad:  // exp(-v^2 / 2) / sqrt(2 pi) * (2 - v^2)
      return multiply(scaled(exp(scaled(square(v), -0.5)), 0.39894228040143267794), shifted(negative(square(v)), 2));
    case ElementwiseOp::hard_silu_grad:
      return where(less(absolute(v), scalar_like(3, v)), scalar_like(1.0 / 3, v), scalar_like(0, v));
    default:
      type_error("`", def_of(op).name, "` has no gradient: the second derivative of this activation is missing.");
  }
}

template <ElementwiseOp Op>
Values grad_from_output(const GradCall& call) {
  constexpr auto kGrad = static_cast<ElementwiseOp>(static_cast<int>(Op) - kFirst + kFirstGrad);
  return {apply1(def_of(kGrad), {}, {call.grads[0], call.outputs[0]})};
}
template <ElementwiseOp Op>
Values grad_from_input(const GradCall& call) {
  constexpr auto kGrad = static_cast<ElementwiseOp>(static_cast<int>(Op) - kFirst + kFirstGrad);
  return {apply1(def_of(kGrad), {}, {call.grads[0], call.inputs[0]})};
}
template <ElementwiseOp Op>
Values grad_of_grad(const GradCall& call) {
  const Value &outer = call.grads[0], &grad = call.inputs[0], &v = call.inputs[1];
  const Value curved = call.needs(1) ? curvature(Op, v) : Value();
  return {call.needs(0) ? apply1(call.op, {}, {outer, v}) : Value(),
          curved ? multiply(multiply(outer, grad), curved) : Value()};
}

// Moves the activation into the op that makes its input, if nobody else reads that.
template <Activation A>
Values fuse_activation(const FusionContext& context, const Node& node) {
  const Value& input = node.inputs[0];
  if (const EpilogueHost* host = epilogue_host(context, input)) {
    if (const Value merged = host->with_activation(*input.node(), A)) return {merged};
  }
  return fuse_elementwise(context, node);
}

Values fuse_relu_grad(const FusionContext& context, const Node& node) {
  if (const Value moved = relu_grad_before_pooling(context, node)) return {moved};
  return fuse_elementwise(context, node);
}
constexpr auto fuse_grad(ElementwiseOp op) {
  return op == ElementwiseOp::relu_grad ? fuse_relu_grad : fuse_elementwise;
}

struct ActivationName {
  const char* name;
  Activation activation;
};
constexpr ActivationName kNames[] = {{"linear", Activation::linear},
                                     {"exponential", Activation::exponential},
#define PN_NAMED(name) {#name, Activation::name},
                                     PN_ACTIVATION_OPS(PN_NAMED)};
static_assert(std::size(kNames) == kActivationCount);

const OpDef* def_of(Activation activation) {
  switch (activation) {
#define PN_CASE(name)    \
  case Activation::name: \
    return &def_of(ElementwiseOp::name);
    PN_ACTIVATION_OPS(PN_CASE)
    case Activation::exponential:
      return &unary_defs[static_cast<int>(ElementwiseOp::exp)];
    case Activation::linear:
      return nullptr;
  }
  return nullptr;
}

Specs infer_grad(const InferCall& call) { return {call.in(0)}; }

Values grad_general_relu(const GradCall& call);
const OpDef kGeneralRelu{.name = "general_relu", .infer = infer_unary, .grad = grad_general_relu, .in_place = 1};
Values grad_of_general_relu_grad(const GradCall& call) {  // the slope is constant by pieces
  return {call.needs(0) ? apply1(call.op, call.params, {call.grads[0], call.inputs[1]}) : Value(), Value()};
}
const OpDef kGeneralReluGrad{
    .name = "general_relu_grad", .infer = infer_grad, .grad = grad_of_general_relu_grad, .in_place = 1};
Values grad_general_relu(const GradCall& call) {
  return {apply1(kGeneralReluGrad, call.params, {call.grads[0], call.inputs[0]})};
}

}  // namespace

#define PN_DEF(op_name, rule)                    \
  {.name = #op_name,                             \
   .infer = infer_unary,                         \
   .grad = rule<ElementwiseOp::op_name>,         \
   .fuse = fuse_activation<Activation::op_name>, \
   .in_place = 1},
#define PN_OUTPUT_DEF(name) PN_DEF(name, grad_from_output)
#define PN_INPUT_DEF(name) PN_DEF(name, grad_from_input)
#define PN_GRAD_DEF(op_name)                            \
  {.name = #op_name "_grad",                            \
   .infer = infer_grad,                                 \
   .grad = grad_of_grad<ElementwiseOp::op_name##_grad>, \
   .fuse = fuse_grad(ElementwiseOp::op_name##_grad),    \
   .in_place = 1},
const OpDef activation_defs[] = {PN_ACTIVATIONS_FROM_OUTPUT(PN_OUTPUT_DEF) PN_ACTIVATIONS_FROM_INPUT(PN_INPUT_DEF)
                                     PN_ACTIVATION_OPS(PN_GRAD_DEF)};

#define PN_ACTIVATION(name) \
  Value name(const Value& x) { return apply1(def_of(ElementwiseOp::name), {}, {to_floating(#name, x)}); }
PN_ACTIVATION_OPS(PN_ACTIVATION)

Value relu(const Value& x, double negative_slope, std::optional<double> max_value, double threshold) {
  if (negative_slope < 0) value_error("`relu`: negative_slope must not be negative. Received: ", negative_slope);
  if (max_value && *max_value < 0) value_error("`relu`: max_value must not be negative. Received: ", *max_value);
  if (negative_slope == 0 && threshold == 0 && (!max_value || *max_value == 6)) return max_value ? relu6(x) : relu(x);
  const ReluParams params{negative_slope, max_value.value_or(std::numeric_limits<double>::infinity()), threshold};
  return apply1(kGeneralRelu, params, {to_floating("relu", x)});
}

Value leaky_relu(const Value& x, double negative_slope) {
  const ReluParams params{negative_slope, std::numeric_limits<double>::infinity(), 0};
  return apply1(kGeneralRelu, params, {to_floating("leaky_relu", x)});
}

Value elu(const Value& x, double alpha) {
  if (alpha == 1) return elu(x);
  const Value real = to_floating("elu", x);
  const Value zero = scalar_like(0, real);
  // The minimum keeps infinity out of the branch that is not taken, and so NaN out of the gradient.
  return where(greater(real, zero), real, scaled(expm1(minimum(real, zero)), alpha));
}

Value log_sigmoid(const Value& x) { return negative(softplus(negative(to_floating("log_sigmoid", x)))); }

Value apply_activation(const Value& x, Activation activation) {
  const OpDef* op = def_of(activation);
  return op ? apply1(*op, {}, {to_floating(op->name, x)}) : x;
}

bool slope_from_output(Activation activation) {
  switch (activation) {
#define PN_FROM_INPUT(name) case Activation::name:
    PN_ACTIVATIONS_FROM_INPUT(PN_FROM_INPUT) return false;
    default:
      return true;
  }
}

Value activation_grad(const Value& grad, const Value& y, Activation activation) {
  if (activation == Activation::linear) return grad;
  if (activation == Activation::exponential) return multiply(grad, y);
  if (!slope_from_output(activation)) {
    value_error("The gradient of `", activation_name(activation), "` does not follow from its output.");
  }
  return apply1(*(def_of(activation) + kFirstGrad - kFirst), {}, {grad, y});
}

const char* activation_name(Activation activation) {
  for (const ActivationName& entry : kNames) {
    if (entry.activation == activation) return entry.name;
  }
  return "unknown";
}

Activation activation_from_name(const std::string& name) {
  for (const ActivationName& entry : kNames) {
    if (name == entry.name) return entry.activation;
  }
  value_error("Unknown activation: ", name);
}

}  // namespace pyneural::ops
