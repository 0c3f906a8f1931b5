// An argument for both image axes: one int, or (rows, columns).
#pragma once

#include <variant>

#include "bindings/bind.h"
#include "ops/window.h"

namespace pyneural {

using PairArgument = std::variant<int64_t, ops::Pair>;

inline ops::Pair to_pair(const PairArgument& argument) {
  if (const auto* both = std::get_if<int64_t>(&argument)) return {*both, *both};
  return std::get<ops::Pair>(argument);
}

}  // namespace pyneural
