// Reductions over any set of axes. Without axes, over all of them.
#pragma once

#include <optional>
#include <vector>

#include "graph/op.h"

namespace pyneural::ops {

using Axes = std::optional<std::vector<int64_t>>;

// bool, int8, int16 and uint8 are summed (multiplied) as int32.
Value sum(const Value& x, const Axes& axes = std::nullopt, bool keepdims = false);
Value prod(const Value& x, const Axes& axes = std::nullopt, bool keepdims = false);
// Integers become float32 in mean, var, std and logsumexp.
Value mean(const Value& x, const Axes& axes = std::nullopt, bool keepdims = false);
Value var(const Value& x, const Axes& axes = std::nullopt, bool keepdims = false);  // biased, two passes
Value std(const Value& x, const Axes& axes = std::nullopt, bool keepdims = false);
Value logsumexp(const Value& x, const Axes& axes = std::nullopt, bool keepdims = false);
// NaN wins. The gradient is shared equally by elements that tie.
Value max(const Value& x, const Axes& axes = std::nullopt, bool keepdims = false);
Value min(const Value& x, const Axes& axes = std::nullopt, bool keepdims = false);
Value any(const Value& x, const Axes& axes = std::nullopt, bool keepdims = false);
Value all(const Value& x, const Axes& axes = std::nullopt, bool keepdims = false);
Value count_nonzero(const Value& x, const Axes& axes = std::nullopt, bool keepdims = false);  // int32

// int32 index of the first extreme element; the first NaN counts as extreme. Without an axis, of the flattened tensor.
Value argmax(const Value& x, std::optional<int64_t> axis = std::nullopt, bool keepdims = false);
Value argmin(const Value& x, std::optional<int64_t> axis = std::nullopt, bool keepdims = false);

Value cumsum(const Value& x, std::optional<int64_t> axis = std::nullopt);  // without an axis, of the flattened tensor

// Sums x back to a shape that broadcasts to x's: the gradient of broadcasting.
Value sum_to(const Value& x, const Shape& shape);

}  // namespace pyneural::ops
