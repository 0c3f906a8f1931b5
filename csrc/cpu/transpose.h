// Transposes a square block of lanes x lanes elements that lies in registers. First within 16-byte lanes, which takes
// the cheap shuffles, then the lanes as wholes.
#pragma once

#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Within each 16-byte lane: the lower (upper) halves of a and b, element by element in turn.
PN_INLINE Vec<float> lane_low(Vec<float> a, Vec<float> b) {
#if PN_VECTOR_BYTES == 64
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29);
#elif PN_VECTOR_BYTES == 32
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13);
#else
  return __builtin_shufflevector(a, b, 0, 4, 1, 5);
#endif
}
PN_INLINE Vec<float> lane_high(Vec<float> a, Vec<float> b) {
#if PN_VECTOR_BYTES == 64
  return __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31);
#elif PN_VECTOR_BYTES == 32
  return __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15);
#else
  return __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}
PN_INLINE Vec<double> lane_low(Vec<double> a, Vec<double> b) {
#if PN_VECTOR_BYTES == 64
  return __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
#elif PN_VECTOR_BYTES == 32
  return __builtin_shufflevector(a, b, 0, 4, 2, 6);
#else
  return __builtin_shufflevector(a, b, 0, 2);
#endif
}
PN_INLINE Vec<double> lane_high(Vec<double> a, Vec<double> b) {
#if PN_VECTOR_BYTES == 64
  return __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
#elif PN_VECTOR_BYTES == 32
  return __builtin_shufflevector(a, b, 1, 5, 3, 7);
#else
  return __builtin_shufflevector(a, b, 1, 3);
#endif
}

// rows[g * step], g < number of lanes: lane q of row g becomes lane g of row q.
PN_INLINE void transpose_whole_lanes(Vec<double>* rows, int step) {
#if PN_VECTOR_BYTES == 64
  const Vec<double> a = rows[0], b = rows[step], c = rows[2 * step], d = rows[3 * step];
  const Vec<double> ab_even = __builtin_shufflevector(a, b, 0, 1, 4, 5, 8, 9, 12, 13);
  const Vec<double> ab_odd = __builtin_shufflevector(a, b, 2, 3, 6, 7, 10, 11, 14, 15);
  const Vec<double> cd_even = __builtin_shufflevector(c, d, 0, 1, 4, 5, 8, 9, 12, 13);
  const Vec<double> cd_odd = __builtin_shufflevector(c, d, 2, 3, 6, 7, 10, 11, 14, 15);
  rows[0] = __builtin_shufflevector(ab_even, cd_even, 0, 1, 4, 5, 8, 9, 12, 13);
  rows[step] = __builtin_shufflevector(ab_odd, cd_odd, 0, 1, 4, 5, 8, 9, 12, 13);
  rows[2 * step] = __builtin_shufflevector(ab_even, cd_even, 2, 3, 6, 7, 10, 11, 14, 15);
  rows[3 * step] = __builtin_shufflevector(ab_odd, cd_odd, 2, 3, 6, 7, 10, 11, 14, 15);
#elif PN_VECTOR_BYTES == 32
  const Vec<double> a = rows[0], b = rows[step];
  rows[0] = __builtin_shufflevector(a, b, 0, 1, 4, 5);
  rows[step] = __builtin_shufflevector(a, b, 2, 3, 6, 7);
#else
  (void)rows, (void)step;
#endif
}

// rows[i][j] becomes rows[j][i].
PN_INLINE void transpose_lanes(Vec<double>* rows) {
  constexpr int L = kLanes<double>;
#pragma GCC unroll 4
  for (int i = 0; i < L; i += 2) {
    const Vec<double> a = rows[i], b = rows[i + 1];
    rows[i] = lane_low(a, b);
    rows[i + 1] = lane_high(a, b);
  }
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) transpose_whole_lanes(rows + i, 2);
}
// Four rows; each 16-byte lane holds four elements of a column afterwards.
PN_INLINE void transpose_within_lanes(const Vec<float>* rows, Vec<double>* pairs) {
  const Vec<double> low01 = (Vec<double>)lane_low(rows[0], rows[1]);
  const Vec<double> high01 = (Vec<double>)lane_high(rows[0], rows[1]);
  const Vec<double> low23 = (Vec<double>)lane_low(rows[2], rows[3]);
  const Vec<double> high23 = (Vec<double>)lane_high(rows[2], rows[3]);
  pairs[0] = lane_low(low01, low23);
  pairs[1] = lane_high(low01, low23);
  pairs[2] = lane_low(high01, high23);
  pairs[3] = lane_high(high01, high23);
}
PN_INLINE void transpose_lanes(Vec<float>* rows) {
  constexpr int L = kLanes<float>;
  Vec<double> pairs[L];
#pragma GCC unroll 4
  for (int i = 0; i < L; i += 4) transpose_within_lanes(rows + i, pairs + i);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) transpose_whole_lanes(pairs + i, 4);
#pragma GCC unroll 16
  for (int i = 0; i < L; ++i) rows[i] = (Vec<float>)pairs[i];
}

// Columns that are turned together. Rows of the result are often a power of two apart, where all of them fall into one
// set of the L1 cache: eight leave room for the source in its eight to twelve ways, sixteen do not fit.
constexpr int kTurnedColumns = kLanes<float> < 8 ? kLanes<float> : 8;

// columns[c][r] = x[r * stride + c] for all lanes r.
PN_INLINE void turn_columns(const float* x, int64_t stride, Vec<float>* columns) {
#if PN_VECTOR_BYTES == 64
  Vec<float> rows[8];  // row i below, row 8 + i above
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    const __m256 upper = _mm256_loadu_ps(x + (i + 8) * stride);
    rows[i] = (Vec<float>)_mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(x + i * stride)), upper, 1);
  }
  Vec<double> pairs[8];
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) transpose_within_lanes(rows + i, pairs + i);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {  // 16-byte lanes: columns i and 4 + i of rows 0-3 and 8-11, then 4-7 and 12-15
    columns[i] = (Vec<float>)__builtin_shufflevector(pairs[i], pairs[4 + i], 0, 1, 8, 9, 4, 5, 12, 13);
    columns[4 + i] = (Vec<float>)__builtin_shufflevector(pairs[i], pairs[4 + i], 2, 3, 10, 11, 6, 7, 14, 15);
  }
#else
#pragma GCC unroll 8
  for (int i = 0; i < kTurnedColumns; ++i) columns[i] = load(x + i * stride);
  transpose_lanes(columns);
#endif
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
