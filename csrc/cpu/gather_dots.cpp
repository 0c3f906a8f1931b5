#include "cpu/gather_dots.h"

#include "cpu/gemm.h"
#include "cpu/in_register.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Rows of a tile: enough sums to hide the latency of their additions, in 16 registers too.
PN_INLINE constexpr int tile_rows(int columns) {
  return PN_VECTOR_REGISTERS == 32 ? (columns <= 2 ? 8 : 6) : (columns == 1 ? 8 : columns == 2 ? 4 : 3);
}

// Rows may repeat: they store the same values again.
template <class T, int Rows, int Columns>
void tile(const GatherDots<T>& d, const int64_t* row_offset, const int64_t* c_offset) {
  constexpr int lanes = kLanes<T>;
  const int64_t full = d.length / lanes * lanes;
  const int rest = static_cast<int>(d.length - full);
  const T* a[Rows];
#pragma GCC unroll 8
  for (int m = 0; m < Rows; ++m) a[m] = d.a + row_offset[m];
  const T* b[Columns];
#pragma GCC unroll 4
  for (int n = 0; n < Columns; ++n) b[n] = d.b + n * d.runs * d.length;
  Vec<T> acc[Rows][Columns] = {};
  for (int64_t r = 0; r < d.runs; ++r) {
    const int64_t offset = d.run_offset[r];
    int64_t i = 0;
    for (; i < full; i += lanes) {
      Vec<T> weights[Columns];
#pragma GCC unroll 4
      for (int n = 0; n < Columns; ++n) weights[n] = load(b[n] + i);
#pragma GCC unroll 8
      for (int m = 0; m < Rows; ++m) {
        const Vec<T> x = in_register(load(a[m] + offset + i));
#pragma GCC unroll 4
        for (int n = 0; n < Columns; ++n) acc[m][n] = fma(x, weights[n], acc[m][n]);
      }
    }
    if (rest) {
      Vec<T> weights[Columns];
#pragma GCC unroll 4
      for (int n = 0; n < Columns; ++n) weights[n] = load_first(b[n] + i, rest);
#pragma GCC unroll 8
      for (int m = 0; m < Rows; ++m) {
        const Vec<T> x = load_first(a[m] + offset + i, rest);
#pragma GCC unroll 4
        for (int n = 0; n < Columns; ++n) acc[m][n] = fma(x, weights[n], acc[m][n]);
      }
    }
#pragma GCC unroll 4
    for (int n = 0; n < Columns; ++n) b[n] += d.length;
  }
  // Repeated rows: all partial sums are read before the first is stored.
  T sums[Rows][Columns];
#pragma GCC unroll 8
  for (int m = 0; m < Rows; ++m) {
    const T* const c = d.c + c_offset[m];
#pragma GCC unroll 4
    for (int n = 0; n < Columns; ++n) {
      sums[m][n] = reduce_add(acc[m][n]) + (d.bias ? d.bias[n] : T(0)) + (d.accumulate ? c[n] : T(0));
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < Rows; ++m) {
#pragma GCC unroll 4
    for (int n = 0; n < Columns; ++n) d.c[c_offset[m] + n] = sums[m][n];
  }
}

template <class T, int Columns>
void all_tiles(const GatherDots<T>& d) {
  constexpr int step = tile_rows(Columns);
  int64_t first = 0;
  for (; first + step <= d.rows; first += step) {
    tile<T, step, Columns>(d, d.row_offset + first, d.c_offset + first);
  }
  if (first == d.rows) return;
  int64_t row_offset[step], c_offset[step];
  for (int m = 0; m < step; ++m) {
    const int64_t at = first + m < d.rows ? first + m : d.rows - 1;
    row_offset[m] = d.row_offset[at];
    c_offset[m] = d.c_offset[at];
  }
  tile<T, step, Columns>(d, row_offset, c_offset);
}

template <class T>
PN_INLINE void choose_columns(const GatherDots<T>& d) {
  switch (d.columns) {
    case 1:
      all_tiles<T, 1>(d);
      break;
    case 2:
      all_tiles<T, 2>(d);
      break;
    case 3:
      all_tiles<T, 3>(d);
      break;
    default:
      all_tiles<T, 4>(d);
  }
  if (d.activation == Activation::linear) return;
  for (int64_t m = 0; m < d.rows; ++m) {
    apply_epilogue(1, d.columns, d.c + d.c_offset[m], d.columns, nullptr, d.activation);
  }
}

// `at` lists the vectors of C; they may repeat: all are read before the first is stored.
template <class T, int Vectors, int Columns>
void outer_tile(const GatherOuter<T>& o, const int64_t* at) {
  constexpr int lanes = kLanes<T>;
  const T* a[Vectors];
  Vec<T> acc[Vectors][Columns] = {};
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) {
    a[v] = o.a + o.vector_offset[at[v]];
    if (!o.accumulate) continue;
#pragma GCC unroll 4
    for (int n = 0; n < Columns; ++n) acc[v][n] = load(o.c + (n * o.vectors + at[v]) * lanes);
  }
  const T* b = o.b;
  for (int64_t k = 0; k < o.depth; ++k, b += o.ldb) {
    const int64_t offset = o.depth_offset[k];
    Vec<T> weights[Columns];
#pragma GCC unroll 4
    for (int n = 0; n < Columns; ++n) weights[n] = broadcast(b[n]);
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      const Vec<T> x = load(a[v] + offset);
#pragma GCC unroll 4
      for (int n = 0; n < Columns; ++n) acc[v][n] = fma(x, weights[n], acc[v][n]);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < Vectors; ++v) {
#pragma GCC unroll 4
    for (int n = 0; n < Columns; ++n) store(o.c + (n * o.vectors + at[v]) * lanes, acc[v][n]);
  }
}

template <class T, int Columns>
void all_outer_tiles(const GatherOuter<T>& o) {
  constexpr int step = PN_VECTOR_REGISTERS == 32 ? (Columns <= 2 ? 8 : 6) : (Columns == 1 ? 8 : Columns == 2 ? 4 : 2);
  for (int64_t first = 0; first < o.vectors; first += step) {
    int64_t at[step];
    for (int v = 0; v < step; ++v) at[v] = first + v < o.vectors ? first + v : o.vectors - 1;
    outer_tile<T, step, Columns>(o, at);
  }
}

template <class T>
PN_INLINE void choose_columns(const GatherOuter<T>& o) {
  switch (o.columns) {
    case 1:
      return all_outer_tiles<T, 1>(o);
    case 2:
      return all_outer_tiles<T, 2>(o);
    case 3:
      return all_outer_tiles<T, 3>(o);
    default:
      return all_outer_tiles<T, 4>(o);
  }
}

}  // namespace

void gather_dots(const GatherDots<float>& dots) { choose_columns(dots); }
void gather_dots(const GatherDots<double>& dots) { choose_columns(dots); }
void gather_outer(const GatherOuter<float>& outer) { choose_columns(outer); }
void gather_outer(const GatherOuter<double>& outer) { choose_columns(outer); }

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
