// An axis argument: None, an int or a sequence of ints.
#pragma once

#include <variant>

#include "bindings/bind.h"
#include "ops/reduce.h"

namespace pyneural {

using AxisArgument = std::optional<std::variant<int64_t, std::vector<int64_t>>>;

inline ops::Axes to_axes(const AxisArgument& axis) {
  if (!axis) return std::nullopt;
  if (const int64_t* one = std::get_if<int64_t>(&*axis)) return std::vector<int64_t>{*one};
  return std::get<std::vector<int64_t>>(*axis);
}

// The same where an int means a list of one.
inline std::vector<int64_t> to_list(const std::variant<int64_t, std::vector<int64_t>>& values) {
  if (const int64_t* one = std::get_if<int64_t>(&values)) return {*one};
  return std::get<std::vector<int64_t>>(values);
}

}  // namespace pyneural
