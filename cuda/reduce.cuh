// Reduction of [outer, reduce, inner] over its middle axis. Elements meet in an order that depends on the shape alone.
//
// inner == 1: 1 to 32 lanes, or a block, share a row. inner > 1: threads walk down neighbouring columns. Where there
// are too few results to fill a GPU, rows are split between blocks, which leave partial totals in the workspace.
#pragma once

#include "cpu/reduce_plan.h"
#include "cuda/reducers.cuh"
#include "cuda/scratch.h"
#include "cuda/units.h"

namespace pyneural::cuda {

using cpu::ReduceBlock;

// Where results go to an array of totals.
struct NoFinish {
  template <class Total>
  __device__ __forceinline__ void operator()(int64_t, Total) const {}
};

constexpr int kRun = 16;  // times kUnroll elements are joined before they are widened to Total

// Packs first, first + step, ... below end, `pitch` elements apart; one total per place in a pack.
template <class R, int kPack, bool kAligned, int kAlong, class Cursor>
__device__ __forceinline__ void reduce_packs(const Cursor& cursor, int64_t base, int64_t first, int64_t end,
                                             int64_t step, int64_t pitch, typename R::Total (&totals)[kPack]) {
  using Value = typename R::Value;
  using Run = typename R::Run;
  constexpr int64_t kPlaces = kAlong ? kPack : 1;  // of the reduced axis, in a pack
  Run run[kPack];
#pragma unroll
  for (int v = 0; v < kPack; ++v) run[v] = R::template neutral<Run>();
  int runs = 0;
  int64_t i = first;
  for (; i + (kUnroll - 1) * step < end; i += kUnroll * step) {
    Pack<Value, kPack> packs[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int64_t at = i + u * step;
      packs[u] = cursor.template load<kPack, kAligned, kAlong>(base + at * pitch, at * kPlaces);
    }
#pragma unroll
    for (int v = 0; v < kPack; ++v) {
      const Value values[kUnroll] = {packs[0].values[v], packs[1].values[v], packs[2].values[v], packs[3].values[v]};
      if constexpr (requires { R::chunk(values); }) {
        run[v] = R::join(run[v], R::chunk(values));
      } else {
        run[v] = R::join(run[v], R::join(R::join(R::one(values[0]), R::one(values[1])),
                                         R::join(R::one(values[2]), R::one(values[3]))));
      }
    }
    if (++runs % kRun == 0) {
#pragma unroll
      for (int v = 0; v < kPack; ++v) {
        totals[v] = R::join(totals[v], R::widen(run[v]));
        run[v] = R::template neutral<Run>();
      }
    }
  }
  for (; i < end; i += step) {
    const auto pack = cursor.template load<kPack, kAligned, kAlong>(base + i * pitch, i * kPlaces);
#pragma unroll
    for (int v = 0; v < kPack; ++v) run[v] = R::join(run[v], R::one(pack.values[v]));
  }
#pragma unroll
  for (int v = 0; v < kPack; ++v) totals[v] = R::join(totals[v], R::widen(run[v]));
}

// 2^lane_bits threads share each of `pieces` parts of a row: up to a warp of them, or the whole block.
template <class R, int kPack, bool kAligned, class Source, class Finish>
__global__ void reduce_rows(Source source, int64_t rows, int64_t n, int pieces, int64_t piece_length, int lane_bits,
                            typename R::Total* partial, Finish finish) {
  using Total = typename R::Total;
  constexpr int kWarps = kBlockThreads / kWarp;
  const int lanes = 1 << lane_bits, lane = threadIdx.x & (lanes - 1);
  const int64_t group = static_cast<int64_t>(blockIdx.x) * (kBlockThreads >> lane_bits) + (threadIdx.x >> lane_bits);
  int64_t row = group, begin = 0;
  if (pieces > 1) {
    row = group / pieces;
    begin = (group - row * pieces) * piece_length;
  }
  const bool real = row < rows;
  Total totals[kPack];
#pragma unroll
  for (int v = 0; v < kPack; ++v) totals[v] = R::template neutral<Total>();
  if (real) {
    const int64_t end = begin + piece_length < n ? begin + piece_length : n;
    reduce_packs<R, kPack, kAligned, 1>(source.template cursor<kPack>(row, 0), row * n, begin / kPack + lane,
                                        end / kPack, lanes, kPack, totals);
  }
#pragma unroll
  for (int v = 1; v < kPack; ++v) totals[0] = R::join(totals[0], totals[v]);
  Total total = totals[0];
  for (int distance = (lanes < kWarp ? lanes : kWarp) / 2; distance > 0; distance /= 2) {
    total = R::join(total, shuffle_xor(total, distance));
  }
  if (lanes > kWarp) {
    PN_SHARED(joined, Total[kWarps]);
    if (threadIdx.x % kWarp == 0) joined[threadIdx.x / kWarp] = total;
    __syncthreads();
    total = joined[0];
    for (int warp = 1; warp < kWarps; ++warp) total = R::join(total, joined[warp]);
  }
  if (!real || lane > 0) return;
  if (partial) {
    partial[group] = total;
  } else {
    finish(group, total);
  }
}

// `width` threads stand side by side on neighbouring packs of columns, the block's others walk down other rows of
// them. Blocks with the same blockIdx.y share a piece of the reduced axis.
template <class R, int kPack, bool kAligned, class Source, class Finish>
__global__ void reduce_columns(Source source, int64_t packs, int64_t n, int64_t inner, Divider inner_packs,
                               int64_t piece_length, int width_bits, typename R::Total* partial, Finish finish) {
  using Total = typename R::Total;
  PN_SHARED(joined, Total[kPack][kBlockThreads]);
  const int width = 1 << width_bits;
  const int64_t pack = (static_cast<int64_t>(blockIdx.x) << width_bits) + (threadIdx.x & (width - 1));
  const int walker = threadIdx.x >> width_bits, walkers = kBlockThreads >> width_bits;
  int64_t outer = pack;
  const int64_t column = inner_packs.take_remainder(outer) * kPack;
  Total totals[kPack];
#pragma unroll
  for (int v = 0; v < kPack; ++v) totals[v] = R::template neutral<Total>();
  if (pack < packs) {
    const int64_t begin = blockIdx.y * piece_length, end = begin + piece_length;
    reduce_packs<R, kPack, kAligned, 0>(source.template cursor<kPack>(outer, column), outer * n * inner + column,
                                        begin + walker, end < n ? end : n, walkers, inner, totals);
  }
  for (int half = walkers / 2; half > 0; half /= 2) {
    if (walker >= half && walker < 2 * half) {
#pragma unroll
      for (int v = 0; v < kPack; ++v) joined[v][threadIdx.x] = totals[v];
    }
    __syncthreads();
    if (walker < half) {
#pragma unroll
      for (int v = 0; v < kPack; ++v) totals[v] = R::join(totals[v], joined[v][threadIdx.x + half * width]);
    }
    __syncthreads();
  }
  if (walker > 0 || pack >= packs) return;
#pragma unroll
  for (int v = 0; v < kPack; ++v) {
    if (partial) {
      partial[(outer * gridDim.y + blockIdx.y) * inner + column + v] = totals[v];
    } else {
      finish(outer * inner + column + v, totals[v]);
    }
  }
}

// ---- how work is shared, from shapes alone

struct RowShare {
  int lane_bits, pieces;
  int64_t piece_length;
};
inline RowShare share_rows(int64_t rows, int64_t n, int pack) {
  constexpr int64_t kPerLane = 16, kLongRow = 1024;
  if (n > kLongRow && rows * kWarp < kFullGrid * kBlockThreads) {
    constexpr int kBlockBits = 8;
    static_assert(1 << kBlockBits == kBlockThreads);
    int64_t pieces = kFullGrid / rows;
    const int64_t most = n / (kBlockThreads * kPerLane);
    if (pieces > most) pieces = most;
    if (pieces < 1) pieces = 1;
    const int64_t length = ceil_div(ceil_div(n, pieces), kPerLane) * kPerLane;  // whole packs
    return {kBlockBits, static_cast<int>(ceil_div(n, length)), length};
  }
  int bits = 0;
  while ((1 << bits) < kWarp && (kUnroll * pack << bits) < n) ++bits;
  return {bits, 1, n};
}

struct ColumnShare {
  int width_bits, pieces;
  int64_t piece_length;
};
inline ColumnShare share_columns(int64_t packs, int64_t n) {
  constexpr int64_t kRows = 8;  // of the reduced axis, at least, for a thread
  int bits = 0;
  while ((1 << bits) < kBlockThreads && (1 << bits) < packs) ++bits;
  const auto walkers = [&] { return int64_t{kBlockThreads} >> bits; };
  const auto blocks = [&] { return ceil_div(packs, 1 << bits); };
  while ((1 << bits) > kWarp && blocks() < kFullGrid && 2 * walkers() * kRows <= n) --bits;
  int64_t pieces = kFullGrid / blocks();
  const int64_t most = n / (2 * walkers() * kRows);
  if (pieces > most) pieces = most;
  if (pieces < 1) pieces = 1;
  const int64_t length = n > 0 ? ceil_div(n, pieces) : 1;
  return {bits, n > 0 ? static_cast<int>(ceil_div(n, length)) : 1, length};
}

// 16 bytes, where the shape allows them. Integers do without: few programs wait for them.
template <class T>
constexpr int kReducePack = 1;
template <>
inline constexpr int kReducePack<float> = 4;
template <>
inline constexpr int kReducePack<double> = 2;

template <class R, int kPack, bool kAligned, class Source, class Finish>
void launch_reduction(cudaStream_t stream, const Source& source, const ReduceBlock& b, typename R::Total* partial,
                      const Finish& finish) {
  if (b.inner == 1) {
    const RowShare share = share_rows(b.outer, b.reduce, kPack);
    const int64_t blocks = ceil_div((b.outer * share.pieces) << share.lane_bits, kBlockThreads);
    launch(reduce_rows<R, kPack, kAligned, Source, Finish>, static_cast<unsigned>(blocks), kBlockThreads, 0, stream,
           source, b.outer, b.reduce, share.pieces, share.piece_length, share.lane_bits, partial, finish);
    return;
  }
  const int64_t packs = b.outer * b.inner / kPack;
  const ColumnShare share = share_columns(packs, b.reduce);
  const dim3 grid(static_cast<unsigned>(ceil_div(packs, 1 << share.width_bits)), static_cast<unsigned>(share.pieces));
  launch(reduce_columns<R, kPack, kAligned, Source, Finish>, grid, kBlockThreads, 0, stream, source, packs, b.reduce,
         b.inner, Divider(b.inner / kPack), share.piece_length, share.width_bits, partial, finish);
}

// finish(position, Total) takes each result, or they go to `results`, if that is there.
template <class R, class Source, class Finish>
void reduce_block_of_axes(cudaStream_t stream, const Source& source, const ReduceBlock& b, typename R::Total* results,
                          const Finish& finish, Scratch& scratch) {
  using Total = typename R::Total;
  using T = typename Source::Element;
  constexpr int kPack = kReducePack<T>;
  const bool packs = kPack > 1 && (b.inner == 1 ? b.reduce : b.inner) % kPack == 0;
  const int pack = packs ? kPack : 1;
  const int pieces = b.inner == 1 ? share_rows(b.outer, b.reduce, pack).pieces
                                  : share_columns(b.outer * b.inner / pack, b.reduce).pieces;
  Total* const partial = pieces > 1 ? scratch.take<Total>(b.outer * pieces * b.inner) : results;
  if (!scratch.measures()) {
    if (!packs) {
      launch_reduction<R, 1, true>(stream, source, b, partial, finish);
    } else if (source.is_aligned_to(kPack * sizeof(T))) {
      launch_reduction<R, kPack, true>(stream, source, b, partial, finish);
    } else {
      launch_reduction<R, kPack, false>(stream, source, b, partial, finish);
    }
  }
  if (pieces == 1) return;
  reduce_block_of_axes<typename R::Next>(stream, Elements<Total>{partial}, {b.outer, pieces, b.inner}, results, finish,
                                         scratch);
}

// Reduces an operand of the shape of x over any axes.
template <class R, class Source, class Finish>
void reduce_axes(cudaStream_t stream, const View& x, const Source& source, uint32_t axes, int64_t results,
                 const Finish& finish, Scratch& scratch) {
  using Total = typename R::Total;
  if (results == 0) return;
  // Nothing to read: each result is what no element gives.
  if (x.size == 0) return reduce_block_of_axes<R>(stream, source, {results, 0, 1}, nullptr, finish, scratch);
  const cpu::ReducePlan plan = cpu::plan_reduction(x, axes);
  const Total* kept = nullptr;
  for (int i = 0; i < plan.stages; ++i) {
    const ReduceBlock& b = plan.stage[i];
    Total* const to = i + 1 < plan.stages ? scratch.take<Total>(b.outer * b.inner) : nullptr;
    if (i == 0) {
      reduce_block_of_axes<R>(stream, source, b, to, finish, scratch);
    } else {
      reduce_block_of_axes<typename R::Next>(stream, Elements<Total>{kept}, b, to, finish, scratch);
    }
    kept = to;
  }
}

}  // namespace pyneural::cuda
