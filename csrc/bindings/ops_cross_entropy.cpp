#include "bindings/bind.h"
#include "ops/cross_entropy.h"

namespace pyneural {
namespace {

void bind_cross_entropy(py::module_& m) {
  m.def("sparse_softmax_cross_entropy", &ops::sparse_softmax_cross_entropy, "labels"_a, "logits"_a);
  m.def("softmax_cross_entropy", &ops::softmax_cross_entropy, "targets"_a, "logits"_a);
  m.def("sigmoid_cross_entropy", &ops::sigmoid_cross_entropy, "targets"_a, "logits"_a);
}
PN_BIND_OPS(bind_cross_entropy);

}  // namespace
}  // namespace pyneural
