#include "bindings/axes.h"
#include "bindings/bind.h"
#include "ops/random.h"

namespace pyneural {

namespace {

using IntOrList = std::variant<int64_t, std::vector<int64_t>>;
using Draw = Value (*)(const Value&, const Shape&, double, double, DType);

void bind_random(py::module_& m) {
  const auto draw = [&m](const char* name, Draw op, const char* first, double first_default, const char* second,
                         double second_default, const char* doc) {
    m.def(
        name,
        [op](const Value& state, const IntOrList& shape, double a, double b, DType dtype) {
          return op(state, Shape(to_list(shape)), a, b, dtype);
        },
        "state"_a, "shape"_a, py::arg(first) = first_default, py::arg(second) = second_default,
        "dtype"_a = DType::float32, doc);
  };
  draw("random_uniform", ops::random_uniform, "minval", 0, "maxval", 1, "Uniform in [minval, maxval).");
  draw("random_normal", ops::random_normal, "mean", 0, "stddev", 1, "Normally distributed.");
  draw("truncated_normal", ops::truncated_normal, "mean", 0, "stddev", 1,
       "Normally distributed, within two standard deviations of the mean.");
  m.def(
      "randint",
      [](const Value& state, const IntOrList& shape, int64_t low, int64_t high, DType dtype) {
        return ops::randint(state, Shape(to_list(shape)), low, high, dtype);
      },
      "state"_a, "shape"_a, "low"_a, "high"_a, "dtype"_a = DType::int32, "Uniform integers in [low, high).");
  m.def("dropout", &ops::dropout, "x"_a, "state"_a, "rate"_a, "x with elements zeroed and the others scaled up.");
  m.def("random_permutation", &ops::random_permutation, "state"_a, "count"_a, "0 ... count - 1 in random order.");
  m.def("shuffle", &ops::shuffle, "state"_a, "x"_a, "axis"_a = 0, "x with an axis in random order.");
}

PN_BIND_OPS(bind_random);

}  // namespace

}  // namespace pyneural
