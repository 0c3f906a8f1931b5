// Products with a vector: bound by memory, not by the multipliers. Included by gemm.cpp alone.
#pragma once

#include "cpu/gemm_tile.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// The widest row of sums that stays in registers, next to an element of x, one of B and two of slack.
constexpr int kMaxRowVectors = PN_VECTOR_REGISTERS - 4;

// y[V vectors] (+)= x[k] * B[k x V vectors]. B is read once, from end to end, which is what caches do best. A single
// chain of FMAs per vector would wait for its own latency: where registers are left, several rows are summed apart.
template <class T, int V>
__attribute__((noinline)) void row_tile(int64_t k, const T* x, int64_t x_stride, const T* b, int64_t ldb, int lanes,
                                        T* y, bool accumulate) {
  constexpr int L = kLanes<T>;
  constexpr int U = V > kMaxRowVectors / 2 ? 1 : V < kMaxRowVectors / 8 ? 8 : kMaxRowVectors / V;
  Vec<T> sum[U][V];
#pragma GCC unroll 8
  for (int u = 0; u < U; ++u) {
#pragma GCC unroll 32
    for (int v = 0; v < V; ++v) sum[u][v] = Vec<T>{};
  }
  int64_t i = 0;
  for (; i + U <= k; i += U) {
#pragma GCC unroll 8
    for (int u = 0; u < U; ++u) {
      const Vec<T> xu = broadcast(x[(i + u) * x_stride]);
      const T* row = b + (i + u) * ldb;
#pragma GCC unroll 32
      for (int v = 0; v < V; ++v) {
        sum[u][v] = fma(xu, v == V - 1 ? load_part(row + v * L, lanes) : load(row + v * L), sum[u][v]);
      }
    }
  }
  for (; i < k; ++i) {
    const Vec<T> xu = broadcast(x[i * x_stride]);
#pragma GCC unroll 32
    for (int v = 0; v < V; ++v) {
      const T* p = b + i * ldb + v * L;
      sum[0][v] = fma(xu, v == V - 1 ? load_part(p, lanes) : load(p), sum[0][v]);
    }
  }
#pragma GCC unroll 32
  for (int v = 0; v < V; ++v) {
    Vec<T> total = sum[0][v];
#pragma GCC unroll 8
    for (int u = 1; u < U; ++u) total = total + sum[u][v];
    T* to = y + v * L;
    const int n = v == V - 1 ? lanes : L;
    store_first(to, accumulate ? load_first(to, n) + total : total, n);
  }
}

template <class T>
using RowTileFn = void (*)(int64_t, const T*, int64_t, const T*, int64_t, int, T*, bool);
#define PN_ROW_TILES(V) row_tile<T, V>, row_tile<T, V + 1>, row_tile<T, V + 2>, row_tile<T, V + 3>
template <class T>
constexpr RowTileFn<T> kRowTiles[kMaxRowVectors] = {PN_ROW_TILES(1),  PN_ROW_TILES(5),  PN_ROW_TILES(9),
#if PN_VECTOR_REGISTERS == 32
                                                    PN_ROW_TILES(13), PN_ROW_TILES(17), PN_ROW_TILES(21),
                                                    PN_ROW_TILES(25)
#endif
};
#undef PN_ROW_TILES

// Adds U rows of B, scaled by x, to y[n], in order. `kAhead`: what lies a page further on is asked for, because the
// hardware stops at the end of a page.
template <class T, int U, bool kAhead>
PN_INLINE void add_rows(int64_t n, const T* x, int64_t x_stride, const T* b, int64_t ldb, T* y) {
  constexpr int L = kLanes<T>;
  Vec<T> scale[U];
#pragma GCC unroll 8
  for (int u = 0; u < U; ++u) scale[u] = broadcast(x[u * x_stride]);
  int64_t j = 0;
  for (; j + L <= n; j += L) {
    Vec<T> sum = load(y + j);
#pragma GCC unroll 8
    for (int u = 0; u < U; ++u) {
      const T* from = b + u * ldb + j;
      if constexpr (kAhead) __builtin_prefetch(from + 4096 / sizeof(T));
      sum = fma(scale[u], load(from), sum);
    }
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

// y[n] (+)= x[k] * B[k x n]. Where y does not fit the registers, it stays in L1. Rows are read one after the other; of
// memory more arrives if several are read side by side. `matrix_bytes`: of all of B, of which this may be a part.
constexpr int64_t kBeyondL2 = 1 << 20, kBeyondCaches = 16 << 20;
template <class T>
void row_product(int64_t n, int64_t k, const T* x, int64_t x_stride, const T* b, int64_t ldb, T* y, bool accumulate,
                 int64_t matrix_bytes) {
  constexpr int L = kLanes<T>;
  const int64_t vectors = (n + L - 1) / L;
  if (vectors <= kMaxRowVectors) {
    kRowTiles<T>[vectors - 1](k, x, x_stride, b, ldb, static_cast<int>(n - (vectors - 1)* L), y, accumulate);
    return;
  }
  constexpr int64_t kColumns = 16384 / sizeof(T);
  for (int64_t first = 0; first < n; first += kColumns) {
    const int64_t width = n - first < kColumns ? n - first : kColumns;
    if (!accumulate) __builtin_memset(y + first, 0, width * sizeof(T));
    int64_t i = 0;
    const auto add = [&]<int U, bool kAhead>() __attribute__((always_inline)) {
      for (; i + U <= k; i += U) {
        add_rows<T, U, kAhead>(width, x + i * x_stride, x_stride, b + i * ldb + first, ldb, y + first);
      }
    };
    if (matrix_bytes > kBeyondCaches) add.template operator()<8, false>();
    if (matrix_bytes > kBeyondL2) {
      add.template operator()<1, true>();
    } else {
      add.template operator()<1, false>();
    }
  }
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
