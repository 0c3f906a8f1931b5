// Copies blocks of an operand into the layout in which the tiles read them. Included by gemm.cpp alone.
#pragma once

#include "cpu/gemm_tile.h"
#include "cpu/transpose.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// How many rows ahead of a copy the source is asked for: a column panel of a wide matrix is a new page every row or
// two, where the hardware does not run ahead.
constexpr int64_t kPrefetchRows = 16;

// dst[k x ld] = src[k x n], ld a multiple of the lanes; zeros behind column n.
template <class T>
void pack_rows(int64_t k, int64_t n, const T* src, int64_t row_stride, T* dst, int64_t ld) {
  constexpr int L = kLanes<T>;
  for (int64_t i = 0; i < k; ++i) {
    const T* from = src + i * row_stride;
    T* to = dst + i * ld;
    for (int64_t j = 0; j + L <= n; j += L) {
      __builtin_prefetch(from + kPrefetchRows * row_stride + j, 0, 2);
      store(to + j, load(from + j));
    }
    if (n % L) store(to + n - n % L, load_first(from + n - n % L, static_cast<int>(n % L)));
  }
}

// dst[k x ld] = transpose of src[n x k] (rows col_stride apart, contiguous in k).
template <class T>
void pack_columns(int64_t k, int64_t n, const T* src, int64_t col_stride, T* dst, int64_t ld) {
  constexpr int L = kLanes<T>;
  for (int64_t j = 0; j < n; j += L) {
    const int columns = static_cast<int>(n - j < L ? n - j : L);
    for (int64_t i = 0; i < k; i += L) {
      const int depth = static_cast<int>(k - i < L ? k - i : L);
      const T* from = src + j * col_stride + i;
      T* to = dst + i * ld + j;
      Vec<T> block[L];
      if (columns == L && depth == L) {
#pragma GCC unroll 16
        for (int r = 0; r < L; ++r) block[r] = load(from + r * col_stride);
        transpose_lanes(block);
#pragma GCC unroll 16
        for (int r = 0; r < L; ++r) store(to + r * ld, block[r]);
      } else if (columns == L) {
#pragma GCC unroll 16
        for (int r = 0; r < L; ++r) block[r] = load_part(from + r * col_stride, depth);
        transpose_lanes(block);
#pragma GCC unroll 16
        for (int r = 0; r < L; ++r) {
          if (r < depth) store(to + r * ld, block[r]);
        }
      } else {
        for (int r = 0; r < L; ++r) block[r] = r < columns ? load_first(from + r * col_stride, depth) : Vec<T>{};
        transpose_lanes(block);
        for (int r = 0; r < depth; ++r) store(to + r * ld, block[r]);
      }
    }
  }
}

// A[rows x k] that lies by columns (`col_stride` apart), as the tiles read it: dst[tile][k][kTileRows[kMaxVectors]].
// The tiles [first, end) side by side, as they share the lines of A; a missing last row is not written.
template <class T>
void pack_tiles(int64_t first, int64_t end, int64_t rows, int64_t k, const T* src, int64_t col_stride, T* dst) {
  constexpr int64_t R = kTileRows[kMaxVectors], kLine = 64 / sizeof(T);
  constexpr int64_t kTogether = kLine / 2;  // tiles of whole lines
  // What a copy of this size writes too much belongs to the next column, which is copied later.
  constexpr int64_t kCopied = R <= 4 ? 4 : 8;
  for (int64_t group = first; group < end; group += kTogether) {
    const int64_t tiles = end - group < kTogether ? end - group : kTogether;
    const int64_t left = rows - group * R, height = left < tiles * R ? left : tiles * R;
    const bool whole = left >= (kTogether - 1) * R + kCopied && tiles == kTogether;
    for (int64_t i = 0; i < k; ++i) {
      const T* from = src + i * col_stride + group * R;
      T* to = dst + (group * k + i) * R;
      for (int64_t j = 0; j < height; j += kLine) __builtin_prefetch(from + kPrefetchRows * col_stride + j, 0, 2);
      if (whole && i + 1 < k) {
#pragma GCC unroll 8
        for (int64_t j = 0; j < kTogether; ++j) __builtin_memcpy(to + j * k * R, from + j * R, kCopied * sizeof(T));
        continue;
      }
      for (int64_t j = 0; j < height; j += R, to += k * R) {
        const int count = static_cast<int>(height - j < R ? height - j : R);
        store_first(to, load_first(from + j, count), count);
      }
    }
  }
}

// Any strides, one element at a time.
template <class T>
void pack_strided(int64_t k, int64_t n, const T* src, int64_t row_stride, int64_t col_stride, T* dst, int64_t ld) {
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j < ld; ++j) dst[i * ld + j] = j < n ? src[i * row_stride + j * col_stride] : T(0);
  }
}

// dst[rows x columns] (+)= transpose of src[columns x rows], where src has rows ld apart and may be read up to whole
// vectors.
template <class T>
void unpack_transposed(int64_t rows, int64_t columns, const T* src, int64_t ld, T* dst, int64_t dst_stride,
                       bool accumulate) {
  constexpr int L = kLanes<T>;
  for (int64_t j = 0; j < columns; j += L) {
    const int width = static_cast<int>(columns - j < L ? columns - j : L);
    for (int64_t i = 0; i < rows; i += L) {
      const int height = static_cast<int>(rows - i < L ? rows - i : L);
      Vec<T> block[L];
      for (int r = 0; r < L; ++r) block[r] = r < width ? load(src + (j + r) * ld + i) : Vec<T>{};
      transpose_lanes(block);
      for (int r = 0; r < height; ++r) {
        T* to = dst + (i + r) * dst_stride + j;
        const Vec<T> sum = accumulate ? load_first(to, width) + block[r] : block[r];
        store_first(to, sum, width);
      }
    }
  }
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
