// Products with a vector or very few rows: bound by memory, not by the multipliers. Included by gemm.cpp alone.
#pragma once

#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// y[V vectors] (+)= x[k] * B[k x V vectors]. A single chain of FMAs per vector would wait for its own latency, so U
// rows of B are summed apart.
template <class T, int V, int U>
__attribute__((noinline)) void row_tile(int64_t k, const T* x, int64_t x_stride, const T* b, int64_t ldb, int lanes,
                                        T* y, bool accumulate) {
  constexpr int L = kLanes<T>;
  Vec<T> sum[U][V];
#pragma GCC unroll 8
  for (int u = 0; u < U; ++u) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[u][v] = Vec<T>{};
  }
  int64_t i = 0;
  for (; i + U <= k; i += U) {
#pragma GCC unroll 8
    for (int u = 0; u < U; ++u) {
      const Vec<T> xu = broadcast(x[(i + u) * x_stride]);
      const T* row = b + (i + u) * ldb;
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        sum[u][v] = fma(xu, v == V - 1 ? load_first(row + v * L, lanes) : load(row + v * L), sum[u][v]);
      }
    }
  }
  for (; i < k; ++i) {
    const Vec<T> xu = broadcast(x[i * x_stride]);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const T* p = b + i * ldb + v * L;
      sum[0][v] = fma(xu, v == V - 1 ? load_first(p, lanes) : load(p), sum[0][v]);
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) {
    Vec<T> total = sum[0][v];
#pragma GCC unroll 8
    for (int u = 1; u < U; ++u) total = total + sum[u][v];
    T* to = y + v * L;
    const int n = v == V - 1 ? lanes : L;
    store_first(to, accumulate ? load_first(to, n) + total : total, n);
  }
}

// Adds U rows of B, scaled by x, to y[n]: every row is read from end to end, which is what memory does best.
template <class T, int U>
PN_INLINE void add_rows(int64_t n, const T* x, int64_t x_stride, const T* b, int64_t ldb, T* y) {
  constexpr int L = kLanes<T>;
  Vec<T> scale[U];
#pragma GCC unroll 8
  for (int u = 0; u < U; ++u) scale[u] = broadcast(x[u * x_stride]);
  int64_t j = 0;
  for (; j + L <= n; j += L) {
    Vec<T> sum = load(y + j);
#pragma GCC unroll 8
    for (int u = 0; u < U; ++u) sum = fma(scale[u], load(b + u * ldb + j), sum);
    store(y + j, sum);
  }
  if (j < n) {
    const int lanes = static_cast<int>(n - j);
    Vec<T> sum = load_first(y + j, lanes);
#pragma GCC unroll 8
    for (int u = 0; u < U; ++u) sum = fma(scale[u], load_first(b + u * ldb + j, lanes), sum);
    store_first(y + j, sum, lanes);
  }
}

// y[n] (+)= x[k] * B[k x n]. `narrow` says which of the two ways; the caller decides it from the whole product, so that
// the bits do not depend on how the columns are shared out.
template <class T>
void row_product(int64_t n, int64_t k, const T* x, int64_t x_stride, const T* b, int64_t ldb, T* y, bool accumulate,
                 bool narrow) {
  constexpr int L = kLanes<T>;
  if (narrow) {
    for (int64_t j = 0; j < n; j += 4 * L) {
      const int64_t width = n - j < 4 * L ? n - j : 4 * L;
      const int vectors = static_cast<int>((width + L - 1) / L);
      const int lanes = static_cast<int>(width - (vectors - 1) * L);
      const auto run = vectors == 1   ? row_tile<T, 1, 8>
                       : vectors == 2 ? row_tile<T, 2, 4>
                       : vectors == 3 ? row_tile<T, 3, 2>
                                      : row_tile<T, 4, 2>;
      run(k, x, x_stride, b + j, ldb, lanes, y + j, accumulate);
    }
    return;
  }
  constexpr int64_t kColumns = 4096;  // y stays in L1
  for (int64_t first = 0; first < n; first += kColumns) {
    const int64_t width = n - first < kColumns ? n - first : kColumns;
    if (!accumulate) __builtin_memset(y + first, 0, width * sizeof(T));
    int64_t i = 0;
    for (; i + 8 <= k; i += 8) add_rows<T, 8>(width, x + i * x_stride, x_stride, b + i * ldb + first, ldb, y + first);
    for (; i < k; ++i) add_rows<T, 1>(width, x + i * x_stride, x_stride, b + i * ldb + first, ldb, y + first);
  }
}

// c[r * c_row + s * c_col] (+)= dot(a row r, b row s) for R x S pairs of rows that are contiguous in k.
template <class T, int R, int S>
PN_INLINE void dot_tile(int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t c_row, int64_t c_col,
                        bool accumulate) {
  constexpr int L = kLanes<T>;
  Vec<T> sum[R][S];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int s = 0; s < S; ++s) sum[r][s] = Vec<T>{};
  }
  int64_t i = 0;
  for (; i + L <= k; i += L) {
    Vec<T> column[S];
#pragma GCC unroll 4
    for (int s = 0; s < S; ++s) column[s] = load(b + s * ldb + i);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Vec<T> row = load(a + r * lda + i);
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) sum[r][s] = fma(row, column[s], sum[r][s]);
    }
  }
  if (i < k) {
    const int lanes = static_cast<int>(k - i);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int s = 0; s < S; ++s) {
        sum[r][s] = fma(load_first(a + r * lda + i, lanes), load_first(b + s * ldb + i, lanes), sum[r][s]);
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int s = 0; s < S; ++s) {
      T* to = c + r * c_row + s * c_col;
      const T total = reduce_add(sum[r][s]);
      *to = accumulate ? *to + total : total;
    }
  }
}

template <class T, int S>
void dot_rows(int64_t rows, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t c_row,
              int64_t c_col, bool accumulate) {
  constexpr int R = S == 1 ? 8 : PN_VECTOR_REGISTERS == 32 || S == 2 ? 4 : 2;
  int64_t i = 0;
  for (; i + R <= rows; i += R) {
    dot_tile<T, R, S>(k, a + i * lda, lda, b, ldb, c + i * c_row, c_row, c_col, accumulate);
  }
  for (; i < rows; ++i) {
    dot_tile<T, 1, S>(k, a + i * lda, lda, b, ldb, c + i * c_row, c_row, c_col, accumulate);
  }
}

// The pairwise dots of `rows` rows of a and `few` rows of b. Every sum has the same order in any tile.
template <class T>
void dot_product(int64_t rows, int64_t few, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c,
                 int64_t c_row, int64_t c_col, bool accumulate) {
  constexpr int64_t kGroup = 8;  // rows of a that stay close while all of b passes
  const int64_t parts = (few + 3) / 4;
  for (int64_t i = 0; i < rows; i += kGroup) {
    const int64_t group = rows - i < kGroup ? rows - i : kGroup;
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t j = few * part / parts;
      const int64_t width = few * (part + 1) / parts - j;
      const auto run = width == 1   ? dot_rows<T, 1>
                       : width == 2 ? dot_rows<T, 2>
                       : width == 3 ? dot_rows<T, 3>
                                    : dot_rows<T, 4>;
      run(group, k, a + i * lda, lda, b + j * ldb, ldb, c + i * c_row + j * c_col, c_row, c_col, accumulate);
    }
  }
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
