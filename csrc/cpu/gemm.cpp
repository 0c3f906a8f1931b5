#include "cpu/gemm.h"

#include "cpu/gemm_blocks.h"
#include "cpu/gemm_column.h"
#include "cpu/gemm_dot.h"
#include "cpu/gemm_vector.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

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
                    for (int64_t i = 0; i < blocks; ++i) {
                      const Piece depth = piece_of(p.k, blocks, i);
                      const T* left = p.b.data + depth.begin * p.b.row_stride + rows.begin * p.b.col_stride;
                      const T* right = p.a.data + first * p.a.row_stride + depth.begin * p.a.col_stride;
                      if (pack) pack_columns(depth.size, columns, right, p.a.row_stride, packed, kColumns);
                      if (pack) right = packed;
                      panels_in_place<T>(rows.size, columns, depth.size, left, p.b.col_stride, p.b.row_stride, right,
                                         pack ? kColumns : p.a.col_stride, block, kColumns, i > 0);
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

// Columns [first, first + count) of a product.
template <class T>
PN_INLINE Product<T> columns_of(const Product<T>& p, int64_t first, int64_t count) {
  Product<T> part = p;
  part.n = count;
  part.b.data += first * p.b.col_stride;
  part.c += first;
  part.bias = p.bias ? p.bias + first : nullptr;
  return part;
}

// The last columns of C, where they leave most of a vector empty and that vector is a large part of all.
PN_INLINE int64_t odd_columns(int64_t n, int lanes) {
  const int64_t odd = n % lanes;
  return n > 2 * lanes && 4 * odd <= lanes && filled(n, lanes) < 92 ? odd : 0;
}

// A product that one panel of tiles covers, of operands that both stay where they lie: as run_blocks would compute it,
// which takes longer to find that out than the smallest of them need.
template <class T>
PN_INLINE bool is_one_panel(const Product<T>& p) {
  constexpr int64_t kFewRows = 96;  // no more than that pay for packing B
  return p.b.col_stride == 1 && p.n <= tile_vectors(p.m) * kLanes<T> && p.k <= kDepth<T> && p.m < kFewRows &&
         static_cast<double>(2 * p.m * p.n * p.k) < kChunkFlops &&
         p.m * p.ldc * static_cast<int64_t>(sizeof(T)) <= kFarC;
}

template <class T>
void run_one_panel(const Product<T>& p) {
  constexpr int L = kLanes<T>;
  PanelCall<T> call{};
  TileCall<T>& t = call.tile;
  call.vectors = static_cast<int>((p.n + L - 1) / L);
  call.tile_rows = kTileRows[call.vectors];
  call.rows = p.m;
  call.activation = p.activation;
  t.a = p.a.data;
  t.a_row_stride = call.a_rows_apart = p.a.row_stride;
  t.a_col_stride = p.a.col_stride;
  t.b = p.b.data;
  t.ldb = p.b.row_stride;
  t.k = p.k;
  t.b_lanes = t.c_lanes = static_cast<int>(p.n - (call.vectors - 1) * L);
  t.c = p.c;
  t.ldc = p.ldc;
  t.bias = p.bias;
  t.accumulate = p.accumulate;
  run_panel(call);
}

// packed: memory for a packed A or the packed odd columns of B, or nullptr.
template <class T>
void run_tiles(const Product<T>& p, int max_threads, T* packed) {
  constexpr int L = kLanes<T>;
  if (transposing_pays(p)) return run_transposed(p, max_threads);
  if (const int64_t odd = odd_columns(p.n, L); odd > 0 && p.m >= 2 * L) {
    const Product<T> last = columns_of(p, p.n - odd, odd);
    const bool by_columns = p.a.row_stride == 1;
    if (by_columns || (packed && narrow_pays(last))) {
      run_blocks(columns_of(p, 0, p.n - odd), max_threads, packed);
      return by_columns ? run_transposed(last, max_threads) : run_narrow(last, max_threads, packed);
    }
  }
  if (is_one_panel(p)) return run_one_panel(p);
  run_blocks(p, max_threads, packed);
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
    run_tiles<T>(part, 1, nullptr);
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
    return run_tiles(p, max_threads, own);
  }
  apply_epilogue(p.m, p.n, p.c, p.ldc, p.bias, p.activation);
}

// A single tile, so shallow that any other way takes longer to begin than the products do. Field by field: what has
// just been stored in pieces cannot be loaded as a whole without waiting for the cache.
constexpr int64_t kTinyDepth = 16;
template <class T>
PN_INLINE bool run_tiny(int64_t m, int64_t n, int64_t k, const MatrixView<T>& a, const MatrixView<T>& b, T* c,
                        int64_t ldc, const Epilogue& epilogue) {
  constexpr int L = kLanes<T>;
  if (m <= 0 || m > kMaxTileRows || n <= 0 || n > kMaxVectors * L || k > kTinyDepth || b.col_stride != 1) return false;
  const int vectors = static_cast<int>((n + L - 1) / L);
  if (m > kTileRows[vectors]) return false;
  const Activation activation = epilogue.activation;
  TileCall<T> t;
  t.a = a.data;
  t.a_row_stride = a.row_stride;
  t.a_col_stride = a.col_stride;
  t.next_a = t.next_line = 0;
  t.b = b.data;
  t.ldb = b.row_stride;
  t.k = k;
  t.b_lanes = t.c_lanes = static_cast<int>(n - (vectors - 1) * L);
  t.packed = nullptr;
  t.c = c;
  t.ldc = ldc;
  t.bias = static_cast<const T*>(epilogue.bias);
  t.accumulate = epilogue.accumulate;
  t.relu = activation == Activation::relu;
  find_tile<T>(static_cast<int>(m), vectors, t.b_lanes < L, ReadB::near)(t);
  if (activation != Activation::linear && !t.relu) apply_epilogue(m, n, c, ldc, static_cast<T*>(nullptr), activation);
  return true;
}

}  // namespace

void gemm(int64_t m, int64_t n, int64_t k, const MatrixView<float>& a, const MatrixView<float>& b, float* c,
          int64_t ldc, const Epilogue& epilogue, int max_threads, void* workspace) {
  if (run_tiny<float>(m, n, k, a, b, c, ldc, epilogue)) return;
  run<float>(
      {m, n, k, a, b, c, ldc, static_cast<const float*>(epilogue.bias), epilogue.activation, epilogue.accumulate},
      max_threads, workspace);
}
void gemm(int64_t m, int64_t n, int64_t k, const MatrixView<double>& a, const MatrixView<double>& b, double* c,
          int64_t ldc, const Epilogue& epilogue, int max_threads, void* workspace) {
  if (run_tiny<double>(m, n, k, a, b, c, ldc, epilogue)) return;
  run<double>(
      {m, n, k, a, b, c, ldc, static_cast<const double*>(epilogue.bias), epilogue.activation, epilogue.accumulate},
      max_threads, workspace);
}
size_t gemm_workspace(int64_t m, int64_t n, int64_t k, size_t element_size, bool a_by_columns) {
  const int64_t size = static_cast<int64_t>(element_size);
  const int64_t row_slices = m == 1 || n == 1 ? slices_of_rows(max64(m, n), k, size) : 1;
  int64_t elements = row_slices > 1 ? row_slices * max64(m, n) : 0;
  const int64_t odd = odd_columns(n, PN_VECTOR_BYTES / static_cast<int>(element_size));
  const int64_t narrow = n <= kDotWidth ? n : a_by_columns ? 0 : odd;
  if (narrow > 0 && m >= kMinNarrowRows && k >= kMinNarrowDepth) {
    const NarrowPanel panel = narrow_panel(narrow, k, size);
    elements = max64(elements, panel.blocks * panel.size);
  }
  const int64_t slices = slices_of_k(m, n, k);
  if (slices > 1) elements = max64(elements, slices * m * n);
  if (a_by_columns) elements = max64(elements, packed_a_size(m, n, k, size));
  return element_size * static_cast<size_t>(elements);
}

void multiply_in_cache(int64_t m, int64_t n, int64_t k, const MatrixView<float>& a, const float* b, int64_t ldb,
                       float* c, int64_t ldc, bool accumulate) {
  if (column_pays<float>(m, n, k, a.row_stride, a.col_stride)) {
    return multiply_column(m, k, a.data, a.row_stride, a.col_stride, b, ldb, c, ldc, accumulate);
  }
  panels_in_place<float>(m, n, k, a.data, a.row_stride, a.col_stride, b, ldb, c, ldc, accumulate);
}

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
