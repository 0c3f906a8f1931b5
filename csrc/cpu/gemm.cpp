#include "cpu/gemm.h"

#include "cpu/gemm_dot.h"
#include "cpu/gemm_pack.h"
#include "cpu/gemm_tile.h"
#include "cpu/gemm_vector.h"
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

// All rows of one column panel. `far_b`: B comes from memory, the first tile brings it closer. `far_c`: so does C.
template <class T>
void run_panel(TileCall<T> t, int64_t m, int vectors, bool far_b, bool far_c, T* c, Activation activation) {
  const int64_t tiles = ceil_div(m, kTileRows[vectors]);
  const bool partial = t.b_lanes < kLanes<T> || t.c_lanes < kLanes<T>;
  const bool late = activation != Activation::linear && activation != Activation::relu;
  t.relu = activation == Activation::relu;
  for (int64_t i = 0; i < tiles; ++i) {
    const Piece rows = piece_of(m, tiles, i);
    t.a_offset = rows.begin * t.a_row_stride;
    t.c = c + rows.begin * t.ldc;
    if (far_c && t.accumulate) prefetch_tile(t.c, rows.size, vectors * kLanes<T>, t.ldc);
    find_tile<T>(static_cast<int>(rows.size), vectors, partial, far_b && i == 0)(t);
    if (late) {
      const int64_t columns = (vectors - 1) * kLanes<T> + t.c_lanes;
      apply_epilogue(rows.size, columns, t.c, t.ldc, nullptr, activation);
    }
  }
}

template <class T>
void panels_in_place(int64_t m, int64_t n, int64_t k, int64_t count, const T* const* a, int64_t a_row_stride,
                     int64_t a_col_stride, const T* const* b, int64_t ldb, T* c, int64_t ldc,
                     const Epilogue& epilogue) {
  const T* bias = static_cast<const T*>(epilogue.bias);
  TileCall<T> t{};
  t.a = a;
  t.b = b;
  t.count = count;
  t.k = k;
  t.a_row_stride = a_row_stride;
  t.a_col_stride = a_col_stride;
  t.ldb = ldb;
  t.ldc = ldc;
  t.accumulate = epilogue.accumulate;
  const int64_t panels = ceil_div(ceil_div(n, kLanes<T>), tile_vectors(m));
  for (int64_t i = 0; i < panels; ++i) {
    const ColumnPanel<T> panel = column_panel<T>(n, panels, i);
    t.b_offset = panel.first;
    t.b_lanes = t.c_lanes = panel.lanes;
    t.bias = bias ? bias + panel.first : nullptr;
    run_panel<T>(t, m, panel.vectors, false, false, c + panel.first, epilogue.activation);
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
template <class T>
constexpr int64_t kDepth = 2048 / sizeof(T);
// Rows of A that are packed at a time: the packing of B is done anew for each.
constexpr int64_t kPackedRows = 480;
// Beyond these, reading a matrix where it lies misses L2 (or the few sets of L1 that a long stride falls into) too
// often: measured on Zen 5.
constexpr int64_t kFarB = 1 << 20;
constexpr int64_t kFromMemory = 4 << 20;
constexpr int64_t kFarA = 7 << 18;
constexpr int64_t kFarC = 1 << 20;

// What threads share out: chunks of so much work, a few per thread at most.
constexpr double kChunkFlops = 5e5;

enum class PackB { none, rows, columns, strided };

struct Blocking {
  PackB pack_b;
  bool pack_a;
  bool far_b;   // B is read in place, and from memory
  bool far_c;   // C has left L2 when the next block of k is added to it
  int vectors;  // the widest tile
  int64_t blocks_of_k;
  int64_t row_chunks, column_chunks;
  size_t scratch_b, scratch_a;  // bytes
};

template <class T>
Blocking choose_blocking(const Product<T>& p, int max_threads) {
  constexpr int L = kLanes<T>;
  Blocking blocking{};
  blocking.vectors = tile_vectors(p.m);
  blocking.blocks_of_k = max64(ceil_div(p.k, kDepth<T>), 1);
  const int64_t depth = ceil_div(p.k, blocking.blocks_of_k);
  if (p.b.col_stride == 1) {
    const int64_t b_span = p.k * p.b.row_stride * static_cast<int64_t>(sizeof(T));
    const bool split_lines = !kMasksAreFree && p.n % L != 0;
    blocking.pack_b = p.m >= 96 && (b_span > kFarB || split_lines) ? PackB::rows : PackB::none;
    blocking.far_b = b_span > kFromMemory && blocking.pack_b == PackB::none;
  } else {
    blocking.pack_b = p.b.row_stride == 1 ? PackB::columns : PackB::strided;
  }
  const int64_t a_span = depth * p.a.col_stride * static_cast<int64_t>(sizeof(T));
  blocking.pack_a = p.a.col_stride != 1 && blocking.vectors == kMaxVectors && p.m >= 12 && p.n >= 256 && a_span > kFarA;

  blocking.far_c = p.m * p.ldc * static_cast<int64_t>(sizeof(T)) > kFarC;

  const int64_t panels = ceil_div(p.n, blocking.vectors * L);
  blocking.column_chunks = 1;
  blocking.row_chunks = blocking.pack_a ? ceil_div(p.m, kPackedRows) : 1;
  if (max_threads > 1) {
    // Columns first: chunks of rows would each pack B.
    const double flops = 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
    const int64_t wanted = max64(min64(static_cast<int64_t>(flops / kChunkFlops), 4 * max_threads), 1);
    blocking.column_chunks = min64(panels, wanted);
    const int64_t rows = min64(ceil_div(wanted, blocking.column_chunks), ceil_div(p.m, 24));
    blocking.row_chunks = max64(blocking.row_chunks, rows);
  }
  if (blocking.pack_b != PackB::none) blocking.scratch_b = sizeof(T) * depth * blocking.vectors * L;
  if (blocking.pack_a) blocking.scratch_a = sizeof(T) * ceil_div(depth, L) * L * ceil_div(p.m, blocking.row_chunks);
  return blocking;
}

// Rows x columns of C on the calling thread.
template <class T>
void run_block(const Product<T>& p, const Blocking& blocking, Piece rows, int64_t first_column, int64_t columns,
               char* scratch) {
  constexpr int L = kLanes<T>;
  T* packed_b = reinterpret_cast<T*>(scratch);
  T* packed_a = reinterpret_cast<T*>(scratch + (blocking.scratch_b + 63) / 64 * 64);
  const int64_t panels = ceil_div(ceil_div(columns, L), blocking.vectors);
  for (int64_t block = 0; block < blocking.blocks_of_k; ++block) {
    const Piece depth = piece_of(p.k, blocking.blocks_of_k, block);
    const bool last = block == blocking.blocks_of_k - 1;
    const T* a = p.a.data + rows.begin * p.a.row_stride + depth.begin * p.a.col_stride;
    int64_t a_row_stride = p.a.row_stride, a_col_stride = p.a.col_stride;
    if (blocking.pack_a) {
      const int64_t ld = ceil_div(depth.size, L) * L;
      pack_columns(rows.size, depth.size, a, a_col_stride, packed_a, ld);
      a = packed_a;
      a_row_stride = ld;
      a_col_stride = 1;
    }
    for (int64_t i = 0; i < panels; ++i) {
      const ColumnPanel<T> panel = column_panel<T>(columns, panels, i);
      const int64_t column = first_column + panel.first;
      const T* b = p.b.data + depth.begin * p.b.row_stride + column * p.b.col_stride;
      TileCall<T> t{};
      t.a = &a;
      t.b = &b;
      t.count = 1;
      t.k = depth.size;
      t.a_row_stride = a_row_stride;
      t.a_col_stride = a_col_stride;
      t.ldb = p.b.row_stride;
      t.b_lanes = t.c_lanes = panel.lanes;
      t.ldc = p.ldc;
      t.bias = last && p.bias ? p.bias + column : nullptr;
      t.accumulate = block > 0 || p.accumulate;
      if (blocking.pack_b != PackB::none) {
        const int64_t ld = panel.vectors * L;
        if (blocking.pack_b == PackB::rows) {
          pack_rows(depth.size, panel.columns, b, p.b.row_stride, packed_b, ld);
        } else if (blocking.pack_b == PackB::columns) {
          pack_columns(depth.size, panel.columns, b, p.b.col_stride, packed_b, ld);
        } else {
          pack_strided(depth.size, panel.columns, b, p.b.row_stride, p.b.col_stride, packed_b, ld);
        }
        b = packed_b;
        t.ldb = ld;
        t.b_lanes = L;
      }
      run_panel<T>(t, rows.size, panel.vectors, blocking.far_b, blocking.far_c, p.c + rows.begin * p.ldc + column,
                   last ? p.activation : Activation::linear);
    }
  }
}

template <class T>
void run_blocks(const Product<T>& p, int max_threads) {
  constexpr int L = kLanes<T>;
  const Blocking blocking = choose_blocking(p, max_threads);
  const int64_t width = blocking.vectors * L;
  const int64_t panels = ceil_div(p.n, width);
  const size_t scratch_bytes =
      blocking.scratch_b + blocking.scratch_a ? blocking.scratch_b + 64 + blocking.scratch_a : 0;
  parallel_chunks(
      blocking.row_chunks * blocking.column_chunks, max_threads, scratch_bytes, [&](int64_t chunk, void* scratch) {
        const Piece rows = piece_of(p.m, blocking.row_chunks, chunk / blocking.column_chunks);
        const Piece wide = piece_of(panels, blocking.column_chunks, chunk % blocking.column_chunks);
        const int64_t first = wide.begin * width;
        run_block(p, blocking, rows, first, min64(wide.size * width, p.n - first), static_cast<char*>(scratch));
      });
}

// C^T = B^T A^T: the rows of A^T fill whole vectors where a narrow C would not. A^T is packed unless A is contiguous
// along m.
template <class T>
void run_transposed(const Product<T>& p, int max_threads) {
  constexpr int64_t kColumns = kMaxVectors * kLanes<T>;
  constexpr int64_t kRows = 240;  // of C^T at a time: packing A^T anew for each costs 2 %
  const bool pack = p.a.row_stride != 1;
  const int64_t blocks = max64(ceil_div(p.k, kDepth<T>), 1);
  const int64_t column_chunks = ceil_div(p.m, kColumns);
  const int64_t row_chunks = ceil_div(p.n, kRows);
  const int64_t block_size = kColumns * ceil_div(p.n, row_chunks);
  const int64_t packed_size = pack ? kColumns * ceil_div(p.k, blocks) : 0;
  parallel_chunks(column_chunks * row_chunks, max_threads, sizeof(T) * (block_size + packed_size),
                  [&](int64_t chunk, void* scratch) {
                    T* block = static_cast<T*>(scratch);
                    T* packed = block + block_size;
                    const int64_t first = chunk / row_chunks * kColumns;
                    const int64_t columns = min64(p.m - first, kColumns);
                    const Piece rows = piece_of(p.n, row_chunks, chunk % row_chunks);
                    Epilogue plain;
                    for (int64_t i = 0; i < blocks; ++i) {
                      const Piece depth = piece_of(p.k, blocks, i);
                      const T* left = p.b.data + depth.begin * p.b.row_stride + rows.begin * p.b.col_stride;
                      const T* right = p.a.data + first * p.a.row_stride + depth.begin * p.a.col_stride;
                      if (pack) pack_columns(depth.size, columns, right, p.a.row_stride, packed, kColumns);
                      if (pack) right = packed;
                      plain.accumulate = i > 0;
                      panels_in_place<T>(rows.size, columns, depth.size, 1, &left, p.b.col_stride, p.b.row_stride,
                                         &right, pack ? kColumns : p.a.col_stride, block, kColumns, plain);
                    }
                    T* c = p.c + first * p.ldc + rows.begin;
                    unpack_transposed(columns, rows.size, block, kColumns, c, p.ldc, p.accumulate);
                    apply_epilogue(columns, rows.size, c, p.ldc, p.bias ? p.bias + rows.begin : nullptr, p.activation);
                  });
}

// Where both operands are contiguous along k: up to so many rows of A are multiplied in place as dots (packing B would
// cost more), or so few columns of B (tiles would waste most of their lanes).
constexpr int64_t kMaxDotRows = 16;
constexpr int64_t kMaxDotColumns = 4;

// Small outputs under a long k (the gradient of a kernel): slices of k are summed apart, then added in order.
constexpr int64_t kMinSlice = 1024;
constexpr int64_t kMaxSlices = 16;
PN_INLINE int64_t slices_of_k(int64_t m, int64_t n, int64_t k) {
  if (m * n > 16384 || m <= kMaxDotRows || n <= kMaxDotColumns) return 1;
  return min64(kMaxSlices, max64(k / kMinSlice, 1));
}

// How much of its vectors a matrix with n columns fills, in percent.
PN_INLINE int64_t filled(int64_t n, int lanes) { return 100 * n / (ceil_div(n, lanes) * lanes); }

template <class T>
PN_INLINE bool transposing_pays(const Product<T>& p) {
  constexpr int L = kLanes<T>;
  const bool contiguous = p.a.row_stride == 1;
  if (!contiguous && p.a.col_stride != 1) return false;
  // A narrow C.
  if (p.n < 3 * L && p.m >= 2 * L && filled(p.n, L) < (contiguous ? 75 : 70)) return true;
  // A few rows of A are packed sooner than a B that is contiguous along k, unless turning C costs as much.
  return !contiguous && p.b.col_stride != 1 && p.m <= 4 * L && p.n > p.m && p.k > 2 * p.m && filled(p.m, L) > 85;
}

template <class T>
void run_tiles(const Product<T>& p, int max_threads) {
  if (transposing_pays(p)) {
    run_transposed(p, max_threads);
  } else {
    run_blocks(p, max_threads);
  }
}

// y[n] (+)= the sum of `slices` rows that lie `stride` apart, in order.
template <class T>
void add_slices(int64_t n, int64_t slices, const T* partial, int64_t stride, T* y, bool accumulate) {
  constexpr int L = kLanes<T>;
  for (int64_t j = 0; j < n; j += L) {
    const int lanes = static_cast<int>(min64(n - j, L));
    Vec<T> sum = load_first(partial + j, lanes);
    for (int64_t slice = 1; slice < slices; ++slice) sum = sum + load_first(partial + slice * stride + j, lanes);
    store_first(y + j, accumulate ? load_first(y + j, lanes) + sum : sum, lanes);
  }
}

template <class T>
void run_slices(const Product<T>& p, int64_t slices, int max_threads, T* partial) {
  const int64_t size = p.m * p.n;
  parallel_chunks(slices, max_threads, 0, [&](int64_t slice, void*) {
    const Piece depth = piece_of(p.k, slices, slice);
    Product<T> part = p;
    part.k = depth.size;
    part.a.data += depth.begin * p.a.col_stride;
    part.b.data += depth.begin * p.b.row_stride;
    part.c = partial + slice * size;
    part.ldc = p.n;
    part.bias = nullptr;
    part.activation = Activation::linear;
    part.accumulate = false;
    run_tiles(part, 1);
  });
  for (int64_t i = 0; i < p.m; ++i) {
    add_slices(p.n, slices, partial + i * p.n, size, p.c + i * p.ldc, p.accumulate);
  }
  apply_epilogue(p.m, p.n, p.c, p.ldc, p.bias, p.activation);
}

// How many slices of k a product with a vector is cut into, each summed apart: threads share out the slices of a large
// matrix, not its columns, so that all of them read it from end to end.
constexpr int64_t kRowSlice = 256 << 10;  // bytes
constexpr int64_t kRowColumns = 4096;     // of one slice alone, for a thread
PN_INLINE int64_t slices_of_rows(int64_t n, int64_t k, int64_t element_size) {
  return max64(min64(min64(n * k * element_size / kRowSlice, k / 16), kMaxSlices), 1);
}

// y[n] = x[k] * B[k x n] with B row-major.
template <class T>
void run_row(int64_t n, int64_t k, const T* x, int64_t x_stride, const T* b, int64_t ldb, T* y, bool accumulate,
             int max_threads, T* partial) {
  const int64_t bytes = k * ldb * static_cast<int64_t>(sizeof(T));
  const int64_t slices = slices_of_rows(n, k, sizeof(T));
  if (slices == 1) {
    const int64_t grain = max_threads > 1 ? kRowColumns : max64(n, 1);
    parallel_range(n, grain, max_threads, [&](int64_t begin, int64_t end) {
      row_product(end - begin, k, x, x_stride, b + begin, ldb, y + begin, accumulate, bytes);
    });
    return;
  }
  parallel_chunks(slices, max_threads, 0, [&](int64_t slice, void*) {
    const Piece rows = piece_of(k, slices, slice);
    row_product(n, rows.size, x + rows.begin * x_stride, x_stride, b + rows.begin * ldb, ldb, partial + slice * n,
                false, bytes);
  });
  add_slices(n, slices, partial, n, y, accumulate);
}

template <class T>
void run_dots(int64_t rows, int64_t few, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c,
              int64_t c_row, int64_t c_col, bool accumulate, int max_threads) {
  const int64_t grain =
      max_threads > 1 ? max64(8, (1 << 18) / max64(k * static_cast<int64_t>(sizeof(T)), 1) / 8 * 8) : max64(rows, 1);
  parallel_range(rows, grain, max_threads, [&](int64_t begin, int64_t end) {
    dot_product(end - begin, few, k, a + begin * lda, lda, b, ldb, c + begin * c_row, c_row, c_col, accumulate);
  });
}

// A narrow C as dots along k, where tiles would leave lanes empty. B is packed as rows that are contiguous along k, in
// blocks of k that stay in L1.
constexpr int64_t kNarrowBytes = 32 << 10;
constexpr int64_t kMinNarrowRows = 16, kMinNarrowDepth = 64;  // below, packing B costs more than it saves
struct NarrowPanel {
  int64_t blocks;
  int64_t ld;  // from row to row of a block; not a multiple of 4 KB, which would put all rows into the same sets of L1
  int64_t size;  // elements of a block
};
PN_INLINE NarrowPanel narrow_panel(int64_t n, int64_t k, int64_t element_size) {
  const int64_t lanes = PN_VECTOR_BYTES / element_size;
  const int64_t blocks = ceil_div(n * k * element_size, kNarrowBytes);
  const int64_t ld = (ceil_div(ceil_div(k, blocks), lanes) + 1) * lanes;
  return {blocks, ld, n * ld};
}

template <class T>
PN_INLINE bool narrow_pays(const Product<T>& p) {
  return p.n <= kDotWidth && p.m >= kMinNarrowRows && p.k >= kMinNarrowDepth && p.a.col_stride == 1 &&
         (p.b.col_stride == 1 || p.b.row_stride == 1);
}

template <class T>
void run_narrow(const Product<T>& p, int max_threads, T* packed) {
  constexpr int64_t kChunk = 1 << 17;  // multiplications
  const NarrowPanel panel = narrow_panel(p.n, p.k, sizeof(T));
  for (int64_t i = 0; i < panel.blocks; ++i) {
    const Piece depth = piece_of(p.k, panel.blocks, i);
    const T* b = p.b.data + depth.begin * p.b.row_stride;
    if (p.b.col_stride == 1) {
      pack_columns(p.n, depth.size, b, p.b.row_stride, packed + i * panel.size, panel.ld);
    } else {
      pack_rows(p.n, depth.size, b, p.b.col_stride, packed + i * panel.size, panel.ld);
    }
  }
  const int64_t grain = max_threads > 1 ? max64(kChunk / (p.n * p.k), 8) : p.m;
  parallel_range(p.m, grain, max_threads, [&](int64_t begin, int64_t end) {
    T* c = p.c + begin * p.ldc;
    for (int64_t i = 0; i < panel.blocks; ++i) {
      const Piece depth = piece_of(p.k, panel.blocks, i);
      dot_product(end - begin, p.n, depth.size, p.a.data + begin * p.a.row_stride + depth.begin, p.a.row_stride,
                  packed + i * panel.size, panel.ld, c, p.ldc, 1, i > 0 || p.accumulate);
    }
    apply_epilogue(end - begin, p.n, c, p.ldc, p.bias, p.activation);
  });
}

// C = a[m] * b[n]: there is nothing to sum. Long rows are written one after the other, which memory takes twice as fast
// as tiles.
constexpr int64_t kLongRow = 1024;  // bytes
template <class T>
void run_outer(const Product<T>& p, int max_threads) {
  constexpr int L = kLanes<T>;
  constexpr int64_t kChunk = 1 << 16;  // elements of C
  const int64_t grain = max_threads > 1 ? max64(kChunk / p.n, 1) : p.m;
  const T* b = p.b.data;
  parallel_range(p.m, grain, max_threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Vec<T> x = broadcast(p.a.data[i * p.a.row_stride]);
      T* c = p.c + i * p.ldc;
      int64_t j = 0;
      if (!p.accumulate) {
        for (; j + L <= p.n; j += L) store(c + j, x * load(b + j));
      }
      for (; j < p.n; j += L) {
        const int lanes = static_cast<int>(min64(p.n - j, L));
        const Vec<T> product = x * load_first(b + j, lanes);
        store_first(c + j, p.accumulate ? load_first(c + j, lanes) + product : product, lanes);
      }
    }
    apply_epilogue(end - begin, p.n, p.c + begin * p.ldc, p.ldc, p.bias, p.activation);
  });
}

template <class T>
void run(const Product<T>& p, int max_threads, void* workspace) {
  if (p.m <= 0 || p.n <= 0) return;
  T* own = static_cast<T*>(workspace);
  const bool dots = p.a.col_stride == 1 && p.b.row_stride == 1;
  if (p.k == 1 && p.b.col_stride == 1 && p.n * static_cast<int64_t>(sizeof(T)) >= kLongRow) {
    return run_outer(p, max_threads);
  } else if (dots && p.m <= kMaxDotRows) {
    run_dots(p.n, p.m, p.k, p.b.data, p.b.col_stride, p.a.data, p.a.row_stride, p.c, 1, p.ldc, p.accumulate,
             max_threads);
  } else if (dots && p.n <= kMaxDotColumns) {
    run_dots(p.m, p.n, p.k, p.a.data, p.a.row_stride, p.b.data, p.b.col_stride, p.c, p.ldc, 1, p.accumulate,
             max_threads);
  } else if (p.m == 1 && p.b.col_stride == 1) {
    run_row(p.n, p.k, p.a.data, p.a.col_stride, p.b.data, p.b.row_stride, p.c, p.accumulate, max_threads, own);
  } else if (p.n == 1 && p.a.row_stride == 1 && p.ldc == 1) {
    run_row(p.m, p.k, p.b.data, p.b.row_stride, p.a.data, p.a.col_stride, p.c, p.accumulate, max_threads, own);
  } else if (narrow_pays(p)) {
    return run_narrow(p, max_threads, own);
  } else if (const int64_t slices = slices_of_k(p.m, p.n, p.k); slices > 1) {
    return run_slices(p, slices, max_threads, own);
  } else {
    return run_tiles(p, max_threads);
  }
  apply_epilogue(p.m, p.n, p.c, p.ldc, p.bias, p.activation);
}

}  // namespace

void gemm_panel(int64_t m, int64_t n, int64_t k, int64_t count, const float* const* a, int64_t a_row_stride,
                int64_t a_col_stride, const float* const* b, int64_t ldb, float* c, int64_t ldc,
                const Epilogue& epilogue) {
  panels_in_place<float>(m, n, k, count, a, a_row_stride, a_col_stride, b, ldb, c, ldc, epilogue);
}
void gemm_panel(int64_t m, int64_t n, int64_t k, int64_t count, const double* const* a, int64_t a_row_stride,
                int64_t a_col_stride, const double* const* b, int64_t ldb, double* c, int64_t ldc,
                const Epilogue& epilogue) {
  panels_in_place<double>(m, n, k, count, a, a_row_stride, a_col_stride, b, ldb, c, ldc, epilogue);
}

void gemm(int64_t m, int64_t n, int64_t k, const MatrixView<float>& a, const MatrixView<float>& b, float* c,
          int64_t ldc, const Epilogue& epilogue, int max_threads, void* workspace) {
  run<float>(
      {m, n, k, a, b, c, ldc, static_cast<const float*>(epilogue.bias), epilogue.activation, epilogue.accumulate},
      max_threads, workspace);
}
void gemm(int64_t m, int64_t n, int64_t k, const MatrixView<double>& a, const MatrixView<double>& b, double* c,
          int64_t ldc, const Epilogue& epilogue, int max_threads, void* workspace) {
  run<double>(
      {m, n, k, a, b, c, ldc, static_cast<const double*>(epilogue.bias), epilogue.activation, epilogue.accumulate},
      max_threads, workspace);
}
size_t gemm_workspace(int64_t m, int64_t n, int64_t k, size_t element_size) {
  const int64_t size = static_cast<int64_t>(element_size);
  const int64_t row_slices = m == 1 || n == 1 ? slices_of_rows(max64(m, n), k, size) : 1;
  int64_t elements = row_slices > 1 ? row_slices * max64(m, n) : 0;
  if (n <= kDotWidth && m >= kMinNarrowRows && k >= kMinNarrowDepth) {
    const NarrowPanel panel = narrow_panel(n, k, size);
    elements = max64(elements, panel.blocks * panel.size);
  }
  const int64_t slices = slices_of_k(m, n, k);
  if (slices > 1) elements = max64(elements, slices * m * n);
  return element_size * static_cast<size_t>(elements);
}

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
