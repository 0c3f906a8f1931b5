#include "bindings/axes.h"
#include "bindings/bind.h"
#include "ops/reduce.h"

namespace pyneural {

namespace {

using Reduction = Value (*)(const Value&, const ops::Axes&, bool);
using ArgReduction = Value (*)(const Value&, std::optional<int64_t>, bool);

void bind_reduce(py::module_& m) {
  const auto reduction = [&m](const char* name, Reduction op, const char* doc) {
    m.def(
        name, [op](const Value& x, const AxisArgument& axis, bool keepdims) { return op(x, to_axes(axis), keepdims); },
        "x"_a, "axis"_a = py::none(), "keepdims"_a = false, doc);
  };
  reduction("sum", ops::sum, "Sum over axes.");
  reduction("mean", ops::mean, "Mean over axes.");
  reduction("prod", ops::prod, "Product over axes.");
  reduction("max", ops::max, "Largest element over axes; NaN wins.");
  reduction("min", ops::min, "Smallest element over axes; NaN wins.");
  reduction("var", ops::var, "Biased variance over axes.");
  reduction("std", ops::std, "Biased standard deviation over axes.");
  reduction("any", ops::any, "Whether any element is not zero.");
  reduction("all", ops::all, "Whether no element is zero.");
  reduction("count_nonzero", ops::count_nonzero, "How many elements are not zero.");
  reduction("logsumexp", ops::logsumexp, "log(sum(exp(x))) over axes, without overflow.");
  const auto arg_reduction = [&m](const char* name, ArgReduction op, const char* doc) {
    m.def(name, op, "x"_a, "axis"_a = py::none(), "keepdims"_a = false, doc);
  };
  arg_reduction("argmax", ops::argmax, "int32 position of the first largest element.");
  arg_reduction("argmin", ops::argmin, "int32 position of the first smallest element.");
  m.def("cumsum", &ops::cumsum, "x"_a, "axis"_a = py::none(), "Running sum along an axis.");
  m.def(
      "sum_to", [](const Value& x, const std::vector<int64_t>& shape) { return ops::sum_to(x, Shape(shape)); }, "x"_a,
      "shape"_a, "Sums x back to a shape that broadcasts to its own.");
}

PN_BIND_OPS(bind_reduce);

}  // namespace

}  // namespace pyneural
