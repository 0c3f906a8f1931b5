// Sums and maxima over a warp or a block, always in the same order.
#pragma once

#include "cuda/kernel.h"

namespace pyneural::cuda {

struct Sum {
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    return a + b;
  }
};
struct Max {  // NaN wins
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    return a > b || a != a ? a : b;
  }
};
struct Min {
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    return a < b || a != a ? a : b;
  }
};

// The result is in all lanes; all of the warp must call it.
template <class Op, class T>
__device__ __forceinline__ T reduce_warp(T value) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    value = Op::of(value, __shfl_xor_sync(kAllLanes, value, distance));
  }
  return value;
}

// The result is in all threads of a block of kThreads (a multiple of the warp, at most 1024); all of them must call it.
// It ends with a barrier, so that it can be called again at once.
template <class Op, int kThreads, class T>
__device__ __forceinline__ T reduce_block(T value, T neutral) {
  constexpr int kWarps = kThreads / kWarp;
  static_assert(kThreads % kWarp == 0 && kWarps <= kWarp);
  PN_SHARED(partial, T[kWarps]);
  value = reduce_warp<Op>(value);
  if constexpr (kWarps == 1) return value;
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  value = reduce_warp<Op>(lane < kWarps ? partial[lane] : neutral);
  __syncthreads();
  return value;
}

}  // namespace pyneural::cuda
