#include "bindings/bind.h"
#include "ops/index.h"

namespace pyneural {

namespace {

void bind_index(py::module_& m) {
  m.def("take", &ops::take, "x"_a, "indices"_a, "axis"_a = py::none(),
        "Slices of x along an axis. Negative indices count from the end; others outside raise IndexError.");
  m.def("take_along_axis", &ops::take_along_axis, "x"_a, "indices"_a, "axis"_a = -1,
        "One element of x per index, along an axis.");
  m.def("one_hot", &ops::one_hot, "x"_a, "num_classes"_a, "axis"_a = -1, "dtype"_a = DType::float32,
        "Ones where the class stands; all zeros for a class outside [0, num_classes).");
  m.def("sort", &ops::sort, "x"_a, "axis"_a = -1, "Ascending order, NaN last.");
  m.def("argsort", &ops::argsort, "x"_a, "axis"_a = -1, "int32 positions in stable ascending order, NaN last.");
  m.def(
      "top_k",
      [](const Value& x, int64_t k) {
        const Values result = ops::top_k(x, k);
        return std::make_pair(result[0], result[1]);
      },
      "x"_a, "k"_a, "The k largest elements of the last axis, and their int32 positions.");
  m.def(
      "upsample2d",
      [](const Value& x, std::pair<int64_t, int64_t> size) { return ops::upsample2d(x, size.first, size.second); },
      "x"_a, "size"_a, "Each pixel repeated size[0] times down and size[1] times across.");
}

PN_BIND_OPS(bind_index);

}  // namespace

}  // namespace pyneural
