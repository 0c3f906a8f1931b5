#include "bindings/bind.h"
#include "ops/activation.h"

namespace pyneural {

namespace {

void bind_activation(py::module_& m) {
  const auto plain = [&m](const char* name, Value (*op)(const Value&)) { m.def(name, op, "x"_a); };
  plain("relu6", ops::relu6);
  plain("sigmoid", ops::sigmoid);
  plain("tanh", ops::tanh);
  plain("selu", ops::selu);
  plain("softplus", ops::softplus);
  plain("softsign", ops::softsign);
  plain("silu", ops::silu);
  plain("mish", ops::mish);
  plain("hard_sigmoid", ops::hard_sigmoid);
  plain("hard_silu", ops::hard_silu);
  plain("log_sigmoid", ops::log_sigmoid);
  m.def(
      "relu",
      [](const Value& x, double negative_slope, std::optional<double> max_value, double threshold) {
        return ops::relu(x, negative_slope, max_value, threshold);
      },
      "x"_a, "negative_slope"_a = 0.0, "max_value"_a = py::none(), "threshold"_a = 0.0);
  m.def("leaky_relu", &ops::leaky_relu, "x"_a, "negative_slope"_a = 0.2);
  m.def("elu", [](const Value& x, double alpha) { return ops::elu(x, alpha); }, "x"_a, "alpha"_a = 1.0);
  m.def(
      "gelu", [](const Value& x, bool approximate) { return approximate ? ops::gelu_tanh(x) : ops::gelu(x); }, "x"_a,
      "approximate"_a = true);
}

PN_BIND_OPS(bind_activation);

}  // namespace

}  // namespace pyneural
