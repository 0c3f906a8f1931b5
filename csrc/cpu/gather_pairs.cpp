#include "cpu/gather_pairs.h"

#include "cpu/gemm.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

PN_INLINE constexpr int tile_rows(int vectors) {
  if (PN_VECTOR_REGISTERS == 32) return vectors == 2 ? 12 : 18;
  return vectors == 2 ? 6 : 12;
}

template <class T>
using Lane = decltype(Vec<T>{} < Vec<T>{});

// p[0], p[1], p[0], p[1], ...
PN_INLINE Vec<float> broadcast_pair(const float* p) {
  double pair;
  __builtin_memcpy(&pair, p, sizeof(pair));
  return (Vec<float>)broadcast<double>(pair);
}
PN_INLINE Vec<double> broadcast_pair(const double* p) {
  typedef double Pair __attribute__((vector_size(16)));
  Pair pair;
  __builtin_memcpy(&pair, p, sizeof(pair));
#if PN_VECTOR_BYTES == 64
  return __builtin_shufflevector(pair, pair, 0, 1, 0, 1, 0, 1, 0, 1);
#elif PN_VECTOR_BYTES == 32
  return __builtin_shufflevector(pair, pair, 0, 1, 0, 1);
#else
  return pair;
#endif
}

// p[0], 0, p[0], 0, ...: what lies behind p is not read, and cannot spoil a sum.
template <class T>
PN_INLINE Vec<T> broadcast_half(const T* p) {
  Lane<T> even;
  for (int i = 0; i < kLanes<T>; ++i) even[i] = i % 2 - 1;
  return (Vec<T>)((Lane<T>)broadcast(*p) & even);
}

// Sums of neighbours: those of a, then those of b.
PN_INLINE Vec<float> add_neighbours(Vec<float> a, Vec<float> b) {
#if PN_VECTOR_BYTES == 64
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) +
         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif PN_VECTOR_BYTES == 32
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +
         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
  return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}
PN_INLINE Vec<double> add_neighbours(Vec<double> a, Vec<double> b) {
#if PN_VECTOR_BYTES == 64
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +
         __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#elif PN_VECTOR_BYTES == 32
  return __builtin_shufflevector(a, b, 0, 2, 4, 6) + __builtin_shufflevector(a, b, 1, 3, 5, 7);
#else
  return __builtin_shufflevector(a, b, 0, 2) + __builtin_shufflevector(a, b, 1, 3);
#endif
}

template <class T, int Rows, int Vectors, bool kHalf>
PN_INLINE void add_pair(const T* const (&a)[Rows], int64_t offset, const T* b, Vec<T> (&acc)[Rows][Vectors]) {
  Vec<T> row[Vectors];
#pragma GCC unroll 2
  for (int v = 0; v < Vectors; ++v) row[v] = load(b + v * kLanes<T>);
#pragma GCC unroll 24
  for (int m = 0; m < Rows; ++m) {
    const Vec<T> x = kHalf ? broadcast_half(a[m] + offset) : broadcast_pair(a[m] + offset);
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) acc[m][v] = fma(x, row[v], acc[m][v]);
  }
}

// Rows may repeat: they store the same values again.
template <class T, int Rows, int Vectors>
PN_INLINE void tile(const GatherProduct<T>& p, int64_t pairs_of_run, const int64_t* row_offset,
                    const int64_t* c_offset) {
  const int columns = static_cast<int>(p.columns);
  const T* a[Rows];
#pragma GCC unroll 24
  for (int m = 0; m < Rows; ++m) a[m] = p.a + row_offset[m];
  Vec<T> acc[Rows][Vectors] = {};
  const DepthRange* range = p.ranges;
  for (int64_t count = p.range_count; count > 0; --count, ++range) {
    const T* b = p.b + range->begin * p.ldb;
    const int64_t* at = p.depth_offset + range->begin;
    const int64_t* const end = p.depth_offset + range->end;
    if (pairs_of_run == 0) {
      for (; at != end; ++at, b += p.ldb) add_pair<T, Rows, Vectors, false>(a, *at, b, acc);
    }
    while (at != end) {
      for (int64_t i = 1; i < pairs_of_run; ++i, ++at, b += p.ldb) add_pair<T, Rows, Vectors, false>(a, *at, b, acc);
      add_pair<T, Rows, Vectors, true>(a, *at, b, acc);
      ++at;
      b += p.ldb;
    }
  }
  const Vec<T> bias = p.bias ? load_first(p.bias, columns) : Vec<T>{};
#pragma GCC unroll 24
  for (int m = 0; m < Rows; ++m) {
    T* const c = p.c + c_offset[m];
    const Vec<T> start = p.accumulate ? load_first(c, columns) : bias;
    acc[m][0] = start + add_neighbours(acc[m][0], acc[m][Vectors - 1]);
  }
#pragma GCC unroll 24
  for (int m = 0; m < Rows; ++m) {
    T* const c = p.c + c_offset[m];
    Vec<T> sum = acc[m][0];
    if (p.activation == Activation::relu) sum = select(sum < Vec<T>{}, Vec<T>{}, sum);
    if (columns == kLanes<T>) {
      store(c, sum);
    } else {
      store_first(c, sum, columns);
    }
  }
}

// The smallest tile that holds `rows` rows; rows behind the last one repeat it.
template <class T, int Rows, int Vectors>
__attribute__((noinline)) void last_tile(const GatherProduct<T>& p, int64_t pairs_of_run, int64_t first, int64_t rows) {
  if constexpr (Rows > kGatherRowStep) {
    if (rows <= Rows - kGatherRowStep) {
      return last_tile<T, Rows - kGatherRowStep, Vectors>(p, pairs_of_run, first, rows);
    }
  }
  int64_t row_offset[Rows], c_offset[Rows];
  for (int m = 0; m < Rows; ++m) {
    const int64_t at = first + (m < rows ? m : rows - 1);
    row_offset[m] = p.row_offset[at];
    c_offset[m] = p.c_offset[at];
  }
  tile<T, Rows, Vectors>(p, pairs_of_run, row_offset, c_offset);
}

template <class T, int Vectors>
__attribute__((noinline)) void all_tiles(const GatherProduct<T>& product, int64_t pairs_of_run) {
  constexpr int step = tile_rows(Vectors);
  const GatherProduct<T> p = product;  // a copy that stores to C cannot change
  int64_t first = 0;
  for (; first + step <= p.rows; first += step) {
    tile<T, step, Vectors>(p, pairs_of_run, p.row_offset + first, p.c_offset + first);
  }
  if (first < p.rows) last_tile<T, step, Vectors>(p, pairs_of_run, first, p.rows - first);
}

template <class T>
PN_INLINE void choose_width(const GatherProduct<T>& p, int64_t pairs_of_run) {
  if (pair_vectors<T>(p.columns) == 2) {
    all_tiles<T, 2>(p, pairs_of_run);
  } else {
    all_tiles<T, 1>(p, pairs_of_run);
  }
  if (p.activation == Activation::linear || p.activation == Activation::relu) return;
  for (int64_t m = 0; m < p.rows; ++m) {
    apply_epilogue(1, p.columns, p.c + p.c_offset[m], p.columns, nullptr, p.activation);
  }
}

}  // namespace

void gather_pairs(const GatherProduct<float>& product, int64_t pairs_of_run) { choose_width(product, pairs_of_run); }
void gather_pairs(const GatherProduct<double>& product, int64_t pairs_of_run) { choose_width(product, pairs_of_run); }

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
