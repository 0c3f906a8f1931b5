#include "cuda/broadcast.h"

namespace pyneural::cuda {
namespace {

// Merges axes that are walked as one. Returns the length of the innermost one.
uint32_t collapse(const View& in, const View& out, BroadcastOperand& operand) {
  uint32_t dims[kMaxRank] = {1};
  operand.rank = 0;
  int64_t step = in.size;
  for (int axis = 0; axis < out.rank; ++axis) {
    const auto dim = static_cast<uint32_t>(out.dims[axis]);
    const int in_axis = axis - (out.rank - in.rank);
    const int64_t in_dim = in_axis < 0 ? 1 : in.dims[in_axis];
    step /= in_dim;
    if (dim == 1) continue;
    const auto stride = static_cast<uint32_t>(in_dim == 1 ? 0 : step);
    const int last = operand.rank - 1;
    if (last >= 0 && operand.strides[last] == stride * dim) {
      dims[last] *= dim;
      operand.strides[last] = stride;
    } else {
      dims[operand.rank] = dim;
      operand.strides[operand.rank++] = stride;
    }
  }
  if (operand.rank == 0) operand.rank = 1;
  for (int axis = 0; axis < operand.rank; ++axis) operand.dims[axis] = Divider(dims[axis]);
  return dims[operand.rank - 1];
}

// The half of `view` along the axis that is number `axis` from the end, if the view has it and is not broadcast there.
void cut(View& view, int axis, int64_t begin, int64_t count) {
  if (view.rank < axis || view.dims[view.rank - axis] == 1) return;
  int64_t& dim = view.dims[view.rank - axis];
  const int64_t row = view.size / dim;  // the axes before are of length 1
  view.data = view.as<char>() + begin * row * static_cast<int64_t>(dtype_size(view.dtype));
  view.size = count * row;
  dim = count;
}

}  // namespace

BroadcastOperand make_operand(const View& in, const View& out, int pack) {
  BroadcastOperand operand{};
  operand.data = in.data;
  const uint32_t inner = collapse(in, out, operand), stride = operand.strides[operand.rank - 1];
  const size_t bytes = static_cast<size_t>(pack) * dtype_size(in.dtype);
  // Then no pack reaches beyond the innermost axis.
  const bool whole = operand.rank == 1 || inner % static_cast<uint32_t>(pack) == 0;
  if (whole && stride == 0) {
    operand.walk = Walk::same;
  } else if (whole && stride == 1 && is_aligned(in.data, bytes)) {
    operand.walk = Walk::run;
  } else {
    operand.walk = Walk::single;
  }
  return operand;
}

void split_half(View* in, int num_in, View& out, View* first_in, View& first_out) {
  int axis = out.rank;
  while (out.dim(-axis) == 1) --axis;
  const int64_t whole = out.dim(-axis), half = whole / 2;
  cut(first_out, axis, 0, half);
  cut(out, axis, half, whole - half);
  for (int i = 0; i < num_in; ++i) {
    cut(first_in[i], axis, 0, half);
    cut(in[i], axis, half, whole - half);
  }
}

}  // namespace pyneural::cuda
