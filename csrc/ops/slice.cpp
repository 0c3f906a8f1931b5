// slice, flip, split, concatenate, stack, pad, pack.
#include <algorithm>
#include <cmath>

#include "ops/promote.h"
#include "ops/shape.h"
#include "ops/shape_params.h"

namespace pyneural::ops {

namespace {

Cost cost_slice(const CostCall& call) {
  double bytes = 0;
  for (const Value& input : call.inputs) bytes += static_cast<double>(input.spec().bytes());
  const double out = static_cast<double>(call.outputs[0].spec().bytes());
  return {0, std::min(bytes, out) + out};
}

Shape slice_shape(const InferCall& call) {
  const auto& params = call.params.as<SliceParams>();
  return Shape(params.dims, params.dims + call.in(0).shape.rank());
}

Dims list(const int64_t* values, int rank) { return Dims(values, values + rank); }

extern const OpDef kSliceGrad;

Values grad_slice(const GradCall& call) {
  SliceParams params = call.params.as<SliceParams>();
  const Shape& shape = call.inputs[0].shape();
  std::copy(shape.begin(), shape.end(), params.dims);
  return {apply1(kSliceGrad, params, {call.grads[0]})};
}

Values grad_slice_grad(const GradCall& call) {
  const auto& params = call.params.as<SliceParams>();
  const Shape& shape = call.inputs[0].shape();
  return {slice_steps(call.grads[0], list(params.begin, shape.rank()), Dims(shape.begin(), shape.end()),
                      list(params.step, shape.rank()))};
}

Specs infer_slice(const InferCall& call) { return {{slice_shape(call), call.in(0).dtype}}; }

const OpDef kSlice{.name = "slice", .infer = infer_slice, .grad = grad_slice, .cost = cost_slice};
const OpDef kSliceGrad{.name = "slice_grad", .infer = infer_slice, .grad = grad_slice_grad, .cost = cost_slice};

Specs infer_concatenate(const InferCall& call) {
  const int axis = static_cast<int>(call.params.as<ConcatenateParams>().axis);
  Spec out = call.in(0);
  out.shape[axis] = 0;
  for (const Value& x : call.inputs) {
    Shape rest = x.shape();
    if (rest.rank() == out.shape.rank()) rest[axis] = out.shape[axis];
    if (rest != out.shape) {
      value_error("`concatenate`: shapes must agree on all axes but ", axis, ". Received ", call.in(0).shape, " and ",
                  x.shape(), ".");
    }
    out.shape[axis] += x.shape()[axis];
    out.shape = Shape(out.shape.begin(), out.shape.end());  // checks its size
  }
  return {out};
}

Values grad_concatenate(const GradCall& call) {
  const int64_t axis = call.params.as<ConcatenateParams>().axis;
  const int rank = call.grads[0].shape().rank();
  Values grads(call.inputs.size());
  Dims begin(rank, 0);
  for (size_t i = 0; i < grads.size(); ++i) {
    const Shape& shape = call.inputs[i].shape();
    if (call.needs(i)) grads[i] = slice(call.grads[0], begin, Dims(shape.begin(), shape.end()));
    begin[axis] += shape[static_cast<int>(axis)];
  }
  return grads;
}

const OpDef kConcatenate{
    .name = "concatenate", .infer = infer_concatenate, .grad = grad_concatenate, .cost = cost_slice};

Specs infer_pad(const InferCall& call) {
  const auto& params = call.params.as<PadParams>();
  Spec out = call.in(0);
  for (int i = 0; i < out.shape.rank(); ++i) out.shape[i] += params.before[i] + params.after[i];
  return {{Shape(out.shape.begin(), out.shape.end()), out.dtype}};
}

Values grad_pad(const GradCall& call) {
  const Shape& shape = call.inputs[0].shape();
  return {
      slice(call.grads[0], list(call.params.as<PadParams>().before, shape.rank()), Dims(shape.begin(), shape.end()))};
}

const OpDef kPad{.name = "pad", .infer = infer_pad, .grad = grad_pad, .cost = cost_slice};

Specs infer_pack(const InferCall& call) {
  const DType dtype = call.in(0).dtype;
  return {{Shape{call.params.as<PackParams>().total_bytes / static_cast<int64_t>(dtype_size(dtype))}, dtype}};
}

Values grad_pack(const GradCall& call) {
  const size_t count = call.inputs.size() - 1;
  const auto* offsets = call.inputs[count].tensor().as<int64_t>();
  const int64_t size = static_cast<int64_t>(dtype_size(call.grads[0].dtype()));
  Values grads(count + 1);
  for (size_t i = 0; i < count; ++i) {
    const Shape& shape = call.inputs[i].shape();
    if (call.needs(i)) grads[i] = reshape(slice(call.grads[0], {offsets[i] / size}, {shape.size()}), shape);
  }
  return grads;
}

const OpDef kPack{.name = "pack", .infer = infer_pack, .grad = grad_pack, .cost = cost_slice, .pack = true};

// Python's rules for one begin:end:stride.
void resolve(int64_t n, std::optional<int64_t> begin, std::optional<int64_t> end, int64_t step, int64_t* first,
             int64_t* count) {
  if (step == 0) value_error("`strided_slice`: a stride cannot be zero.");
  step = std::max(step, -INT64_MAX);  // can be negated
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
  const auto clamp = [&](int64_t position) { return std::clamp(position < 0 ? position + n : position, low, high); };
  *first = begin ? clamp(*begin) : (step > 0 ? low : high);
  const int64_t stop = end ? clamp(*end) : (step > 0 ? high : low);
  const int64_t span = step > 0 ? stop - *first : *first - stop, stride = step > 0 ? step : -step;
  *count = span > 0 ? (span - 1) / stride + 1 : 0;
}

// Do `count` elements from `begin` on lie inside [0, n)? Divides instead of multiplying: nothing overflows.
bool inside(int64_t begin, int64_t count, int64_t step, int64_t n) {
  if (count == 0) return true;
  if (count < 0 || begin < 0 || begin >= n) return false;
  const int64_t room = step < 0 ? begin : n - 1 - begin;
  return count == 1 || count - 1 <= room / std::max(std::abs(step), int64_t{1});
}

}  // namespace

Value slice_steps(const Value& x, const Dims& begin, const Dims& count, const Dims& step) {
  const Shape& shape = x.shape();
  SliceParams params{};
  bool whole = true;
  for (int i = 0; i < shape.rank(); ++i) {
    if (!inside(begin[i], count[i], step[i], shape[i])) {
      value_error("`slice`: ", count[i], " elements from ", begin[i], " do not lie inside axis ", i,
                  " of a tensor of shape ", shape, ".");
    }
    params.begin[i] = begin[i];
    params.step[i] = count[i] > 1 ? step[i] : 1;
    params.dims[i] = count[i];
    whole &= count[i] == shape[i] && params.step[i] == 1;
  }
  return whole ? x : apply1(kSlice, params, {x});
}

Value slice(const Value& x, const Dims& start, const Dims& shape) {
  const size_t rank = x.shape().rank();
  if (start.size() != rank || shape.size() != rank) {
    value_error("`slice`: expected ", rank, " start positions and extents for a tensor of shape ", x.shape(),
                ". Received ", start.size(), " and ", shape.size(), ".");
  }
  Dims count = shape;
  for (size_t i = 0; i < rank; ++i) {
    if (count[i] == -1 && start[i] >= 0) count[i] = x.shape()[static_cast<int>(i)] - start[i];
  }
  return slice_steps(x, start, count, Dims(rank, 1));
}

Value strided_slice(const Value& x, const Positions& begin, const Positions& end, const Positions& strides) {
  const Shape& shape = x.shape();
  const size_t rank = shape.rank();
  if (begin.size() > rank || end.size() != begin.size() || (!strides.empty() && strides.size() != begin.size())) {
    value_error("`strided_slice`: begin, end and strides must have equal lengths of at most ", rank,
                " for a tensor of shape ", shape, ".");
  }
  Dims first(rank, 0), count(shape.begin(), shape.end()), step(rank, 1);
  for (size_t i = 0; i < begin.size(); ++i) {
    if (!strides.empty() && strides[i]) step[i] = *strides[i];
    resolve(shape[static_cast<int>(i)], begin[i], end[i], step[i], &first[i], &count[i]);
  }
  return slice_steps(x, first, count, step);
}

Value flip(const Value& x, const Axes& axes) {
  const Shape& shape = x.shape();
  Dims first(shape.rank(), 0), count(shape.begin(), shape.end()), step(shape.rank(), 1);
  const auto reverse = [&](int axis) {
    first[axis] = shape[axis] - 1;
    step[axis] = -1;
  };
  if (axes) {
    for (int64_t axis : *axes) reverse(normalize_axis(axis, shape.rank(), "flip"));
  } else {
    for (int i = 0; i < shape.rank(); ++i) reverse(i);
  }
  return slice_steps(x, first, count, step);
}

Values split(const Value& x, const Dims& indices, int64_t axis) {
  const Shape& shape = x.shape();
  const int a = normalize_axis(axis, shape.rank(), "split");
  Dims edges = {0};
  for (int64_t index : indices) edges.push_back(std::clamp<int64_t>(index < 0 ? index + shape[a] : index, 0, shape[a]));
  edges.push_back(shape[a]);
  Values parts;
  for (size_t i = 0; i + 1 < edges.size(); ++i) {
    Dims begin(shape.rank(), 0), count(shape.begin(), shape.end());
    begin[a] = edges[i];
    count[a] = std::max<int64_t>(edges[i + 1] - edges[i], 0);
    parts.push_back(slice(x, begin, count));
  }
  return parts;
}

Values split(const Value& x, int64_t sections, int64_t axis) {
  const int a = normalize_axis(axis, x.shape().rank(), "split");
  const int64_t n = x.shape()[a];
  constexpr int64_t kMostEmptyParts = 1 << 16;
  if (sections <= 0 || n % sections != 0 || (n == 0 && sections > kMostEmptyParts)) {
    value_error("`split`: axis ", axis, " of a tensor of shape ", x.shape(), " cannot be split into ", sections,
                " equal parts.");
  }
  Dims indices;
  for (int64_t i = 1; i < sections; ++i) indices.push_back(i * (n / sections));
  return split(x, indices, axis);
}

Value concatenate(const Values& xs, int64_t axis) {
  if (xs.empty()) value_error("`concatenate`: expected at least one tensor.");
  const int a = normalize_axis(axis, xs[0].shape().rank(), "concatenate");
  if (xs.size() == 1) return xs[0];
  DType dtype = xs[0].dtype();
  for (const Value& x : xs) dtype = promote(dtype, x.dtype());
  Values same;
  for (const Value& x : xs) same.push_back(cast_to(x, dtype));
  return apply1(kConcatenate, ConcatenateParams{a}, same);
}

Value stack(const Values& xs, int64_t axis) {
  if (xs.empty()) value_error("`stack`: expected at least one tensor.");
  Values expanded;
  for (const Value& x : xs) {
    if (x.shape() != xs[0].shape()) {
      value_error("`stack`: shapes must agree. Received ", xs[0].shape(), " and ", x.shape(), ".");
    }
    expanded.push_back(expand_dims(x, {axis}));
  }
  return concatenate(expanded, axis);
}

Value pad(const Value& x, const std::vector<std::pair<int64_t, int64_t>>& width, PadMode mode, double value) {
  const Shape& shape = x.shape();
  if (static_cast<int>(width.size()) != shape.rank()) {
    value_error("`pad`: expected ", shape.rank(), " pairs of widths for a tensor of shape ", shape, ". Received ",
                width.size(), ".");
  }
  constexpr int64_t kLargestWidth = int64_t{1} << 56;  // sums of three extents cannot overflow
  for (const auto& [before, after] : width) {
    if (before < 0 || after < 0) value_error("`pad`: a negative width: (", before, ", ", after, ").");
    if (before > kLargestWidth || after > kLargestWidth) {
      value_error("`pad`: the width (", before, ", ", after, ") is too large.");
    }
  }
  if (mode == PadMode::constant) {
    if (value != 0 && (x.dtype() == DType::float16 || (!is_floating(x.dtype()) && !std::isfinite(value)))) {
      type_error("`pad`: the value ", value, " cannot be stored as ", dtype_name(x.dtype()), ".");
    }
    PadParams params{};
    params.value = value;
    bool any = false;
    for (size_t i = 0; i < width.size(); ++i) {
      params.before[i] = width[i].first;
      params.after[i] = width[i].second;
      any |= width[i].first > 0 || width[i].second > 0;
    }
    return any ? apply1(kPad, params, {x}) : x;
  }
  // Mirrored edges are slices of the tensor itself; reflect leaves out the edge element.
  const int64_t skip = mode == PadMode::reflect ? 1 : 0;
  Value y = x;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const auto [before, after] = width[axis];
    if (before == 0 && after == 0) continue;
    const int64_t n = shape[axis];
    if (std::max(before, after) > n - skip) {
      value_error("`pad`: a mirrored width of ", std::max(before, after), " needs more than the ", n,
                  " elements of axis ", axis, ".");
    }
    Dims first(shape.rank(), 0), count(y.shape().begin(), y.shape().end()), step(shape.rank(), 1);
    step[axis] = -1;
    Values parts;
    if (before > 0) {
      first[axis] = before - 1 + skip;
      count[axis] = before;
      parts.push_back(slice_steps(y, first, count, step));
    }
    parts.push_back(y);
    if (after > 0) {
      first[axis] = n - 1 - skip;
      count[axis] = after;
      parts.push_back(slice_steps(y, first, count, step));
    }
    y = concatenate(parts, axis);
  }
  return y;
}

Value pack(const Values& xs, const Dims& offsets, int64_t total_bytes) {
  if (xs.empty() || xs.size() != offsets.size()) {
    value_error("`pack`: expected one offset per tensor. Received ", xs.size(), " tensors and ", offsets.size(),
                " offsets.");
  }
  const int64_t size = static_cast<int64_t>(dtype_size(xs[0].dtype()));
  int64_t end = 0;
  for (size_t i = 0; i < xs.size(); ++i) {
    if (xs[i].dtype() != xs[0].dtype()) type_error("`pack`: dtypes must agree.");
    if (offsets[i] < end || offsets[i] % size != 0) {
      value_error("`pack`: offsets must ascend in whole elements without overlap. Received ", offsets[i], " after ",
                  end, ".");
    }
    end = offsets[i] + static_cast<int64_t>(xs[i].spec().bytes());
  }
  if (end > total_bytes || total_bytes % size != 0) {
    value_error("`pack`: ", end, " bytes do not fit into ", total_bytes, ".");
  }
  Tensor table = Tensor::empty({Shape{static_cast<int64_t>(offsets.size())}, DType::int64});
  std::copy(offsets.begin(), offsets.end(), table.as<int64_t>());
  Values inputs = xs;
  inputs.emplace_back(std::move(table));
  return apply1(kPack, PackParams{total_bytes}, inputs);
}

}  // namespace pyneural::ops
