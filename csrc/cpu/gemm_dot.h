// Pairwise dots of rows that are contiguous along k: all lanes work, however few rows there are. Included by gemm.cpp
// alone.
#pragma once

#include "cpu/gemm_tile.h"
#include "cpu/transpose.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Per 16-byte lane: the sums of the elements of each of a, b (and c, d), side by side.
PN_INLINE Vec<double> fold_lanes(const Vec<double>* v) { return lane_low(v[0], v[1]) + lane_high(v[0], v[1]); }
PN_INLINE Vec<float> fold_lanes(const Vec<float>* v) {
  const Vec<double> ab = (Vec<double>)(lane_low(v[0], v[1]) + lane_high(v[0], v[1]));
  const Vec<double> cd = (Vec<double>)(lane_low(v[2], v[3]) + lane_high(v[2], v[3]));
  return (Vec<float>)lane_low(ab, cd) + (Vec<float>)lane_high(ab, cd);
}

// Lane i of the result is the sum of the lanes of v[i], i < N; the other lanes mean nothing.
template <class T, int N>
PN_INLINE Vec<T> fold(const Vec<T>* v) {
  constexpr int kPerLane = 16 / sizeof(T), kGroups = PN_VECTOR_BYTES / 16;
  Vec<double> groups[kGroups];
#pragma GCC unroll 4
  for (int g = 0; g < kGroups; ++g) {
    Vec<T> members[kPerLane];
#pragma GCC unroll 4
    for (int i = 0; i < kPerLane; ++i) members[i] = v[g * kPerLane + i < N ? g * kPerLane + i : 0];
    groups[g] = g * kPerLane < N ? (Vec<double>)fold_lanes(members) : groups[0];
  }
  transpose_whole_lanes(groups, 1);
  Vec<T> sum = (Vec<T>)groups[0];
#pragma GCC unroll 4
  for (int g = 1; g < kGroups; ++g) sum = sum + (Vec<T>)groups[g];
  return sum;
}

// to[i * stride] (+)= the sum of the lanes of v[i], i < N.
template <class T, int N>
PN_INLINE void store_sums(const Vec<T>* v, T* to, int64_t stride, bool accumulate) {
  constexpr int count = N < kLanes<T> ? N : kLanes<T>;
  const Vec<T> sums = fold<T, count>(v);
  if (stride == 1) {
    store_first(to, accumulate ? load_first(to, count) + sums : sums, count);
  } else {
    for (int i = 0; i < count; ++i) to[i * stride] = accumulate ? to[i * stride] + sums[i] : sums[i];
  }
  if constexpr (N > count) store_sums<T, N - count>(v + count, to + count * stride, stride, accumulate);
}

// R rows of a by S rows of b: R * S sums, R elements of a and one of b stay in registers.
#if PN_VECTOR_REGISTERS == 32
constexpr int kDotWidth = 13;  // the largest S
template <int S>
constexpr int kDotHeight = S == 1   ? 8
                           : S <= 6 ? 4
                                    : 2;
#else
constexpr int kDotWidth = 6;
template <int S>
constexpr int kDotHeight = S == 1   ? 8
                           : S == 2 ? 4
                                    : 2;
#endif

// c[r * c_row + s * c_col] (+)= dot(a row r, b row s).
template <class T, int R, int S>
PN_INLINE void dot_tile(int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t c_row, int64_t c_col,
                        bool accumulate) {
  constexpr int L = kLanes<T>;
  Vec<T> sum[R * S];
#pragma GCC unroll 32
  for (int i = 0; i < R * S; ++i) sum[i] = Vec<T>{};
  const auto add = [&](int64_t i, const auto& read) __attribute__((always_inline)) {
    Vec<T> rows[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) rows[r] = read(a + r * lda + i);
#pragma GCC unroll 16
    for (int s = 0; s < S; ++s) {
      const Vec<T> column = read(b + s * ldb + i);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sum[r * S + s] = fma(rows[r], column, sum[r * S + s]);
    }
  };
  int64_t i = 0;
  for (; i + L <= k; i += L) add(i, [](const T* p) __attribute__((always_inline)) { return load(p); });
  if (i < k) {
    const int lanes = static_cast<int>(k - i);
    add(i, [&](const T* p) __attribute__((always_inline)) { return load_part(p, lanes); });
  }
  if constexpr (S == 1) {
    store_sums<T, R>(sum, c, c_row, accumulate);
  } else {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) store_sums<T, S>(sum + r * S, c + r * c_row, c_col, accumulate);
  }
}

template <class T, int S>
__attribute__((noinline)) void dot_rows(int64_t rows, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c,
                                        int64_t c_row, int64_t c_col, bool accumulate) {
  constexpr int R = kDotHeight<S>;
  int64_t i = 0;
  for (; i + R <= rows; i += R) {
    dot_tile<T, R, S>(k, a + i * lda, lda, b, ldb, c + i * c_row, c_row, c_col, accumulate);
  }
  for (; i < rows; ++i) {
    dot_tile<T, 1, S>(k, a + i * lda, lda, b, ldb, c + i * c_row, c_row, c_col, accumulate);
  }
}

template <class T>
using DotRowsFn = void (*)(int64_t, int64_t, const T*, int64_t, const T*, int64_t, T*, int64_t, int64_t, bool);
template <class T>
constexpr DotRowsFn<T> kDotRows[kDotWidth] = {
    dot_rows<T, 1>, dot_rows<T, 2>, dot_rows<T, 3>, dot_rows<T, 4>,  dot_rows<T, 5>,  dot_rows<T, 6>,
#if PN_VECTOR_REGISTERS == 32
    dot_rows<T, 7>, dot_rows<T, 8>, dot_rows<T, 9>, dot_rows<T, 10>, dot_rows<T, 11>, dot_rows<T, 12>, dot_rows<T, 13>,
#endif
};

// The pairwise dots of `rows` rows of a and `few` rows of b. Every sum has the same order in any tile.
template <class T>
void dot_product(int64_t rows, int64_t few, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c,
                 int64_t c_row, int64_t c_col, bool accumulate) {
  const int64_t parts = (few + kDotWidth - 1) / kDotWidth;
  const int64_t close = parts == 1 ? rows : 8;  // rows of a that wait in the cache while all of b passes
  for (int64_t i = 0; i < rows; i += close) {
    const int64_t group = rows - i < close ? rows - i : close;
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t j = few * part / parts;
      const int64_t width = few * (part + 1) / parts - j;
      kDotRows<T>[width - 1](group, k, a + i* lda, lda, b + j* ldb, ldb, c + i* c_row + j* c_col, c_row, c_col,
                             accumulate);
    }
  }
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
