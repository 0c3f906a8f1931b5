// unary, binary, select.
#include "bindings/convert.h"
#include "ops/binary.h"
#include "ops/promote.h"
#include "ops/select.h"
#include "ops/unary.h"

namespace pyneural {

namespace {

// Bounds and branches: Python scalars adopt the dtype of `like`.
Value to_value_like(py::handle object, const Value& like) {
  return is_python_scalar(object) ? to_operands(py::cast(like), object).second : to_value(object);
}

void bind_elementwise(py::module_& m) {
#define PN_BIND(name) m.def(#name, &ops::name, "x"_a);
  PN_UNARY_OPS(PN_BIND)
  PN_UNARY_PREDICATES(PN_BIND)
  PN_BIND(logical_not)

  const auto binary = [&m](const char* name, BinaryOp op) {
    m.def(name, [op](py::handle x1, py::handle x2) { return apply_operands(op, x1, x2); }, "x1"_a, "x2"_a);
  };
#define PN_BIND_BINARY(name) binary(#name, ops::name);
  PN_BINARY_OPS(PN_BIND_BINARY)
  PN_COMPARISONS(PN_BIND_BINARY)
  PN_LOGICAL_OPS(PN_BIND_BINARY)

  m.def(
      "where",
      [](const Value& condition, py::handle x1, py::handle x2) {
        const auto [a, b] = to_operands(x1, x2);
        return ops::where(condition, a, b);
      },
      "condition"_a, "x1"_a, "x2"_a, "x1 where the condition is not zero, else x2.");
  m.def(
      "clip",
      [](const Value& x, py::handle x_min, py::handle x_max) {
        return ops::clip(x, to_value_like(x_min, x), to_value_like(x_max, x));
      },
      "x"_a, "x_min"_a, "x_max"_a, "x limited to [x_min, x_max].");
  m.def("cast", &ops::cast, "x"_a, "dtype"_a, "x converted to a dtype.");
}

PN_BIND_OPS(bind_elementwise);

}  // namespace

}  // namespace pyneural
