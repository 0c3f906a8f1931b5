// Looking elements up: gather, sort, one-hot. Indices may be any integer dtype; negative ones count from the end,
// others outside the axis are IndexErrors.
#pragma once

#include <optional>

#include "graph/op.h"

namespace pyneural::ops {

// x.shape with `axis` replaced by indices.shape. Without an axis, from the flattened tensor.
Value take(const Value& x, const Value& indices, std::optional<int64_t> axis = std::nullopt);
// One index per element: indices and x agree on all axes but `axis`. Without an axis, of the flattened tensor.
Value take_along_axis(const Value& x, const Value& indices, std::optional<int64_t> axis = -1);
// The gradient of take_along_axis: zeros of a shape, with updates added where indices say.
Value scatter_along_axis(const Value& updates, const Value& indices, const Shape& shape, int64_t axis);
// A class outside [0, num_classes) gives zeros.
Value one_hot(const Value& x, int64_t num_classes, int64_t axis = -1, DType dtype = DType::float32);

// Stable, NaN last. argsort and the indices of top_k are int32.
Value sort(const Value& x, int64_t axis = -1);
Value argsort(const Value& x, int64_t axis = -1);
Values top_k(const Value& x, int64_t k);  // the largest k of the last axis, in order; NaN counts as largest

// Each pixel of [batch, height, width, channels] becomes size[0] x size[1] equal ones.
Value upsample2d(const Value& x, int64_t height_factor, int64_t width_factor);

}  // namespace pyneural::ops
