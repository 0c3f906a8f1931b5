// The register tiles of the matrix product: R rows by V vectors of C stay in registers while k runs. Included by
// gemm.cpp alone: each SIMD level compiles its own copy.
#pragma once

#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// One tile: C[R x V vectors] (+)= A[R x k] * B[k x V vectors].
template <class T>
struct TileCall {
  const T* a;
  const T* b;
  int64_t k;
  int64_t a_row_stride;
  int64_t a_col_stride;
  // The tile below this one is brought to L2 meanwhile: as many lines as this tile has rows, for each line's worth of
  // k, `next_line` apart, from `next_a` behind the place where this tile is. Not where next_line is 0.
  int64_t next_a;
  int64_t next_line;
  int64_t ldb;
  int b_lanes;  // how many lanes of the last vector may be read from B (all of them if B is a padded panel),
  int c_lanes;  // and how many belong to C
  T* packed;    // where ReadB::packing puts B: [k x V vectors]
  T* c;
  int64_t ldc;
  const T* bias;  // of the tile's first column, or nullptr
  bool accumulate;
  bool relu;
};

template <class T>
using TileFn = void (*)(const TileCall<T>&);

// Accumulators, the row of B and one broadcast of A must fit the registers: R * V + V + 1 <= registers.
#if PN_VECTOR_REGISTERS == 32
constexpr int kMaxVectors = 4;
constexpr int kTileRows[kMaxVectors + 1] = {0, 14, 12, 8, 6};
#else
constexpr int kMaxVectors = 4;
constexpr int kTileRows[kMaxVectors + 1] = {0, 8, 6, 4, 2};
#endif
constexpr int kMaxTileRows = 14;

// With AVX-512 a masked load costs what a plain one costs, so one instance serves whole and partial vectors.
#if defined(__AVX512F__)
constexpr bool kMasksAreFree = true;
#else
constexpr bool kMasksAreFree = false;
#endif

// load_first for the innermost loop: without masked loads, a branch per element instead of a call that would have all
// accumulators spilled.
template <class T>
PN_INLINE Vec<T> load_part(const T* p, int n) {
#if defined(__AVX2__)
  return load_first(p, n);
#else
  if (n >= kLanes<T>) return load(p);
  Vec<T> v{};
  if (n > 0) v[0] = p[0];
  if constexpr (kLanes<T> > 2) {
    if (n > 1) v[1] = p[1];
    if (n > 2) v[2] = p[2];
  }
  return v;
#endif
}

// How a tile reads B. `ahead`: B comes from memory. A panel of a wide B is a new page in every row or two, which the
// hardware does not foresee; where B is in L2 the requests only cost. `packing`: the same, and leaves a copy for the
// tiles that follow; the stores hide behind the multiplications.
enum class ReadB { near, ahead, packing };
constexpr int kRowsAhead = 32;

template <class T, int R, int V, bool kPartial, ReadB kRead>
__attribute__((noinline)) void tile(const TileCall<T>& t) {
  constexpr int L = kLanes<T>;
  constexpr int64_t kLine = 64 / sizeof(T);
  const int64_t row_stride = t.a_row_stride;
  const int64_t col_stride = t.a_col_stride;
  const int b_lanes = t.b_lanes;
  Vec<T> sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) sum[r][v] = Vec<T>{};
  }
  const T* a = t.a;
  const T* b = t.b;
  T* packed = t.packed;
  constexpr bool kFetches = kRead == ReadB::near && R == kTileRows[kMaxVectors] && V == kMaxVectors;
  for (int64_t left = t.k; left > 0;) {
    int64_t steps = left;
    if (kFetches && t.next_line != 0) {
      for (int r = 0; r < R; ++r) __builtin_prefetch(a + t.next_a + r * t.next_line, 0, 2);
      if (steps > kLine) steps = kLine;
    }
    left -= steps;
    for (; steps > 0; --steps) {
      Vec<T> row[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        if constexpr (kRead != ReadB::near) __builtin_prefetch(b + kRowsAhead * t.ldb + v * L, 0, 2);
        row[v] = kPartial && v == V - 1 ? load_part(b + v * L, b_lanes) : load(b + v * L);
        if constexpr (kRead == ReadB::packing) store(packed + v * L, row[v]);
      }
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const Vec<T> x = broadcast(a[r * row_stride]);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) sum[r][v] = fma(x, row[v], sum[r][v]);
      }
      a += col_stride;
      b += t.ldb;
      if constexpr (kRead == ReadB::packing) packed += V * L;
    }
  }
  // Copies, which a store to C cannot change.
  const int c_lanes = t.c_lanes;
  const int64_t ldc = t.ldc;
  T* const to = t.c;
  const bool accumulate = t.accumulate, relu = t.relu;
#pragma GCC unroll 8
  for (int v = 0; v < V; ++v) {
    const bool partial = kPartial && v == V - 1;
    if (accumulate) {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const T* c = to + r * ldc + v * L;
        sum[r][v] = (partial ? load_first(c, c_lanes) : load(c)) + sum[r][v];
      }
    }
    if (t.bias) {
      const Vec<T> bias = partial ? load_first(t.bias + v * L, c_lanes) : load(t.bias + v * L);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sum[r][v] = sum[r][v] + bias;
    }
    if (relu) {
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sum[r][v] = select(sum[r][v] < Vec<T>{}, Vec<T>{}, sum[r][v]);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      T* c = to + r * ldc + v * L;
      if (partial) {
        store_first(c, sum[r][v], c_lanes);
      } else {
        store(c, sum[r][v]);
      }
    }
  }
}

#define PN_TILES_2(V, R) tile<T, R, V, kPartial, kRead>, tile<T, R + 1, V, kPartial, kRead>
#define PN_TILES_4(V, R) PN_TILES_2(V, R), PN_TILES_2(V, R + 2)
#if PN_VECTOR_REGISTERS == 32
template <class T, bool kPartial, ReadB kRead = ReadB::near>
constexpr TileFn<T> kTiles[kMaxVectors][kMaxTileRows] = {
    {PN_TILES_4(1, 1), PN_TILES_4(1, 5), PN_TILES_4(1, 9), PN_TILES_2(1, 13)},
    {PN_TILES_4(2, 1), PN_TILES_4(2, 5), PN_TILES_4(2, 9)},
    {PN_TILES_4(3, 1), PN_TILES_4(3, 5)},
    {PN_TILES_4(4, 1), PN_TILES_2(4, 5)}};
constexpr int kFarVectors = 4;  // the only width with tiles for a B that comes from far away
template <class T, bool kPartial, ReadB kRead>
constexpr TileFn<T> kFarTiles[kMaxTileRows] = {PN_TILES_4(4, 1), PN_TILES_2(4, 5)};
#else
template <class T, bool kPartial, ReadB kRead = ReadB::near>
constexpr TileFn<T> kTiles[kMaxVectors][kMaxTileRows] = {
    {PN_TILES_4(1, 1), PN_TILES_4(1, 5)}, {PN_TILES_4(2, 1), PN_TILES_2(2, 5)}, {PN_TILES_4(3, 1)}, {PN_TILES_2(4, 1)}};
constexpr int kFarVectors = 2;
template <class T, bool kPartial, ReadB kRead>
constexpr TileFn<T> kFarTiles[kMaxTileRows] = {PN_TILES_4(2, 1), PN_TILES_2(2, 5)};
#endif
#undef PN_TILES_2
#undef PN_TILES_4

template <class T, bool kPartial>
PN_INLINE TileFn<T> find_tile(int rows, int vectors, ReadB read) {
  if (vectors == kFarVectors && read == ReadB::ahead) return kFarTiles<T, kPartial, ReadB::ahead>[rows - 1];
  if (vectors == kFarVectors && read == ReadB::packing) return kFarTiles<T, kPartial, ReadB::packing>[rows - 1];
  return kTiles<T, kPartial>[vectors - 1][rows - 1];
}
template <class T>
PN_INLINE TileFn<T> find_tile(int rows, int vectors, bool partial, ReadB read) {
  return partial || kMasksAreFree ? find_tile<T, true>(rows, vectors, read) : find_tile<T, false>(rows, vectors, read);
}

// The widest tile whose full height the rows can use.
PN_INLINE int tile_vectors(int64_t rows) {
  const int64_t wanted = rows < 6 ? rows : 6;
  int vectors = kMaxVectors;
  while (kTileRows[vectors] < wanted) --vectors;
  return vectors;
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
