// Batched products of matrices, either of which may be transposed.
#pragma once

#include "cuda/gemm_stage.cuh"

namespace pyneural::cuda {

// Strides of the operands along the leading axes of the output, 0 where an operand is broadcast.
struct LeadingAxes {
  int rank = 0;
  int64_t dims[kMaxRank], a_stride[kMaxRank], b_stride[kMaxRank];
};

template <class T>
struct MatMulPart {
  MatrixSource<T> a, b;
  int64_t rows;
  int columns, depth, channel;
  int64_t first;  // of this product in the output

  __device__ __forceinline__ int64_t offset(int64_t row) const { return first + row * columns; }
};

template <class T, bool kTransposeA, bool kTransposeB>
struct MatMulProblem {
  static constexpr bool kAlongDepthA = !kTransposeA, kAlongDepthB = kTransposeB;
  const T *a, *b;
  int64_t m;
  int n, k;
  LeadingAxes leading;

  bool columns_multiple(int of) const { return n % of == 0; }

  __device__ __forceinline__ MatMulPart<T> part(int batch, int) const {
    const T *a_at = a, *b_at = b;
    int64_t rest = batch;
    for (int axis = leading.rank - 1; axis >= 0; --axis) {
      const int64_t outer = rest / leading.dims[axis], position = rest - outer * leading.dims[axis];
      a_at += position * leading.a_stride[axis];
      b_at += position * leading.b_stride[axis];
      rest = outer;
    }
    const MatrixSource<T> rows{a_at, kTransposeA ? 1 : k, kTransposeA ? m : 1, m, k};
    const MatrixSource<T> columns{b_at, kTransposeB ? k : 1, kTransposeB ? 1 : n, n, k};
    return {rows, columns, m, n, k, 0, batch * m * n};
  }
};

}  // namespace pyneural::cuda
