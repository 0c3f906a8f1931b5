#include "bindings/pair.h"
#include "ops/pool2d.h"

namespace pyneural {

namespace {

void bind_pool2d(py::module_& m) {
  const auto pool = [&m](const char* name, auto op, const char* doc) {
    m.def(
        name,
        [op](const Value& x, const PairArgument& pool_size, const std::optional<PairArgument>& strides,
             const std::string& padding) {
          return op(x, to_pair(pool_size), to_pair(strides.value_or(pool_size)), padding);
        },
        "x"_a, "pool_size"_a, "strides"_a = py::none(), "padding"_a = "valid", doc);
  };
  pool("max_pool2d", &ops::max_pool2d, "Largest element of each window of NHWC images; NaN wins.");
  pool("average_pool2d", &ops::average_pool2d, "Mean of each window of NHWC images, padding excluded.");
}

PN_BIND_OPS(bind_pool2d);

}  // namespace

}  // namespace pyneural
