// What matmul and linear are both about: batched products of matrices, either of which may be transposed.
#pragma once

#include "cuda/gemm_tiles.cuh"
#include "ops/matmul_shape.h"

namespace pyneural::cuda {

struct Product {
  const void *a, *b;
  bool transpose_a, transpose_b;
  MatMulPrecision precision;
  GemmShape shape;
  LeadingAxes leading;
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
  static constexpr bool kActivates = !kTransposeA && !kTransposeB;  // of linear
  const T *a, *b;
  int m, n, k;
  LeadingAxes leading;

  explicit MatMulProblem(const Product& p)
      : a(static_cast<const T*>(p.a)),
        b(static_cast<const T*>(p.b)),
        m(static_cast<int>(p.shape.m)),
        n(static_cast<int>(p.shape.n)),
        k(static_cast<int>(p.shape.k)),
        leading(p.leading) {}

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
    return {rows, columns, m, n, k, 0, int64_t{batch} * m * n};
  }
};

using MatMulTiles =
    Tiles<TileLists<TileList<SimtTile<float, 128, 128, 8, 2, 2, 1, 2>, SimtTile<float, 64, 64, 16, 2, 2, 1, 4>,
                             SimtTile<float, 32, 32, 64, 2, 1, 4, 2>>,
                    TileList<SimtTile<float, 64, 64, 16, 2, 2, 1, 4>, SimtTile<float, 32, 32, 64, 2, 1, 4, 2>>>,
          TensorTiles<Tf32Words>, TensorTiles<Bf16Words>>;

// Products of rows that lie in one piece with few columns are not cut into tiles, but into rows
// (cuda/matmul_narrow.cu).
constexpr int kMostNarrow = 16;
inline bool is_narrow(const Product& p) { return p.shape.n <= kMostNarrow && p.shape.batch == 1 && !p.transpose_a; }
template <class T>
void multiply_few_columns(const Product& p, const GemmOutput<T>& out);

// Products of two transposed matrices are rare: they have no kernels that load packs.
constexpr bool has_packs(bool transpose_a, bool transpose_b) { return !transpose_a || !transpose_b; }

// The kernels of a layout have a file of their own, cuda/matmul_<layout>.cu: together they would take minutes to
// compile.
template <class T, bool kTransposeA, bool kTransposeB>
void multiply_layout(const Product& p, const GemmPlan& plan, const GemmOutput<T>& out, bool aligned);

}  // namespace pyneural::cuda
