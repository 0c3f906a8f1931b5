// The norm of a gradient, and clipping by it.
#include <cmath>

#include "cuda/pack.cuh"
#include "cuda/warp.cuh"
#include "ops/optimizer_params.h"

namespace pyneural::cuda {
namespace {

constexpr int kPacks = 4;               // in flight for each thread
constexpr int64_t kMaxPartials = 1024;  // blocks: several for each processor, and few enough to be added by one

template <class T>
constexpr int kPack = kPackBytes / static_cast<int>(sizeof(T));
template <class T>
constexpr int kTile = kBlockThreads * kPacks * kPack<T>;

template <class T>
unsigned partials_of(int64_t size) {
  const int64_t tiles = ceil_div(size, int64_t{kTile<T>});
  return static_cast<unsigned>(tiles < 1 ? 1 : tiles < kMaxPartials ? tiles : kMaxPartials);
}

// A thread adds its squares in T, the rest is added in double. One block alone writes the result itself.
template <class T>
__global__ void __launch_bounds__(kBlockThreads)
    sum_squares(const T* x, int64_t size, bool aligned, double* partial, T* result) {
  T sums[kPacks] = {};
  for (int64_t tile = int64_t{blockIdx.x} * kTile<T>; tile < size; tile += int64_t{gridDim.x} * kTile<T>) {
    T values[kPacks][kPack<T>];
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const int64_t begin = tile + (p * kBlockThreads + static_cast<int>(threadIdx.x)) * kPack<T>;
      const int64_t left = size - begin;
      read_pack(x + begin, left < kPack<T> ? static_cast<int>(left) : kPack<T>, aligned, values[p]);
    }
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
#pragma unroll
      for (int k = 0; k < kPack<T>; ++k) sums[p] += values[p][k] * values[p][k];
    }
  }
  double sum = 0;
#pragma unroll
  for (int p = 0; p < kPacks; ++p) sum += sums[p];
  sum = reduce_block<Sum, kBlockThreads>(sum, 0.0);
  if (threadIdx.x != 0) return;
  if (gridDim.x == 1) {
    *result = static_cast<T>(sum);
  } else {
    partial[blockIdx.x] = sum;
  }
}

template <class T>
__global__ void __launch_bounds__(kBlockThreads) add_partials(const double* partial, int count, T* result) {
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kBlockThreads) sum += partial[i];
  sum = reduce_block<Sum, kBlockThreads>(sum, 0.0);
  if (threadIdx.x == 0) *result = static_cast<T>(sum);
}

size_t squared_norm_workspace(const KernelArgs&) { return kMaxPartials * sizeof(double); }

void squared_norm(const KernelArgs& args) {
  const View& x = args.in[0];
  with_real(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const unsigned blocks = partials_of<T>(x.size);
    auto* partial = static_cast<double*>(args.workspace);
    T* result = args.out[0].as<T>();
    launch(sum_squares<T>, blocks, kBlockThreads, 0, stream_of(args), x.as<T>(), x.size, is_aligned(x.data, kPackBytes),
           partial, result);
    if (blocks == 1) return;
    launch(add_partials<T>, 1, kBlockThreads, 0, stream_of(args), partial, static_cast<int>(blocks), result);
  });
}

template <class T>
__global__ void __launch_bounds__(kBlockThreads)
    scale_to_norm(const T* x, T* y, int64_t size, bool aligned, const void* squared_norm, DType dtype, double limit) {
  PN_SHARED(shared_scale, T);
  if (threadIdx.x == 0) {
    const double norm = std::sqrt(read_scalar(squared_norm, dtype));
    // norm - norm: an infinite norm would scale everything to zero and hide the overflow.
    shared_scale = static_cast<T>((norm > limit ? limit / norm : 1.0) + (norm - norm));
  }
  __syncthreads();
  const T scale = shared_scale;
  for (int64_t i = first_item() * kPack<T>; i < size; i += item_stride() * kPack<T>) {
    T values[kPack<T>];
    const int count = size - i < kPack<T> ? static_cast<int>(size - i) : kPack<T>;
    read_pack(x + i, count, aligned, values);
#pragma unroll
    for (int k = 0; k < kPack<T>; ++k) values[k] *= scale;
    write_pack(y + i, count, aligned, values);
  }
}

void clip_by_norm(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0], &squared_norm = args.in[1];
  if (x.size == 0) return;
  with_real(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    launch(scale_to_norm<T>, grid_for(ceil_div(x.size, int64_t{kPack<T>})), kBlockThreads, 0, stream_of(args),
           x.as<T>(), y.as<T>(), x.size, is_aligned(x.data, kPackBytes) && is_aligned(y.data, kPackBytes),
           squared_norm.data, squared_norm.dtype, args.param<ClipByNormParams>().limit);
  });
}

}  // namespace

PN_KERNELS(norm, {"squared_norm", squared_norm, squared_norm_workspace}, {"clip_by_norm", clip_by_norm, nullptr})

}  // namespace pyneural::cuda
