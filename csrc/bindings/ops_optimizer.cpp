#include "bindings/bind.h"
#include "ops/optimizer.h"

namespace pyneural {
namespace {

void bind_optimizer(py::module_& m) {
  m.def("sgd_update", &ops::sgd_update, "p"_a, "g"_a, "lr"_a, "weight_decay"_a = 0.0);
  m.def("momentum_update", &ops::momentum_update, "p"_a, "g"_a, "m"_a, "lr"_a, "momentum"_a = 0.9, "nesterov"_a = false,
        "weight_decay"_a = 0.0);
  m.def("adam_update", &ops::adam_update, "p"_a, "g"_a, "m"_a, "v"_a, "v_hat"_a, "lr"_a, "step"_a, "beta_1"_a = 0.9,
        "beta_2"_a = 0.999, "epsilon"_a = 1e-7, "weight_decay"_a = 0.0);
  m.def("rmsprop_update", &ops::rmsprop_update, "p"_a, "g"_a, "v"_a, "m"_a, "mean"_a, "lr"_a, "rho"_a = 0.9,
        "momentum"_a = 0.0, "epsilon"_a = 1e-7, "weight_decay"_a = 0.0);
  m.def("adagrad_update", &ops::adagrad_update, "p"_a, "g"_a, "accumulator"_a, "lr"_a, "epsilon"_a = 1e-7,
        "weight_decay"_a = 0.0);
  m.def("adadelta_update", &ops::adadelta_update, "p"_a, "g"_a, "accumulated_grad"_a, "accumulated_delta"_a, "lr"_a,
        "rho"_a = 0.95, "epsilon"_a = 1e-7, "weight_decay"_a = 0.0);
  m.def("squared_norm", &ops::squared_norm, "x"_a);
  m.def("clip_by_norm", &ops::clip_by_norm, "x"_a, "squared_norm"_a, "limit"_a);
  m.def("clip_by_global_norm", &ops::clip_by_global_norm, "flat"_a, "limit"_a);
}
PN_BIND_OPS(bind_optimizer);

}  // namespace
}  // namespace pyneural
