// The matrix product by register tiles: how it is cut into blocks, which operands are packed. Included by gemm.cpp
// alone.
#pragma once

#include "cpu/gemm.h"
#include "cpu/gemm_pack.h"
#include "cpu/gemm_tile.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

PN_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
PN_INLINE int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
PN_INLINE int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

// Piece `index` of `total` cut into `pieces` of nearly equal size.
struct Piece {
  int64_t begin;
  int64_t size;
};
PN_INLINE Piece piece_of(int64_t total, int64_t pieces, int64_t index) {
  const int64_t size = total / pieces, larger = total % pieces;
  return {index * size + min64(index, larger), size + (index < larger ? 1 : 0)};
}

// The columns of C that one tile is wide: panels of nearly equal numbers of vectors.
template <class T>
struct ColumnPanel {
  int64_t first;
  int64_t columns;
  int vectors;
  int lanes;  // of the last vector
};
template <class T>
PN_INLINE ColumnPanel<T> column_panel(int64_t n, int64_t panels, int64_t index) {
  constexpr int L = kLanes<T>;
  const Piece piece = piece_of(ceil_div(n, L), panels, index);
  const int64_t first = piece.begin * L;
  const int64_t columns = min64(n - first, piece.size * L);
  return {first, columns, static_cast<int>(piece.size), static_cast<int>(columns - (piece.size - 1) * L)};
}

// Asks for a tile of C that the tile's sums will be added to.
template <class T>
PN_INLINE void prefetch_tile(const T* c, int64_t rows, int64_t columns, int64_t ldc) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; j += kLine) __builtin_prefetch(c + i * ldc + j);
  }
}

// All rows of one column panel.
template <class T>
struct PanelCall {
  TileCall<T> tile;  // the first one
  int64_t rows;
  int vectors;
  int tile_rows;          // the most that a tile has
  int64_t a_rows_apart;   // from A of one row to that of the next, of different tiles
  bool whole_tiles;       // all but the last have tile_rows, else all have nearly as many
  ReadB first_tile;       // how it reads B
  bool far_c;             // C comes from memory
  Activation activation;  // of the sums
};
template <class T>
void run_panel(const PanelCall<T>& call) {
  TileCall<T> t = call.tile;
  const int64_t tiles = ceil_div(call.rows, call.tile_rows);
  const bool late = call.activation != Activation::linear && call.activation != Activation::relu;
  t.relu = call.activation == Activation::relu;
  const int64_t least = call.rows / tiles, larger = call.rows % tiles;
  int64_t begin = 0;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t whole = min64(call.tile_rows, call.rows - begin);
    const int64_t rows = call.whole_tiles ? whole : least + (i < larger ? 1 : 0);
    const bool partial = t.b_lanes < kLanes<T> || t.c_lanes < kLanes<T>;
    t.a = call.tile.a + begin * call.a_rows_apart;
    t.c = call.tile.c + begin * t.ldc;
    if (call.far_c && t.accumulate) prefetch_tile(t.c, rows, call.vectors * kLanes<T>, t.ldc);
    find_tile<T>(static_cast<int>(rows), call.vectors, partial, i == 0 ? call.first_tile : ReadB::near)(t);
    if (late) {
      const int64_t columns = (call.vectors - 1) * kLanes<T> + t.c_lanes;
      apply_epilogue(rows, columns, t.c, t.ldc, nullptr, call.activation);
    }
    if (i == 0 && call.first_tile == ReadB::packing) {
      t.b = t.packed;
      t.ldb = call.vectors * kLanes<T>;
      t.b_lanes = kLanes<T>;
    }
    begin += rows;
  }
}

// C[m x n] (+)= A[m x k] * B[k x n] where both lie.
template <class T>
void panels_in_place(int64_t m, int64_t n, int64_t k, const T* a, int64_t a_row_stride, int64_t a_col_stride,
                     const T* b, int64_t ldb, T* c, int64_t ldc, bool accumulate) {
  const int64_t panels = ceil_div(ceil_div(n, kLanes<T>), tile_vectors(m));
  for (int64_t i = 0; i < panels; ++i) {
    const ColumnPanel<T> panel = column_panel<T>(n, panels, i);
    PanelCall<T> call{};
    call.tile.a = a;
    call.tile.b = b + panel.first;
    call.tile.k = k;
    call.tile.a_row_stride = call.a_rows_apart = a_row_stride;
    call.tile.a_col_stride = a_col_stride;
    call.tile.ldb = ldb;
    call.tile.b_lanes = call.tile.c_lanes = panel.lanes;
    call.tile.c = c + panel.first;
    call.tile.ldc = ldc;
    call.tile.accumulate = accumulate;
    call.rows = m;
    call.vectors = panel.vectors;
    call.tile_rows = kTileRows[panel.vectors];
    run_panel(call);
  }
}

template <class T>
struct Product {
  int64_t m, n, k;
  MatrixView<T> a, b;
  T* c;
  int64_t ldc;
  const T* bias;
  Activation activation;
  bool accumulate;
};

// How deep a block of k is: a packed panel of B (256 bytes wide) then takes an eighth of a 1 MB L2.
constexpr int64_t kDepthBytes = 2048;
template <class T>
constexpr int64_t kDepth = kDepthBytes / sizeof(T);
// Beyond these, reading a matrix where it lies misses L2 too often: measured on Zen 5.
constexpr int64_t kFarB = 1 << 20;
constexpr int64_t kFromMemory = 4 << 20;
constexpr int64_t kFarA = 1 << 19;
constexpr int64_t kFarC = 1 << 20;
// An A that lies by columns is packed where at least so many columns of C pay for that: a long stride falls into few
// sets of L1, and into many pages.
constexpr int64_t kMinPackedRows = 48, kMinPackedColumns = 512;
constexpr int64_t kMinPackedB = 1 << 17;  // elements of a block of B: its columns times the depth
constexpr int64_t kPackedTileRows = kTileRows[kMaxVectors];

// What threads share out: chunks of so much work, a few per thread at most.
constexpr double kChunkFlops = 5e5;

PN_INLINE int64_t blocks_of_k(int64_t k, int64_t element_size) {
  return max64(ceil_div(k * element_size, kDepthBytes), 1);
}
// Elements of a packed block of an A that lies by columns; 0 where it is not packed.
PN_INLINE int64_t packed_a_size(int64_t m, int64_t n, int64_t k, int64_t element_size) {
  const int64_t depth = ceil_div(k, blocks_of_k(k, element_size));
  const bool wide_tiles = tile_vectors(m) == kMaxVectors;
  if (!wide_tiles || m < kMinPackedRows || n < kMinPackedColumns || n * depth < kMinPackedB) return 0;
  return ceil_div(m, kPackedTileRows) * kPackedTileRows * depth;
}

enum class PackB { none, rows, columns, strided };

struct Blocking {
  PackB pack_b;
  bool pack_a;
  bool far_a;
  bool far_b;   // B is read in place, and from memory
  bool far_c;   // C has left L2 when the next block of k is added to it
  int vectors;  // the widest tile
  int64_t blocks_of_k;
  int64_t row_chunks, column_chunks;
  size_t scratch;  // bytes for a packed panel of B
};

template <class T>
Blocking choose_blocking(const Product<T>& p, int max_threads, bool may_pack_a) {
  constexpr int L = kLanes<T>;
  constexpr int64_t size = sizeof(T);
  Blocking blocking{};
  blocking.vectors = tile_vectors(p.m);
  blocking.blocks_of_k = blocks_of_k(p.k, size);
  const int64_t depth = ceil_div(p.k, blocking.blocks_of_k);
  if (p.b.col_stride == 1) {
    const int64_t b_span = p.k * p.b.row_stride * size;
    const bool split_lines = !kMasksAreFree && p.n % L != 0;
    blocking.pack_b = p.m >= 96 && (b_span > kFarB || split_lines) ? PackB::rows : PackB::none;
    blocking.far_b = b_span > kFromMemory && blocking.pack_b == PackB::none;
  } else {
    blocking.pack_b = p.b.row_stride == 1 ? PackB::columns : PackB::strided;
  }
  blocking.pack_a = may_pack_a && p.a.row_stride == 1 && packed_a_size(p.m, p.n, p.k, size) > 0;
  blocking.far_a = (blocking.pack_a || p.a.col_stride == 1) && p.m * depth * size > kFarA;
  blocking.far_c = p.m * p.ldc * size > kFarC;

  const int64_t panels = ceil_div(p.n, blocking.vectors * L);
  blocking.column_chunks = blocking.row_chunks = 1;
  if (max_threads > 1) {
    // Columns first: chunks of rows would each pack B.
    const double flops = 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
    const int64_t wanted = max64(min64(static_cast<int64_t>(flops / kChunkFlops), 4 * max_threads), 1);
    blocking.column_chunks = min64(panels, wanted);
    blocking.row_chunks = min64(ceil_div(wanted, blocking.column_chunks), ceil_div(p.m, 24));
  }
  if (blocking.pack_b != PackB::none) blocking.scratch = sizeof(T) * depth * blocking.vectors * L;
  return blocking;
}

// A block of k for rows x columns of C, on the calling thread. packed_a: all rows of A, if they are packed.
template <class T>
void run_block(const Product<T>& p, const Blocking& blocking, int64_t block, Piece rows, int64_t first_column,
               int64_t columns, const T* packed_a, T* packed_b) {
  constexpr int L = kLanes<T>;
  constexpr int64_t kLine = 64 / sizeof(T);
  const Piece depth = piece_of(p.k, blocking.blocks_of_k, block);
  const bool last = block == blocking.blocks_of_k - 1;
  PanelCall<T> call{};
  TileCall<T>& t = call.tile;
  t.k = depth.size;
  if (blocking.pack_a) {
    t.a = packed_a + rows.begin * depth.size;
    t.a_row_stride = 1;
    t.a_col_stride = kPackedTileRows;
    call.a_rows_apart = depth.size;
    call.whole_tiles = true;
  } else {
    t.a = p.a.data + rows.begin * p.a.row_stride + depth.begin * p.a.col_stride;
    t.a_row_stride = call.a_rows_apart = p.a.row_stride;
    t.a_col_stride = p.a.col_stride;
  }
  t.next_a = kTileRows[kMaxVectors] * call.a_rows_apart;
  t.next_line = !blocking.far_a ? 0 : blocking.pack_a ? kLine : p.a.row_stride;
  t.ldc = p.ldc;
  t.accumulate = block > 0 || p.accumulate;
  call.rows = rows.size;
  call.far_c = blocking.far_c;
  call.activation = last ? p.activation : Activation::linear;
  const int64_t panels = ceil_div(ceil_div(columns, L), blocking.vectors);
  for (int64_t i = 0; i < panels; ++i) {
    const ColumnPanel<T> panel = column_panel<T>(columns, panels, i);
    const int64_t column = first_column + panel.first, ld = panel.vectors * L;
    const T* b = p.b.data + depth.begin * p.b.row_stride + column * p.b.col_stride;
    t.b = packed_b;
    t.ldb = ld;
    t.b_lanes = L;
    call.first_tile = ReadB::near;
    if (blocking.pack_b == PackB::columns) {
      pack_columns(depth.size, panel.columns, b, p.b.col_stride, packed_b, ld);
    } else if (blocking.pack_b == PackB::strided) {
      pack_strided(depth.size, panel.columns, b, p.b.row_stride, p.b.col_stride, packed_b, ld);
    } else if (blocking.pack_b == PackB::rows && panel.vectors != kFarVectors) {
      pack_rows(depth.size, panel.columns, b, p.b.row_stride, packed_b, ld);
    } else {
      t.b = b;
      t.ldb = p.b.row_stride;
      t.b_lanes = panel.lanes;
      t.packed = packed_b;
      call.first_tile = blocking.pack_b == PackB::rows ? ReadB::packing : blocking.far_b ? ReadB::ahead : ReadB::near;
    }
    t.c_lanes = panel.lanes;
    t.c = p.c + rows.begin * p.ldc + column;
    t.bias = last && p.bias ? p.bias + column : nullptr;
    call.vectors = panel.vectors;
    call.tile_rows = blocking.pack_a ? kPackedTileRows : kTileRows[panel.vectors];
    run_panel(call);
  }
}

// packed_a: memory for packed_a_size elements, or nullptr.
template <class T>
void run_blocks(const Product<T>& p, int max_threads, T* packed_a) {
  const Blocking blocking = choose_blocking(p, max_threads, packed_a != nullptr);
  const int64_t width = blocking.vectors * kLanes<T>;
  const int64_t panels = ceil_div(p.n, width);
  // A chunk of rows begins with a tile.
  const int64_t unit = blocking.pack_a ? kPackedTileRows : 1;
  const auto run = [&](int64_t first_block, int64_t end_block) {
    parallel_chunks(
        blocking.row_chunks * blocking.column_chunks, max_threads, blocking.scratch, [&](int64_t chunk, void* scratch) {
          const Piece units = piece_of(ceil_div(p.m, unit), blocking.row_chunks, chunk / blocking.column_chunks);
          const Piece rows{units.begin * unit, min64(p.m - units.begin * unit, units.size * unit)};
          const Piece wide = piece_of(panels, blocking.column_chunks, chunk % blocking.column_chunks);
          const int64_t first = wide.begin * width, columns = min64(wide.size * width, p.n - first);
          for (int64_t block = first_block; block < end_block; ++block) {
            run_block(p, blocking, block, rows, first, columns, packed_a, static_cast<T*>(scratch));
          }
        });
  };
  if (!blocking.pack_a) return run(0, blocking.blocks_of_k);
  for (int64_t block = 0; block < blocking.blocks_of_k; ++block) {
    constexpr int64_t kGrain = 16;  // tiles
    const Piece depth = piece_of(p.k, blocking.blocks_of_k, block);
    const T* a = p.a.data + depth.begin * p.a.col_stride;
    parallel_range(ceil_div(p.m, unit), kGrain, max_threads, [&](int64_t begin, int64_t end) {
      pack_tiles(begin, end, p.m, depth.size, a, p.a.col_stride, packed_a);
    });
    run(block, block + 1);
  }
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
