// Products with few columns (the last layer of a classifier) and of a matrix with a vector: they take as long as the
// left operand takes to arrive. Lanes share out the depth of a row, and add up at the end. In float32 whatever
// precision is set: at 16 columns an H200's memory delivers numbers for 38 TFLOP/s, less than its float32 units can do.
#include "cuda/matmul_product.cuh"
#include "cuda/warp.cuh"

namespace pyneural::cuda {
namespace {

constexpr int kChunk = 256;  // depth of the right operand that is kept in shared memory
constexpr int kPad = 4;      // lines begin in other banks

template <class T>
struct NarrowProduct {
  const T *a, *b, *bias;
  T* out;
  int64_t rows;
  int columns, depth;
  int64_t b_depth_stride, b_column_stride;
  Divider by_columns;
  Activation activation;
};

// The lines of b from depth `first` on become columns of shared memory, with zeros behind the last one.
template <class T>
__device__ __forceinline__ void load_columns(const NarrowProduct<T>& p, int first, T (*shared)[kChunk + kPad]) {
  const int count = p.depth - first < kChunk ? p.depth - first : kChunk;
  const bool lines = p.b_column_stride == 1;
  for (int i = static_cast<int>(threadIdx.x); i < kChunk * p.columns; i += kBlockThreads) {
    int column, k;
    if (lines) {
      k = p.by_columns.divide(i, &column);
    } else {
      column = i / kChunk;
      k = i % kChunk;
    }
    shared[column][k] = k < count ? p.b[(first + k) * p.b_depth_stride + column * p.b_column_stride] : T(0);
  }
}

// A warp computes kRows rows; a lane has packs of kPack along their depth. kAligned: they can be loaded at once.
template <int kRows, bool kAligned, class T>
__global__ void __launch_bounds__(kBlockThreads) multiply_narrow(const NarrowProduct<T> p) {
  constexpr int kPack = 16 / sizeof(T), kStep = kWarp * kPack;
  PN_SHARED(shared, T[kMostNarrow][kChunk + kPad]);
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const int64_t warp = static_cast<int64_t>(blockIdx.x) * (kBlockThreads / kWarp) + threadIdx.x / kWarp;
  const int64_t first_row = warp * kRows;
  T sums[kRows][kMostNarrow] = {};
  for (int first = 0; first < p.depth; first += kChunk) {
    __syncthreads();
    load_columns(p, first, shared);
    __syncthreads();
    const int count = p.depth - first < kChunk ? p.depth - first : kChunk;
    for (int k = lane * kPack; k < count; k += kStep) {
      Pack<T, kPack> a[kRows];
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        a[r] = {};
        if (first_row + r >= p.rows) continue;
        const T* const from = p.a + (first_row + r) * p.depth + first + k;
        if constexpr (kAligned) {
          a[r] = *reinterpret_cast<const Pack<T, kPack>*>(from);
        } else {
#pragma unroll
          for (int i = 0; i < kPack; ++i) a[r].values[i] = k + i < count ? from[i] : T(0);
        }
      }
#pragma unroll
      for (int column = 0; column < kMostNarrow; ++column) {
        if (column >= p.columns) break;
        const auto b = *reinterpret_cast<const Pack<T, kPack>*>(&shared[column][k]);
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
#pragma unroll
          for (int i = 0; i < kPack; ++i) sums[r][column] += a[r].values[i] * b.values[i];
        }
      }
    }
  }
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    T own[1] = {};  // of the column that is this lane's to store
#pragma unroll
    for (int column = 0; column < kMostNarrow; ++column) {
      if (column >= p.columns) break;
      const T sum = reduce_warp<Sum>(sums[r][column]);
      if (lane == column) own[0] = sum;
    }
    if (lane >= p.columns || first_row + r >= p.rows) continue;
    if (p.bias) own[0] += p.bias[lane];
    apply_activation(p.activation, own);
    p.out[(first_row + r) * p.columns + lane] = own[0];
  }
}

}  // namespace

template <class T>
void multiply_few_columns(const Product& p, const GemmOutput<T>& out) {
  constexpr int kWide = 16 / sizeof(T), kManyRows = 4, kWarps = kBlockThreads / kWarp;
  const NarrowProduct<T> product{static_cast<const T*>(p.a),
                                 static_cast<const T*>(p.b),
                                 out.bias,
                                 out.data,
                                 p.shape.m,
                                 static_cast<int>(p.shape.n),
                                 static_cast<int>(p.shape.k),
                                 p.transpose_b ? 1 : p.shape.n,
                                 p.transpose_b ? p.shape.k : 1,
                                 Divider(p.shape.n),
                                 out.activation};
  const auto run = [&](auto kernel, int rows) {
    launch(kernel, static_cast<unsigned>(ceil_div(p.shape.m, rows * kWarps)), kBlockThreads, 0, out.stream, product);
  };
  // Several rows to a warp load less of the right operand, where there are rows enough for all multiprocessors.
  const bool many = p.shape.m >= kManyRows * kWarps * kMultiprocessors;
  if (p.shape.k % kWide == 0 && is_aligned(p.a, 16)) {
    return many ? run(multiply_narrow<kManyRows, true, T>, kManyRows) : run(multiply_narrow<1, true, T>, 1);
  }
  many ? run(multiply_narrow<kManyRows, false, T>, kManyRows) : run(multiply_narrow<1, false, T>, 1);
}

template void multiply_few_columns<float>(const Product&, const GemmOutput<float>&);
template void multiply_few_columns<double>(const Product&, const GemmOutput<double>&);

}  // namespace pyneural::cuda
