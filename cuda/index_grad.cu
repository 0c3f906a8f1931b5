// Gradients of take and take_along_axis: rows that were taken several times are added in the order of the indices.
#include "cuda/indices.cuh"
#include "cuda/reduce.cuh"
#include "ops/index_params.h"

namespace pyneural::cuda {
namespace {

// A tile of the result is summed in shared memory: kTileElements, side by side in `width` columns. Each block looks
// through all indices of its piece, which costs little, as it does so once for all rows of the tile.
constexpr int kTileElements = 4096;
constexpr int kTileWidth = 128;
constexpr int kListed = 1024;  // indices of a chunk
constexpr int kAhead = 8;      // gradients that are loaded before they are added

struct ScatterShape {
  int64_t rows, inner, count;  // of the result, of its rows, of indices
  int64_t index_stride;        // between the indices of outer parts: 0 if these share them
  int64_t size;                // of the result
  int64_t piece_length;
  int width_bits;
  Divider by_row_tiles;
};

// blockIdx.x: outer part and tile of rows; y: tile of columns; z: piece of the indices.
template <class T>
__global__ void add_rows(const T* grad, Indices indices, T* y, ScatterShape s) {
  PN_SHARED(sums, T[kTileElements]);
  PN_SHARED(rows, int32_t[kListed]);
  PN_SHARED(sources, int32_t[kListed]);
  PN_SHARED(found, int32_t[kBlockThreads / kWarp + 1]);
  constexpr int kWarps = kBlockThreads / kWarp;
  const int width = 1 << s.width_bits, tile_rows = kTileElements >> s.width_bits;
  const int column = threadIdx.x & (width - 1), group = threadIdx.x >> s.width_bits;
  const int groups = kBlockThreads >> s.width_bits;  // each adds to the rows that are its own
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  int64_t outer = blockIdx.x;
  const int64_t first_row = s.by_row_tiles.take_remainder(outer) * tile_rows;
  const int64_t inner = static_cast<int64_t>(blockIdx.y) * width + column;
  for (int i = threadIdx.x; i < kTileElements; i += kBlockThreads) sums[i] = 0;
  __syncthreads();
  const int64_t begin = blockIdx.z * s.piece_length;
  const int64_t end = begin + s.piece_length < s.count ? begin + s.piece_length : s.count;
  for (int64_t chunk = begin; chunk < end; chunk += kListed) {
    // The indices of this chunk that point into the tile, in their order.
    int listed = 0;
    for (int64_t start = chunk; start < end && start < chunk + kListed; start += kBlockThreads) {
      const int64_t i = start + threadIdx.x;
      int64_t row = -1;
      if (i < end) {
        row = indices[outer * s.index_stride + i];
        if (row < 0) row += s.rows;
        row = row >= 0 && row < s.rows ? row - first_row : -1;
      }
      const bool inside = row >= 0 && row < tile_rows;
      const unsigned votes = __ballot_sync(kAllLanes, inside);
      if (lane == 0) found[warp] = __popc(votes);
      __syncthreads();
      int place = listed, total = 0;
      for (int w = 0; w < kWarps; ++w) {
        if (w < warp) place += found[w];
        total += found[w];
      }
      if (inside) {
        place += __popc(votes & ((1u << lane) - 1));
        rows[place] = static_cast<int32_t>(row);
        sources[place] = static_cast<int32_t>(i - chunk);
      }
      listed += total;
      __syncthreads();
    }
    if (inner < s.inner) {
      const auto is_own = [&](int k) { return k < listed && (rows[k] & (groups - 1)) == group; };
      for (int k = 0; k < listed; k += kAhead) {
        T values[kAhead];
#pragma unroll
        for (int u = 0; u < kAhead; ++u) {
          if (is_own(k + u)) values[u] = grad[(outer * s.count + chunk + sources[k + u]) * s.inner + inner];
        }
#pragma unroll
        for (int u = 0; u < kAhead; ++u) {
          if (!is_own(k + u)) continue;
          T& sum = sums[(rows[k + u] << s.width_bits) + column];
          sum = Add::of(sum, values[u]);
        }
      }
    }
    __syncthreads();
  }
  if (inner >= s.inner) return;
  T* const to = y + blockIdx.z * s.size;
  for (int row = group; row < tile_rows && first_row + row < s.rows; row += groups) {
    to[(outer * s.rows + first_row + row) * s.inner + inner] = sums[(row << s.width_bits) + column];
  }
}

// [outer, count, inner] into [outer, rows, inner].
template <class T>
void scatter(const KernelArgs& args, const Around& around, int64_t count, int64_t index_stride, Scratch& scratch) {
  const View &grad = args.in[0], &indices = args.in[1], &y = args.out[0];
  constexpr int64_t kShortestPiece = 256;
  ScatterShape s{around.count, around.inner, count, index_stride, y.size, count, 0, Divider()};
  while ((1 << s.width_bits) < kTileWidth && (1 << s.width_bits) < s.inner) ++s.width_bits;
  const int64_t row_tiles = ceil_div(s.rows, kTileElements >> s.width_bits);
  s.by_row_tiles = Divider(row_tiles);
  const int64_t tiles = around.outer * row_tiles, column_tiles = ceil_div(s.inner, 1 << s.width_bits);
  int64_t pieces = kFullGrid / (tiles * column_tiles);
  if (pieces > count / kShortestPiece) pieces = count / kShortestPiece;
  if (pieces < 1) pieces = 1;
  if (count > 0) s.piece_length = ceil_div(count, pieces);
  if (count > 0) pieces = ceil_div(count, s.piece_length);
  T* const sums = pieces > 1 ? scratch.take<T>(pieces * y.size) : y.as<T>();
  if (!scratch.measures()) {
    const dim3 grid(static_cast<unsigned>(tiles), static_cast<unsigned>(column_tiles), static_cast<unsigned>(pieces));
    launch(add_rows<T>, grid, kBlockThreads, 0, stream_of(args), grad.as<const T>(), Indices(indices), sums, s);
  }
  if (pieces == 1) return;
  reduce_block_of_axes<Fold<Add, Plain, T, T, T>>(stream_of(args), Elements<T>{sums}, {1, pieces, y.size}, y.as<T>(),
                                                  NoFinish(), scratch);
}

void take_grad(const KernelArgs& args, Scratch& scratch) {
  const View& y = args.out[0];
  const auto& params = args.param<TakeGradParams>();
  if (y.size == 0) return;
  const Around around(params.dims, params.rank, params.axis);
  with_element(y.dtype, [&](auto zero) { scatter<decltype(zero)>(args, around, args.in[1].size, 0, scratch); });
}

// A thread for each column.
template <class T>
__global__ void add_elements(const T* grad, Indices indices, T* y, int64_t columns, int64_t count, int64_t rows,
                             int64_t inner, Divider by_inner) {
  for (int64_t i = first_item(); i < columns; i += item_stride()) {
    int64_t outer = i;
    const int64_t column = by_inner.take_remainder(outer);
    T* const to = y + outer * rows * inner + column;
    for (int64_t row = 0; row < rows; ++row) to[row * inner] = 0;
    for (int64_t k = 0; k < count; ++k) {
      const int64_t from = (outer * count + k) * inner + column;
      int64_t row = indices[from];
      if (row < 0) row += rows;
      if (row >= 0 && row < rows) to[row * inner] = Add::of(to[row * inner], grad[from]);
    }
  }
}

void take_along_axis_grad(const KernelArgs& args, Scratch& scratch) {
  const View &grad = args.in[0], &indices = args.in[1], &y = args.out[0];
  const auto& params = args.param<TakeGradParams>();
  if (y.size == 0) return;
  const Around around(params.dims, params.rank, params.axis);
  const int64_t count = indices.dims[params.axis], columns = around.outer * around.inner;
  with_element(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    if (around.inner == 1) return scatter<T>(args, around, count, count, scratch);
    if (scratch.measures()) return;
    launch(add_elements<T>, grid_for(columns), kBlockThreads, 0, stream_of(args), grad.as<const T>(), Indices(indices),
           y.as<T>(), columns, count, around.count, around.inner, Divider(around.inner));
  });
}

}  // namespace

PN_KERNELS(index_grad, {"take_grad", run_with_scratch<take_grad>, scratch_bytes<take_grad>},
           {"take_along_axis_grad", run_with_scratch<take_along_axis_grad>, scratch_bytes<take_along_axis_grad>})
}  // namespace pyneural::cuda
