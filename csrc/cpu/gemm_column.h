// Products whose C is one vector wide: with 32 registers, B or C stays in them. Included by gemm.cpp alone.
#pragma once

#include "cpu/gemm_tile.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Rows of B, or of C, that stay in registers.
constexpr int kColumnRows = 16;

template <class T>
PN_INLINE bool column_pays(int64_t m, int64_t n, int64_t k, int64_t a_row_stride, int64_t a_col_stride) {
  if (PN_VECTOR_REGISTERS < 32 || n != kLanes<T>) return false;
  return a_row_stride == 1 ? m % kColumnRows == 0 : a_col_stride == 1 && k % kColumnRows == 0;
}

// Rows of C from so many rows of B. Eight sums at a time hide the latency of the additions.
template <class T, int Rows>
PN_INLINE void rows_of_column(const T* a, int64_t lda, const Vec<T> (&b)[kColumnRows], T* c, int64_t ldc,
                              bool accumulate) {
  Vec<T> sum[Rows];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) sum[r] = accumulate ? load(c + r * ldc) : Vec<T>{};
#pragma GCC unroll 16
  for (int i = 0; i < kColumnRows; ++i) {
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) sum[r] = fma(broadcast(a[r * lda + i]), b[i], sum[r]);
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) store(c + r * ldc, sum[r]);
}

// A by rows: B stays in registers.
template <class T>
void column_by_rows(int64_t m, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t ldc,
                    bool accumulate) {
  for (int64_t first = 0; first < k; first += kColumnRows) {
    Vec<T> rows[kColumnRows];
#pragma GCC unroll 16
    for (int i = 0; i < kColumnRows; ++i) rows[i] = load(b + (first + i) * ldb);
    int64_t at = 0;
    for (; at + 8 <= m; at += 8) {
      rows_of_column<T, 8>(a + at * lda + first, lda, rows, c + at * ldc, ldc, accumulate || first > 0);
    }
    for (; at < m; ++at) {
      rows_of_column<T, 1>(a + at * lda + first, lda, rows, c + at * ldc, ldc, accumulate || first > 0);
    }
  }
}

// A by columns: C stays in registers.
template <class T>
void column_by_columns(int64_t m, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t ldc,
                       bool accumulate) {
  for (int64_t first = 0; first < m; first += kColumnRows, a += kColumnRows, c += kColumnRows * ldc) {
    Vec<T> sum[kColumnRows];
#pragma GCC unroll 16
    for (int r = 0; r < kColumnRows; ++r) sum[r] = accumulate ? load(c + r * ldc) : Vec<T>{};
    for (int64_t i = 0; i < k; ++i) {
      const Vec<T> row = load(b + i * ldb);
#pragma GCC unroll 16
      for (int r = 0; r < kColumnRows; ++r) sum[r] = fma(broadcast(a[i * lda + r]), row, sum[r]);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kColumnRows; ++r) store(c + r * ldc, sum[r]);
  }
}

template <class T>
PN_INLINE void multiply_column(int64_t m, int64_t k, const T* a, int64_t a_row_stride, int64_t a_col_stride, const T* b,
                               int64_t ldb, T* c, int64_t ldc, bool accumulate) {
  if (a_row_stride == 1) return column_by_columns(m, k, a, a_col_stride, b, ldb, c, ldc, accumulate);
  column_by_rows(m, k, a, a_row_stride, b, ldb, c, ldc, accumulate);
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
