#include "bindings/bind.h"
#include "ops/activation.h"
#include "ops/matmul.h"
#include "ops/matmul_precision.h"

namespace pyneural {

namespace {

constexpr std::pair<const char*, MatMulPrecision> kPrecisions[] = {
    {"float32", MatMulPrecision::float32}, {"tf32", MatMulPrecision::tf32}, {"bf16", MatMulPrecision::bf16}};

std::string precision_name() {
  for (const auto& [name, precision] : kPrecisions) {
    if (precision == ops::matmul_precision()) return name;
  }
  return "";
}

void set_precision(const std::string& wanted) {
  for (const auto& [name, precision] : kPrecisions) {
    if (name == wanted) return ops::set_matmul_precision(precision);
  }
  value_error("Unknown precision '", wanted, "'. Expected 'float32', 'tf32' or 'bf16'.");
}

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
  m.def("matmul_precision", &precision_name, "What `set_matmul_precision` has set.");
  m.def(
      "set_matmul_precision", &set_precision, "precision"_a,
      "Sets what GPUs round operands of float32 matrix products and convolutions to: 'float32' (not at all), 'tf32' or "
      "'bf16'. Ops take it over when they are applied or traced. RuntimeError if a GPU is too old for it.");
}

PN_BIND_OPS(bind_matmul);

}  // namespace

}  // namespace pyneural
