#include "ops/softmax.h"

#include "bindings/bind.h"

namespace pyneural {
namespace {

void bind_softmax(py::module_& m) {
  m.def("softmax", &ops::softmax, "x"_a, "axis"_a = -1);
  m.def("log_softmax", &ops::log_softmax, "x"_a, "axis"_a = -1);
}
PN_BIND_OPS(bind_softmax);

}  // namespace
}  // namespace pyneural
