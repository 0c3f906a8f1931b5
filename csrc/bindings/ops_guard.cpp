#include "bindings/bind.h"
#include "ops/guard.h"

namespace pyneural {
namespace {

void bind_guard(py::module_& m) {
  m.def("guard_finite", [](const py::args& values) {
    Values operands;
    for (py::handle value : values) operands.push_back(to_value(value));
    return ops::guard_finite(operands);
  });
  m.def("all_finite", &ops::all_finite, "x"_a);
  m.def("in_range", &ops::in_range, "x"_a, "lo"_a, "hi"_a);
}
PN_BIND_OPS(bind_guard);

}  // namespace
}  // namespace pyneural
