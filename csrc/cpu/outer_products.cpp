#include "cpu/outer_products.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Rows of the largest tile for each width in vectors: its sums, a row of b and one element of a fill the registers.
PN_INLINE constexpr int most_rows(int vectors) {
  if (PN_VECTOR_REGISTERS == 32) return vectors == 4 ? 6 : vectors == 3 ? 8 : vectors == 2 ? 12 : 16;
  return vectors == 2 ? 6 : 12;
}

template <class T, int Rows, int Vectors>
__attribute__((noinline)) void tile(const OuterProducts<T>& p, int64_t first) {
  constexpr int lanes = kLanes<T>;
  const int last = static_cast<int>(p.columns) - (Vectors - 1) * lanes;  // lanes of the last vector
  const T* const a = p.a + first;
  const T* const b = p.b;
  const int64_t ldc = p.ldc;
  T* const c = p.c + first * ldc;
  if (p.accumulate) {
    // A large C comes from far away: it is on its way while the products are summed.
    for (int m = 0; m < Rows; ++m) {
      for (int v = 0; v < Vectors; ++v) __builtin_prefetch(c + m * ldc + v * lanes, 1);
    }
  }
  Vec<T> acc[Rows][Vectors] = {};
  const int64_t *a_at = p.a_offset, *b_at = p.b_offset;
  for (const int64_t* const end = a_at + p.depth; a_at != end; ++a_at, ++b_at) {
    const T* const column = a + *a_at;
    const T* const from = b + *b_at;
    Vec<T> row[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) row[v] = load(from + v * lanes);
#pragma GCC unroll 16
    for (int m = 0; m < Rows; ++m) {
      const Vec<T> x = broadcast(column[m]);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) acc[m][v] = fma(x, row[v], acc[m][v]);
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < Rows; ++m) {
    T* const to = c + m * ldc;
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      if (v + 1 < Vectors || last == lanes) {
        store(to + v * lanes, p.accumulate ? acc[m][v] + load(to + v * lanes) : acc[m][v]);
      } else {
        store_first(to + v * lanes, p.accumulate ? acc[m][v] + load_first(to + v * lanes, last) : acc[m][v], last);
      }
    }
  }
}

template <class T, int Rows, int Vectors>
PN_INLINE void tile_of(const OuterProducts<T>& p, int64_t first, int64_t rows) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return tile_of<T, Rows - 1, Vectors>(p, first, rows);
  }
  tile<T, Rows, Vectors>(p, first);
}

// Tiles of about the same height: a last one of a few rows would wait for its sums.
template <class T, int Vectors>
void all_tiles(const OuterProducts<T>& p) {
  constexpr int most = most_rows(Vectors);
  const int64_t tiles = (p.rows + most - 1) / most;
  const int64_t least = p.rows / tiles, larger = p.rows % tiles;
  int64_t first = 0;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t rows = least + (i < larger ? 1 : 0);
    tile_of<T, most, Vectors>(p, first, rows);
    first += rows;
  }
}

template <class T>
PN_INLINE void choose_width(const OuterProducts<T>& p) {
  const int64_t vectors = (p.columns + kLanes<T> - 1) / kLanes<T>;
#if PN_VECTOR_REGISTERS == 32
  if (vectors == 4) return all_tiles<T, 4>(p);
  if (vectors == 3) return all_tiles<T, 3>(p);
#endif
  vectors == 2 ? all_tiles<T, 2>(p) : all_tiles<T, 1>(p);
}

}  // namespace

void add_outer_products(const OuterProducts<float>& products) { choose_width(products); }
void add_outer_products(const OuterProducts<double>& products) { choose_width(products); }

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
