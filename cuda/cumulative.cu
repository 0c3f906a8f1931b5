// cumsum, and the gradient of prod: running sums and products along an axis.
#include "cpu/reduce_plan.h"
#include "cuda/reducers.cuh"
#include "cuda/scratch.h"
#include "cuda/units.h"
#include "ops/reduce_params.h"

namespace pyneural::cuda {
namespace {

using cpu::ReduceBlock;

// Floats run in double, so that long sums stay accurate; integers wrap around.
template <class T>
using Running = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;

// What the threads before this one hold; `total` becomes what all hold. All of the block must call it.
template <class Op, class T>
__device__ __forceinline__ T scan_block(T value, T* total) {
  constexpr int kWarps = kBlockThreads / kWarp;
  PN_SHARED(warps, T[kWarps]);
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  T inclusive = value;
#pragma unroll
  for (int distance = 1; distance < kWarp; distance *= 2) {
    const T before = __shfl_up_sync(kAllLanes, inclusive, distance);
    if (lane >= distance) inclusive = Op::of(before, inclusive);
  }
  T exclusive = __shfl_up_sync(kAllLanes, inclusive, 1);
  if (lane == 0) exclusive = Op::template neutral<T>();
  if (lane == kWarp - 1) warps[warp] = inclusive;
  __syncthreads();
  T before = Op::template neutral<T>();
  for (int w = 0; w < warp; ++w) before = Op::of(before, warps[w]);
  *total = before;
  for (int w = warp; w < kWarps; ++w) *total = Op::of(*total, warps[w]);
  __syncthreads();
  return Op::of(before, exclusive);
}

constexpr int kPerThread = 4;
constexpr int64_t kTile = kBlockThreads * kPerThread;

// A walk along the axis of [outer, n, inner], from its end if `reverse`, in pieces of `length`.
struct Walk {
  int64_t n, inner, length;
  int pieces;
  bool reverse;

  __device__ __forceinline__ int64_t at(int64_t first, int64_t step) const {
    return first + (reverse ? n - 1 - step : step) * inner;
  }
  __device__ __forceinline__ int64_t begin(int64_t piece) const { return piece * length; }
  __device__ __forceinline__ int64_t end(int64_t piece) const {
    const int64_t end = (piece + 1) * length;
    return end < n ? end : n;
  }
};

// ---- rows: a block for each piece of each row

template <class T>
__global__ void sum_row_pieces(const T* x, Running<T>* sums, Walk walk) {
  const int64_t row = blockIdx.x / walk.pieces, piece = blockIdx.x % walk.pieces;
  Running<T> sum = 0;
  for (int64_t i = walk.begin(piece) + threadIdx.x; i < walk.end(piece); i += kBlockThreads) {
    sum += static_cast<Running<T>>(x[walk.at(row * walk.n, i)]);
  }
  sum = reduce_block<Add, kBlockThreads>(sum, Running<T>(0));
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

template <class T, class Out>
__global__ void cumsum_rows(const T* x, const Running<T>* sums, Out* y, Walk walk) {
  const int64_t row = blockIdx.x / walk.pieces, piece = blockIdx.x % walk.pieces;
  Running<T> carry = 0;
  if (walk.pieces > 1) {
    for (int64_t i = threadIdx.x; i < piece; i += kBlockThreads) carry += sums[row * walk.pieces + i];
    carry = reduce_block<Add, kBlockThreads>(carry, Running<T>(0));
  }
  for (int64_t tile = walk.begin(piece); tile < walk.end(piece); tile += kTile) {
    const int64_t first = tile + threadIdx.x * kPerThread;
    Running<T> values[kPerThread], sum = 0, total;
#pragma unroll
    for (int k = 0; k < kPerThread; ++k) {
      const bool inside = first + k < walk.end(piece);
      sum += inside ? static_cast<Running<T>>(x[walk.at(row * walk.n, first + k)]) : Running<T>(0);
      values[k] = sum;
    }
    const Running<T> before = carry + scan_block<Add>(sum, &total);
#pragma unroll
    for (int k = 0; k < kPerThread; ++k) {
      if (first + k < walk.end(piece)) y[walk.at(row * walk.n, first + k)] = static_cast<Out>(before + values[k]);
    }
    carry += total;
  }
}

// ---- columns: a thread for each piece of each column

struct Columns {
  int64_t count;  // of columns and pieces
  Divider by_inner, by_pieces;
};

template <class T>
__global__ void sum_column_pieces(const T* x, Running<T>* sums, Columns columns, Walk walk) {
  for (int64_t i = first_item(); i < columns.count; i += item_stride()) {
    int64_t outer = i;
    const int64_t column = columns.by_inner.take_remainder(outer), piece = columns.by_pieces.take_remainder(outer);
    const int64_t first = outer * walk.n * walk.inner + column;
    Running<T> sum = 0;
#pragma unroll 4
    for (int64_t r = walk.begin(piece); r < walk.end(piece); ++r) sum += static_cast<Running<T>>(x[walk.at(first, r)]);
    sums[i] = sum;
  }
}

template <class T, class Out>
__global__ void cumsum_columns(const T* x, const Running<T>* sums, Out* y, Columns columns, Walk walk) {
  for (int64_t i = first_item(); i < columns.count; i += item_stride()) {
    int64_t outer = i;
    const int64_t column = columns.by_inner.take_remainder(outer), piece = columns.by_pieces.take_remainder(outer);
    const int64_t first = outer * walk.n * walk.inner + column;
    Running<T> sum = 0;
    for (int64_t p = 0; p < piece; ++p) sum += sums[(outer * walk.pieces + p) * walk.inner + column];
#pragma unroll 4
    for (int64_t r = walk.begin(piece); r < walk.end(piece); ++r) {
      const int64_t at = walk.at(first, r);
      sum += static_cast<Running<T>>(x[at]);
      y[at] = static_cast<Out>(sum);
    }
  }
}

// Pieces so that there is work for `wanted` blocks or threads, from shapes alone.
Walk make_walk(const Around& around, bool reverse, int64_t wanted, int64_t shortest) {
  const int64_t n = around.count, lines = around.outer * around.inner;
  int64_t pieces = wanted / (lines > 0 ? lines : 1);
  if (pieces > n / shortest) pieces = n / shortest;
  if (pieces < 1) pieces = 1;
  const int64_t length = ceil_div(n > 0 ? n : 1, pieces);
  return {n, around.inner, length, static_cast<int>(ceil_div(n, length)), reverse};
}

template <class T, class Out>
void cumsum_as(const KernelArgs& args, Scratch& scratch) {
  const View& x = args.in[0];
  const auto& params = args.param<CumulativeParams>();
  if (x.size == 0) return;
  const Around around(x.dims, x.rank, params.axis);
  const bool rows = around.inner == 1;
  constexpr int64_t kShortestColumn = 64;
  const Walk walk = rows ? make_walk(around, params.reverse, kFullGrid, 4 * kTile)
                         : make_walk(around, params.reverse, kFullGrid * kWarp, kShortestColumn);
  const int64_t parts = around.outer * around.inner * walk.pieces;
  Running<T>* sums = walk.pieces > 1 ? scratch.take<Running<T>>(parts) : nullptr;
  if (scratch.measures()) return;
  const T* from = x.as<const T>();
  Out* to = args.out[0].as<Out>();
  if (rows) {
    const auto blocks = static_cast<unsigned>(parts);
    if (sums) launch(sum_row_pieces<T>, blocks, kBlockThreads, 0, stream_of(args), from, sums, walk);
    return launch(cumsum_rows<T, Out>, blocks, kBlockThreads, 0, stream_of(args), from, sums, to, walk);
  }
  const Columns columns{parts, Divider(around.inner), Divider(walk.pieces)};
  if (sums) {
    launch(sum_column_pieces<T>, grid_for(parts), kBlockThreads, 0, stream_of(args), from, sums, columns, walk);
  }
  launch(cumsum_columns<T, Out>, grid_for(parts), kBlockThreads, 0, stream_of(args), from, sums, to, columns, walk);
}

void cumsum(const KernelArgs& args, Scratch& scratch) {
  if (args.in[0].dtype == DType::boolean) return cumsum_as<uint8_t, int32_t>(args, scratch);
  with_element(args.in[0].dtype, [&](auto zero) { cumsum_as<decltype(zero), decltype(zero)>(args, scratch); });
}

// ---- grad of x[r] = grad_y * (product before r) * (product after r): no division, so zeros do no harm

// A thread for each column.
template <class T>
__global__ void prod_grad_columns(const T* x, const T* grad, T* y, int64_t columns, int64_t n, int64_t inner,
                                  Divider by_inner) {
  for (int64_t i = first_item(); i < columns; i += item_stride()) {
    int64_t outer = i;
    const int64_t column = by_inner.take_remainder(outer), first = outer * n * inner + column;
    T before = 1, after = grad[i];
    for (int64_t r = 0; r < n; ++r) {
      y[first + r * inner] = before;
      before *= x[first + r * inner];
    }
    for (int64_t r = n - 1; r >= 0; --r) {
      y[first + r * inner] *= after;
      after *= x[first + r * inner];
    }
  }
}

// A block for each row: a walk to its end leaves the products before each element, one back multiplies those after it.
template <class T>
__global__ void prod_grad_rows(const T* x, const T* grad, T* y, Walk walk) {
  const int64_t first = blockIdx.x * walk.n;
  for (const bool back : {false, true}) {
    walk.reverse = back;
    T carry = back ? grad[blockIdx.x] : T(1);
    for (int64_t tile = 0; tile < walk.n; tile += kBlockThreads) {
      const int64_t step = tile + threadIdx.x, at = walk.at(first, step);
      T total;
      const T before = carry * scan_block<Multiply>(step < walk.n ? x[at] : T(1), &total);
      if (step < walk.n) y[at] = back ? y[at] * before : before;
      carry *= total;
    }
    __syncthreads();  // other threads turn back over what this one has written
  }
}

template <class T>
void prod_grad_as(const KernelArgs& args) {
  const View& x = args.in[0];
  if (x.size == 0) return;
  const ReduceBlock b = cpu::plan_reduction(x, args.param<ReduceParams>().axes).stage[0];
  const T *from = x.as<const T>(), *grad = args.in[1].as<const T>();
  T* to = args.out[0].as<T>();
  if (b.inner == 1 && b.reduce > kWarp) {
    const Walk walk{b.reduce, 1, b.reduce, 1, false};
    launch(prod_grad_rows<T>, static_cast<unsigned>(b.outer), kBlockThreads, 0, stream_of(args), from, grad, to, walk);
    return;
  }
  const int64_t columns = b.outer * b.inner;
  launch(prod_grad_columns<T>, grid_for(columns), kBlockThreads, 0, stream_of(args), from, grad, to, columns, b.reduce,
         b.inner, Divider(b.inner));
}

void prod_grad(const KernelArgs& args) {
  with_real(args.in[0].dtype, [&](auto zero) { prod_grad_as<decltype(zero)>(args); });
}

}  // namespace

PN_KERNELS(cumulative, {"cumsum", run_with_scratch<cumsum>, scratch_bytes<cumsum>}, {"prod_grad", prod_grad, nullptr})
}  // namespace pyneural::cuda
