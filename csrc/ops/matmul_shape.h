// What a matrix product multiplies, worked out alike for every device.
#pragma once

#include "core/kernel.h"
#include "ops/matmul_params.h"

namespace pyneural {

// Strides of the operands along the leading axes of the output, 0 where an operand is broadcast.
struct LeadingAxes {
  int rank;
  int64_t dims[kMaxRank], a_stride[kMaxRank], b_stride[kMaxRank];
};

// `count` products of [m x k] and [k x n].
struct MatMulShape {
  int64_t m, n, k, count;
  LeadingAxes leading;
};

PN_INLINE void leading_strides(const View& operand, const View& output, int64_t* strides) {
  int64_t stride = operand.dim(-1) * operand.dim(-2);
  for (int axis = output.rank - 3; axis >= 0; --axis) {
    const int own = axis - output.rank + operand.rank;
    const int64_t extent = own >= 0 ? operand.dims[own] : 1;
    strides[axis] = extent == 1 ? 0 : stride;
    stride *= extent;
  }
}

PN_INLINE MatMulShape matmul_shape(const KernelArgs& args) {
  const View &a = args.in[0], &b = args.in[1], &out = args.out[0];
  MatMulShape shape{out.dim(-2), out.dim(-1), a.dim(args.param<MatMulParams>().transpose_a ? -2 : -1), 1, {}};
  LeadingAxes& leading = shape.leading;
  leading.rank = out.rank - 2;
  for (int axis = 0; axis < leading.rank; ++axis) {
    leading.dims[axis] = out.dims[axis];
    shape.count *= out.dims[axis];
  }
  leading_strides(a, out, leading.a_stride);
  leading_strides(b, out, leading.b_stride);
  return shape;
}

}  // namespace pyneural
