#include "cpu/gemm.h"

#include "cpu/gemm_tile.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

PN_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
PN_INLINE int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

// Part `index` of `total` cut into `parts` pieces of nearly equal size: [begin, begin + size).
struct Part {
  int64_t begin;
  int64_t size;
};
PN_INLINE Part part_of(int64_t total, int64_t parts, int64_t index) {
  const int64_t size = total / parts, larger = total % parts;
  return {index * size + min64(index, larger), size + (index < larger ? 1 : 0)};
}

template <class T>
void panel(int64_t m, int64_t n, int64_t k, int64_t count, const T* const* a, int64_t a_row_stride,
           int64_t a_col_stride, const T* const* b, int64_t ldb, T* c, int64_t ldc, const Epilogue& epilogue) {
  constexpr int L = kLanes<T>;
  const int64_t vectors = ceil_div(n, L);
  const int64_t panels = ceil_div(vectors, tile_vectors(m));
  const T* bias = static_cast<const T*>(epilogue.bias);
  TileCall<T> t{};
  t.a = a;
  t.b = b;
  t.count = count;
  t.k = k;
  t.a_row_stride = a_row_stride;
  t.a_col_stride = a_col_stride;
  t.ldb = ldb;
  t.ldc = ldc;
  t.accumulate = epilogue.accumulate;
  t.relu = epilogue.activation == Activation::relu;
  for (int64_t i = 0; i < panels; ++i) {
    const Part columns = part_of(vectors, panels, i);
    const int64_t first = columns.begin * L;
    const int64_t lanes = min64(n - first - (columns.size - 1) * L, L);
    t.b_offset = first;
    t.b_lanes = t.c_lanes = static_cast<int>(lanes);
    t.bias = bias ? bias + first : nullptr;
    const int64_t tiles = ceil_div(m, kTileRows[columns.size]);
    for (int64_t j = 0; j < tiles; ++j) {
      const Part rows = part_of(m, tiles, j);
      t.a_offset = rows.begin * a_row_stride;
      t.c = c + rows.begin * ldc + first;
      find_tile<T>(static_cast<int>(rows.size), static_cast<int>(columns.size), lanes < L)(t);
    }
  }
}

template <class T>
void product(int64_t m, int64_t n, int64_t k, const MatrixView<T>& a, const MatrixView<T>& b, T* c, int64_t ldc,
             const Epilogue& epilogue, int max_threads) {
  constexpr int64_t kChunkRows = 48;
  constexpr int64_t kColumns = kMaxVectors * kLanes<T>;
  const bool packed = b.col_stride != 1;
  const size_t scratch_bytes = packed ? sizeof(T) * k * kColumns : 0;
  parallel_chunks(ceil_div(m, kChunkRows), max_threads, scratch_bytes, [&](int64_t chunk, void* scratch) {
    const int64_t begin = chunk * kChunkRows;
    const int64_t rows = min64(m - begin, kChunkRows);
    const T* a_rows = a.data + begin * a.row_stride;
    if (!packed) {
      panel<T>(rows, n, k, 1, &a_rows, a.row_stride, a.col_stride, &b.data, b.row_stride, c + begin * ldc, ldc,
               epilogue);
      return;
    }
    T* block = static_cast<T*>(scratch);
    for (int64_t first = 0; first < n; first += kColumns) {
      const int64_t columns = min64(n - first, kColumns);
      for (int64_t i = 0; i < k; ++i) {
        for (int64_t j = 0; j < columns; ++j) {
          block[i * kColumns + j] = b.data[i * b.row_stride + (first + j) * b.col_stride];
        }
      }
      Epilogue part = epilogue;
      if (part.bias) part.bias = static_cast<const T*>(part.bias) + first;
      const T* packed_b = block;
      panel<T>(rows, columns, k, 1, &a_rows, a.row_stride, a.col_stride, &packed_b, kColumns, c + begin * ldc + first,
               ldc, part);
    }
  });
}

}  // namespace

void gemm_panel(int64_t m, int64_t n, int64_t k, int64_t count, const float* const* a, int64_t a_row_stride,
                int64_t a_col_stride, const float* const* b, int64_t ldb, float* c, int64_t ldc,
                const Epilogue& epilogue) {
  panel<float>(m, n, k, count, a, a_row_stride, a_col_stride, b, ldb, c, ldc, epilogue);
}
void gemm_panel(int64_t m, int64_t n, int64_t k, int64_t count, const double* const* a, int64_t a_row_stride,
                int64_t a_col_stride, const double* const* b, int64_t ldb, double* c, int64_t ldc,
                const Epilogue& epilogue) {
  panel<double>(m, n, k, count, a, a_row_stride, a_col_stride, b, ldb, c, ldc, epilogue);
}

void gemm(int64_t m, int64_t n, int64_t k, const MatrixView<float>& a, const MatrixView<float>& b, float* c,
          int64_t ldc, const Epilogue& epilogue, int max_threads, void*) {
  product<float>(m, n, k, a, b, c, ldc, epilogue, max_threads);
}
void gemm(int64_t m, int64_t n, int64_t k, const MatrixView<double>& a, const MatrixView<double>& b, double* c,
          int64_t ldc, const Epilogue& epilogue, int max_threads, void*) {
  product<double>(m, n, k, a, b, c, ldc, epilogue, max_threads);
}
size_t gemm_workspace(int64_t, int64_t, int64_t, size_t) { return 0; }

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
