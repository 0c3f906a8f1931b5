#include <variant>

#include "bindings/bind.h"
#include "ops/layer_norm.h"

namespace pyneural {
namespace {

void bind_layer_norm(py::module_& m) {
  m.def(
      "layer_normalization",
      [](const Value& x, const Value& gamma, const Value& beta, const std::variant<int64_t, std::vector<int64_t>>& axis,
         double epsilon) {
        const auto* one = std::get_if<int64_t>(&axis);
        return ops::layer_normalization(x, gamma, beta, one ? std::vector{*one} : std::get<1>(axis), epsilon);
      },
      "x"_a, "gamma"_a = Value(), "beta"_a = Value(), "axis"_a = -1, "epsilon"_a = 1e-3);
}
PN_BIND_OPS(bind_layer_norm);

}  // namespace
}  // namespace pyneural
