// Activations, with Keras's numerics.
#pragma once

#include <optional>
#include <string>

#include "graph/op.h"
#include "ops/activation_params.h"
#include "ops/elementwise_params.h"

namespace pyneural::ops {

// relu6, sigmoid, tanh, selu, softplus, softsign, silu, hard_sigmoid, hard_silu, mish; gelu is the exact one, gelu_tanh
// the approximation through tanh.
#define PN_DECLARE(name) Value name(const Value& x);
PN_ACTIVATION_OPS(PN_DECLARE)
#undef PN_DECLARE

// max_value where x >= max_value; x where threshold <= x; else negative_slope * (x - threshold).
Value relu(const Value& x, double negative_slope, std::optional<double> max_value, double threshold);
Value leaky_relu(const Value& x, double negative_slope = 0.2);
Value elu(const Value& x, double alpha);
Value log_sigmoid(const Value& x);

Value apply_activation(const Value& x, Activation activation);

// The gradient with respect to the input of y = activation(x), when y is all that is kept. Throws ValueError if the
// activation's slope does not follow from y (see slope_from_output).
Value activation_grad(const Value& grad, const Value& y, Activation activation);
bool slope_from_output(Activation activation);

const char* activation_name(Activation activation);        // "relu"
Activation activation_from_name(const std::string& name);  // throws ValueError

}  // namespace pyneural::ops
