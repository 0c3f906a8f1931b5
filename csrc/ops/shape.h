// Ops that move elements without computing. All take any dtype.
#pragma once

#include <string>
#include <vector>

#include "graph/op.h"
#include "ops/reduce.h"

namespace pyneural::ops {

using Dims = std::vector<int64_t>;

Value reshape(const Value& x, const Shape& shape);
Value reshape(const Value& x, const Dims& shape);  // one extent may be -1
Value expand_dims(const Value& x, const Dims& axes);
Value squeeze(const Value& x, const Axes& axes = std::nullopt);
Value transpose(const Value& x, const Axes& axes = std::nullopt);  // without axes: reversed
Value broadcast_to(const Value& x, const Shape& shape);

Value concatenate(const Values& xs, int64_t axis);
Value stack(const Values& xs, int64_t axis);
Values split(const Value& x, int64_t sections, int64_t axis);
Values split(const Value& x, const Dims& indices, int64_t axis);

Value slice(const Value& x, const Dims& start, const Dims& shape);
// x[begin:end:stride, ...] over the leading axes, as Python counts.
using Positions = std::vector<std::optional<int64_t>>;
Value strided_slice(const Value& x, const Positions& begin, const Positions& end, const Positions& strides = {});
// count elements of each axis, from begin in steps; all axes given, all positions inside x.
Value slice_steps(const Value& x, const Dims& begin, const Dims& count, const Dims& step);
Value flip(const Value& x, const Axes& axes = std::nullopt);
Value tile(const Value& x, const Dims& repeats);
Value repeat(const Value& x, int64_t repeats, std::optional<int64_t> axis = std::nullopt);

enum class PadMode { constant, reflect, symmetric };
// width[i] = {before, after} of axis i.
Value pad(const Value& x, const std::vector<std::pair<int64_t, int64_t>>& width, PadMode mode = PadMode::constant,
          double value = 0);

// Each x at its byte offset in one flat tensor of their dtype; the gaps are zero.
Value pack(const Values& xs, const Dims& offsets, int64_t total_bytes);

}  // namespace pyneural::ops
