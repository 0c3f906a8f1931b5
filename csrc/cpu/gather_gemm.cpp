#include "cpu/gather_gemm.h"

#include "cpu/gemm.h"
#include "cpu/in_register.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Rows of a tile for each width in vectors: accumulators, one row of b and one element of a fill the registers.
// Multiples of kGatherRowStep, so that the last rows of a matrix find a tile that fits.
PN_INLINE constexpr int tile_rows(int vectors) {
  if (PN_VECTOR_REGISTERS == 32) return vectors == 4 ? 6 : vectors == 3 ? 9 : vectors == 2 ? 12 : 18;
  return vectors == 2 ? 6 : 12;
}

// acc += the products along the ranges. a: rows of a, at their offsets.
template <class T, int Rows, int Vectors>
PN_INLINE void add_products(const GatherProduct<T>& p, const T* const (&a)[Rows], Vec<T> (&acc)[Rows][Vectors]) {
  constexpr int lanes = kLanes<T>;
  const int64_t ldb = p.ldb;
  const DepthRange* range = p.ranges;
  for (int64_t count = p.range_count; count > 0; --count, ++range) {
    const T* b = p.b + range->begin * ldb;
    const int64_t* at = p.depth_offset + range->begin;
    const int64_t* const end = p.depth_offset + range->end;
    // A narrow tile has more rows than pointers fit in registers: each is fetched once for several steps.
    constexpr int steps = Vectors == 1 ? (PN_VECTOR_REGISTERS == 32 ? 4 : 2) : 1;
    if constexpr (steps > 1) {
      for (; at + steps <= end; at += steps, b += steps * ldb) {
        Vec<T> row[steps];
#pragma GCC unroll 4
        for (int s = 0; s < steps; ++s) row[s] = load(b + s * ldb);
#pragma GCC unroll 24
        for (int m = 0; m < Rows; ++m) {
#pragma GCC unroll 4
          for (int s = 0; s < steps; ++s) acc[m][0] = fma(broadcast(a[m][at[s]]), row[s], acc[m][0]);
        }
      }
    }
    for (; at != end; ++at, b += ldb) {
      const int64_t offset = *at;
      Vec<T> row[Vectors];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        row[v] = load(b + v * lanes);
        if constexpr (Rows <= kGatherRowStep) row[v] = in_register(row[v]);
      }
#pragma GCC unroll 24
      for (int m = 0; m < Rows; ++m) {
        const Vec<T> x = broadcast(a[m][offset]);
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) acc[m][v] = fma(x, row[v], acc[m][v]);
      }
    }
  }
}

// One register tile: `Rows` rows of C, `Vectors` vectors wide. Rows may repeat: they store the same values again.
template <class T, int Rows, int Vectors>
PN_INLINE void tile(const GatherProduct<T>& p, const int64_t* row_offset, const int64_t* c_offset, int last) {
  constexpr int lanes = kLanes<T>;
  const T* a[Rows];
  T* c[Rows];
#pragma GCC unroll 24
  for (int m = 0; m < Rows; ++m) {
    a[m] = p.a + row_offset[m];
  }
  Vec<T> acc[Rows][Vectors];
  if (p.accumulate) {
#pragma GCC unroll 24
    for (int m = 0; m < Rows; ++m) {
      c[m] = p.c + c_offset[m];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        acc[m][v] = v + 1 < Vectors ? load(c[m] + v * lanes) : load_first(c[m] + v * lanes, last);
      }
    }
  } else {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      const Vec<T> start = !p.bias           ? Vec<T>{}
                           : v + 1 < Vectors ? load(p.bias + v * lanes)
                                             : load_first(p.bias + v * lanes, last);
#pragma GCC unroll 24
      for (int m = 0; m < Rows; ++m) acc[m][v] = start;
    }
  }
  add_products<T, Rows, Vectors>(p, a, acc);
  if (p.activation == Activation::relu) {
#pragma GCC unroll 24
    for (int m = 0; m < Rows; ++m) {
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) acc[m][v] = vmax(Vec<T>{}, acc[m][v]);
    }
  }
#pragma GCC unroll 24
  for (int m = 0; m < Rows; ++m) {
    T* const to = p.c + c_offset[m];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      if (v + 1 < Vectors || last == lanes) {
        store(to + v * lanes, acc[m][v]);
      } else {
        store_first(to + v * lanes, acc[m][v], last);
      }
    }
  }
}

// The smallest tile that holds `rows` rows; rows behind the last one repeat it.
template <class T, int Rows, int Vectors>
__attribute__((noinline)) void last_tile(const GatherProduct<T>& p, int64_t first, int64_t rows) {
  if constexpr (Rows > kGatherRowStep) {
    if (rows <= Rows - kGatherRowStep) return last_tile<T, Rows - kGatherRowStep, Vectors>(p, first, rows);
  }
  int64_t row_offset[Rows], c_offset[Rows];
  for (int m = 0; m < Rows; ++m) {
    const int64_t at = first + (m < rows ? m : rows - 1);
    row_offset[m] = p.row_offset[at];
    c_offset[m] = p.c_offset[at];
  }
  tile<T, Rows, Vectors>(p, row_offset, c_offset, static_cast<int>(p.columns) - (Vectors - 1) * kLanes<T>);
}

// Of neighbouring pixels, the last tap is the one that none has read before.
template <class T>
PN_INLINE void fetch_rows(const GatherProduct<T>& p, const int64_t* row_offset, int64_t rows) {
  constexpr int64_t kLine = 64 / sizeof(T);
  const T* const a = p.a + p.depth_offset[p.ranges[p.range_count - 1].end - p.fetched];
  for (int64_t m = 0; m < rows; ++m) {
    for (int64_t k = 0; k < p.fetched; k += kLine) __builtin_prefetch(a + row_offset[m] + k);
  }
}

template <class T>
PN_INLINE void fetch_output(const GatherProduct<T>& p, const int64_t* c_offset, int64_t rows) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t m = 0; m < rows; ++m) {
    for (int64_t j = 0; j < p.columns; j += kLine) __builtin_prefetch(p.c + c_offset[m] + j, 1);
  }
}

template <class T, int Vectors>
__attribute__((noinline)) void all_tiles(const GatherProduct<T>& product) {
  constexpr int step = tile_rows(Vectors);
  const GatherProduct<T> p = product;                                        // a copy that stores to C cannot change
  const int last = static_cast<int>(p.columns) - (Vectors - 1) * kLanes<T>;  // lanes of the last vector
  int64_t first = 0;
  for (; first + step <= p.rows; first += step) {
    if (p.fetched > 0 && first + 2 * step <= p.rows) fetch_rows(p, p.row_offset + first + step, step);
    if (p.fetch_c && first + 2 * step <= p.rows) fetch_output(p, p.c_offset + first + step, step);
    tile<T, step, Vectors>(p, p.row_offset + first, p.c_offset + first, last);
  }
  if (first < p.rows) last_tile<T, step, Vectors>(p, first, p.rows - first);
}

template <class T>
PN_INLINE void choose_width(const GatherProduct<T>& p) {
  const int64_t vectors = (p.columns + kLanes<T> - 1) / kLanes<T>;
#if PN_VECTOR_REGISTERS == 32
  if (vectors == 4) {
    all_tiles<T, 4>(p);
  } else if (vectors == 3) {
    all_tiles<T, 3>(p);
  } else
#endif
      if (vectors == 2) {
    all_tiles<T, 2>(p);
  } else {
    all_tiles<T, 1>(p);
  }
  if (p.activation == Activation::linear || p.activation == Activation::relu) return;
  for (int64_t m = 0; m < p.rows; ++m) {
    apply_epilogue(1, p.columns, p.c + p.c_offset[m], p.columns, nullptr, p.activation);
  }
}

}  // namespace

void gather_product(const GatherProduct<float>& product) { choose_width(product); }
void gather_product(const GatherProduct<double>& product) { choose_width(product); }

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
