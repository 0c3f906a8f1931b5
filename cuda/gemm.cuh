// C = activation(A * B + bias) in tiles; A and B are read through sources (gemm_stage.cuh), so that a convolution is a
// product as well.
//
// A Problem has kAlongDepthA, kAlongDepthB (see Stage), kActivates (whether there may be a bias and an activation:
// their code is large) and part(batch, phase), the product that a block works on:
//   sources a, b; rows, columns, depth; int64_t offset(row) of C's row in the output; int channel of its first column
#pragma once

#include "cuda/activation.cuh"
#include "cuda/gemm_plan.h"
#include "cuda/gemm_stage.cuh"
#include "cuda/units.h"

namespace pyneural::cuda {

template <class T>
struct GemmOutput {
  T* data;
  int64_t size;
  const T* bias;  // one for each channel, the last axis of the output; or nullptr
  int64_t channels;
  Activation activation;
  void* workspace;
  cudaStream_t stream;
};

// What a launch tells its blocks.
template <class T>
struct GemmBlocks {
  T* to;  // the output, or a partial output for each split
  int64_t size;
  const T* bias;
  Activation activation;
  int tiles_m, tiles_n, depth_per_split;
  bool packs;  // rows of the output begin at multiples of 16 bytes
};

// Blocks run in about the order of their numbers: neighbours share rows of A and columns of B in L2.
__device__ __forceinline__ int2 tile_at(int index, int tiles_m, int tiles_n) {
  constexpr int kGroup = 8;  // tiles in a column
  const int band = index / (kGroup * tiles_n), first = band * kGroup;
  const int height = tiles_m - first < kGroup ? tiles_m - first : kGroup, rest = index - first * tiles_n;
  return make_int2(first + rest % height, rest / height);
}

// The teams of a tile add up, in their order; the first one has the result.
template <class Tile>
__device__ __forceinline__ void add_slices(Tile& tile, typename Tile::Element* shared) {
  constexpr int kTeam = Tile::kThreads / Tile::kSlices, kSums = Tile::kSumRows * Tile::kRuns * Tile::kRun;
  auto* own = shared + static_cast<int>(threadIdx.x) % kTeam;
  if (tile.slice() > 0) {
#pragma unroll
    for (int s = 0; s < kSums; ++s) {
      own[((tile.slice() - 1) * kSums + s) * kTeam] =
          tile.sum(s / (Tile::kRuns * Tile::kRun), s / Tile::kRun % Tile::kRuns, s % Tile::kRun);
    }
  }
  __syncthreads();
  if (tile.slice() > 0) return;
#pragma unroll
  for (int s = 0; s < kSums; ++s) {
    auto& sum = tile.sum(s / (Tile::kRuns * Tile::kRun), s / Tile::kRun % Tile::kRuns, s % Tile::kRun);
#pragma unroll
    for (int slice = 1; slice < Tile::kSlices; ++slice) sum += own[((slice - 1) * kSums + s) * kTeam];
  }
}

// `packs`: the first of them is at a multiple of 16 bytes, and all of them are wanted.
template <int kRun, class T>
__device__ __forceinline__ void store_run(T* to, int count, bool packs, const T (&values)[kRun]) {
  if (packs) {
    constexpr int kAtOnce = sizeof(T) * kRun > kPackBytes ? kPackBytes / sizeof(T) : kRun;
#pragma unroll
    for (int i = 0; i < kRun; i += kAtOnce) {
      Pack<T, kAtOnce> pack;
#pragma unroll
      for (int j = 0; j < kAtOnce; ++j) pack.values[j] = values[i + j];
      *reinterpret_cast<Pack<T, kAtOnce>*>(to + i) = pack;
    }
  } else {
#pragma unroll
    for (int i = 0; i < kRun; ++i) {
      if (i < count) to[i] = values[i];
    }
  }
}

// Activations other than relu read what this thread has just written: a loop, as all of them for each sum would be a
// lot of code.
template <class Tile, class Part, class T>
__device__ __forceinline__ void activate_stored(const Tile& tile, const Part& part, int64_t first_row, int first_column,
                                                const GemmBlocks<T>& blocks, T* to) {
  constexpr int kRun = Tile::kRun;
#pragma unroll 1
  for (int i = 0; i < Tile::kSumRows * Tile::kRuns; ++i) {
    const int64_t row = first_row + tile.row(i / Tile::kRuns);
    const int column = first_column + tile.column(i % Tile::kRuns);
    if (row >= part.rows || column >= part.columns) continue;
    T* const line = to + part.offset(row) + column;
    T values[kRun];
#pragma unroll
    for (int j = 0; j < kRun; ++j) values[j] = column + j < part.columns ? line[j] : T(0);
    apply_activation(blocks.activation, values);
    store_run(line, part.columns - column, blocks.packs, values);
  }
}

// The tile's sums with bias and activation.
template <bool kActivates, class Tile, class Part, class T>
__device__ __forceinline__ void store_tile(Tile& tile, const Part& part, int64_t first_row, int first_column,
                                           const GemmBlocks<T>& blocks, T* to) {
  constexpr int kRun = Tile::kRun;
  T bias[Tile::kRuns][kRun];
#pragma unroll
  for (int run = 0; run < Tile::kRuns; ++run) {
#pragma unroll
    for (int j = 0; j < kRun; ++j) {
      const int column = first_column + tile.column(run) + j;
      bias[run][j] = kActivates && blocks.bias && column < part.columns ? blocks.bias[part.channel + column] : T(0);
    }
  }
#pragma unroll
  for (int i = 0; i < Tile::kSumRows; ++i) {
    const int64_t row = first_row + tile.row(i);
    if (row >= part.rows) continue;
    T* const line = to + part.offset(row);
#pragma unroll
    for (int run = 0; run < Tile::kRuns; ++run) {
      const int column = first_column + tile.column(run);
      if (column >= part.columns) continue;
      T values[kRun];
#pragma unroll
      for (int j = 0; j < kRun; ++j) {
        const T sum = tile.sum(i, run, j) + bias[run][j];
        values[j] = kActivates && blocks.activation == Activation::relu ? activate<Activation::relu>(sum) : sum;
      }
      store_run(line + column, part.columns - column, blocks.packs, values);
    }
  }
  if constexpr (kActivates) {
    if (blocks.activation != Activation::linear && blocks.activation != Activation::relu) {
      activate_stored(tile, part, first_row, first_column, blocks, to);
    }
  }
}

// Grid: tiles of all products of the batch, splits, phases.
template <class Tile, int kWidth, class Problem>
__global__ void __launch_bounds__(Tile::kThreads, Tile::kResident)
    multiply_tiles(const Problem problem, const GemmBlocks<typename Tile::Element> blocks) {
  using T = typename Tile::Element;
  using Words = typename Tile::Words;
  using Word = typename Words::Word;
  using LayoutA = typename Tile::template Layout<Tile::kRows, Problem::kAlongDepthA>;
  using LayoutB = typename Tile::template Layout<Tile::kColumns, Problem::kAlongDepthB>;
  constexpr int kBuffer = LayoutA::words + LayoutB::words;
  Word* const shared = dynamic_shared<Word>();

  const int tiles = blocks.tiles_m * blocks.tiles_n, index = static_cast<int>(blockIdx.x) % tiles;
  const int2 at = tile_at(index, blocks.tiles_m, blocks.tiles_n);
  const auto part = problem.part(static_cast<int>(blockIdx.x) / tiles, static_cast<int>(blockIdx.z));
  const int64_t first_row = static_cast<int64_t>(at.x) * Tile::kRows;
  const int first_column = at.y * Tile::kColumns;
  if (first_row >= part.rows) return;  // phases differ in size

  using SourceA = std::remove_const_t<decltype(part.a)>;
  using SourceB = std::remove_const_t<decltype(part.b)>;
  Stage<T, Words, SourceA, LayoutA, Tile::kRows, Tile::kDepth, Tile::kThreads, Problem::kAlongDepthA, kWidth> a(
      part.a, first_row);
  Stage<T, Words, SourceB, LayoutB, Tile::kColumns, Tile::kDepth, Tile::kThreads, Problem::kAlongDepthB, kWidth> b(
      part.b, first_column);

  const int begin = static_cast<int>(blockIdx.y) * blocks.depth_per_split;
  const int end = part.depth - begin < blocks.depth_per_split ? part.depth : begin + blocks.depth_per_split;
  Tile tile;
  constexpr int kAhead = kStages - 1;  // steps
  Word *now = shared, *next = shared + kAhead * kBuffer;
#pragma unroll
  for (int s = 0; s < kAhead; ++s) {
    Word* const stage = shared + s * kBuffer;
    if (end - begin > s * Tile::kDepth) {
      a.fetch(begin + s * Tile::kDepth, stage);
      b.fetch(begin + s * Tile::kDepth, stage + LayoutA::words);
      a.place(stage);
      b.place(stage + LayoutA::words);
    }
    commit_copies();
  }
  for (int k = begin; k < end; k += Tile::kDepth) {
    wait_copies<kAhead - 1>();
    __syncthreads();
    const bool more = end - k > kAhead * Tile::kDepth;
    if (more) {
      a.fetch(k + kAhead * Tile::kDepth, next);
      b.fetch(k + kAhead * Tile::kDepth, next + LayoutA::words);
    }
    commit_copies();
    tile.template multiply<LayoutA, LayoutB>(now, now + LayoutA::words);
    if (more) {
      a.place(next);
      b.place(next + LayoutA::words);
    }
    next = now;
    now = now == shared + kAhead * kBuffer ? shared : now + kBuffer;
  }
  if constexpr (Tile::kSlices > 1) {
    static_assert((Tile::kSlices - 1) * Tile::kRows * Tile::kColumns <= kStages * kBuffer);
    __syncthreads();
    add_slices(tile, shared);
    if (tile.slice() > 0) return;
  }
  T* const to = blocks.to + static_cast<int64_t>(blockIdx.y) * blocks.size;
  store_tile<Problem::kActivates>(tile, part, first_row, first_column, blocks, to);
}

inline size_t partials_bytes(const GemmPlan& plan, const View& out) {
  return plan.splits > 1 ? static_cast<size_t>(plan.splits * out.size) * dtype_size(out.dtype) : 0;
}

// After the launches of a plan that splits sums (cuda/gemm_splits.cu).
template <class T>
void add_splits(const GemmPlan& plan, const GemmOutput<T>& out);

// `phases` products of at most `shape`, which are one launch. Where the plan splits sums, add_splits comes behind it.
template <class Tile, int kWidth, class Problem>
void launch_gemm(const Problem& problem, const GemmShape& shape, int phases, const GemmPlan& plan,
                 const GemmOutput<typename Tile::Element>& out) {
  using T = typename Tile::Element;
  using Word = typename Tile::Words::Word;
  using LayoutA = typename Tile::template Layout<Tile::kRows, Problem::kAlongDepthA>;
  using LayoutB = typename Tile::template Layout<Tile::kColumns, Problem::kAlongDepthB>;
  constexpr size_t kShared = kStages * sizeof(Word) * (LayoutA::words + LayoutB::words);
  constexpr size_t kSharedWithoutAsking = 48 * 1024;
  const bool split = plan.splits > 1;
  GemmBlocks<T> blocks;
  blocks.to = split ? static_cast<T*>(out.workspace) : out.data;
  blocks.size = split ? out.size : 0;
  blocks.bias = split ? nullptr : out.bias;
  blocks.activation = split ? Activation::linear : out.activation;
  blocks.tiles_m = static_cast<int>(ceil_div(shape.m, Tile::kRows));
  blocks.tiles_n = static_cast<int>(ceil_div(shape.n, Tile::kColumns));
  blocks.depth_per_split = plan.depth_per_split;
  blocks.packs = problem.columns_multiple(4) && is_aligned(blocks.to, 16) && out.size % 4 == 0;
  // The kernel for single numbers is the same where neither operand is copied in packs.
  constexpr bool kUsesPacks =
      copies_packs<LayoutA>(Problem::kAlongDepthA) || copies_packs<LayoutB>(Problem::kAlongDepthB);
  auto *const kernel = multiply_tiles < Tile, kUsesPacks ? kWidth : 1, Problem > ;
  if constexpr (kShared > kSharedWithoutAsking) {
    PN_CUDA(cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(kShared)));
  }
  const int64_t count = int64_t{blocks.tiles_m} * blocks.tiles_n * shape.batch;
  launch(kernel, dim3(static_cast<unsigned>(count), plan.splits, phases), Tile::kThreads, kShared, out.stream, problem,
         blocks);
}

}  // namespace pyneural::cuda
