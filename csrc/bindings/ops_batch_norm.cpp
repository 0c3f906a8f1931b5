#include "bindings/bind.h"
#include "ops/batch_norm.h"

namespace pyneural {
namespace {

void bind_batch_norm(py::module_& m) {
  m.def("batch_normalization", &ops::batch_normalization, "x"_a, "mean"_a, "variance"_a, "axis"_a = -1,
        "offset"_a = Value(), "scale"_a = Value(), "epsilon"_a = 1e-3);
  m.def("batch_norm_train", &ops::batch_norm_train, "x"_a, "gamma"_a, "beta"_a, "axis"_a = -1, "epsilon"_a = 1e-3);
}
PN_BIND_OPS(bind_batch_norm);

}  // namespace
}  // namespace pyneural
