#include "bindings/bind.h"
#include "ops/activation.h"
#include "ops/matmul.h"

namespace pyneural {

namespace {

void bind_matmul(py::module_& m) {
  m.def("matmul", &ops::matmul, "a"_a, "b"_a, "transpose_a"_a = false, "transpose_b"_a = false,
        "Matrix product over the last two axes; leading axes broadcast, a vector is a row or a column.");
  m.def(
      "linear",
      [](const Value& x, const Value& kernel, const Value& bias, const std::string& activation) {
        return ops::linear(x, kernel, bias, ops::activation_from_name(activation));
      },
      "x"_a, "kernel"_a, "bias"_a = py::none(), "activation"_a = "linear",
      "activation(x @ kernel + bias) over the last axis of x.");
}

PN_BIND_OPS(bind_matmul);

}  // namespace

}  // namespace pyneural
