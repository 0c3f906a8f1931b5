// The sample kernels, one of each kind that the library has: real CUDA (nvcc compiles this file, too).
#pragma once

#include "cuda/launch.h"
#include "cuda/platform.h"
#include "cuda/ptx.cuh"

namespace samples {

using pyneural::cuda::commit_copies;
using pyneural::cuda::copy_async;
using pyneural::cuda::dynamic_shared;
using pyneural::cuda::launch;
using pyneural::cuda::wait_copies;

[[maybe_unused]] static __global__ void add_kernel(const float* a, const float* b, float* sum, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) sum[i] = a[i] + b[i];
}

// n divisible by four
[[maybe_unused]] static __global__ void scale_vector_kernel(const float* in, float* out, float factor, int n) {
  const int i = 4 * static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= n) return;
  float4 v = *reinterpret_cast<const float4*>(in + i);
  v.x *= factor;
  v.y *= factor;
  v.z *= factor;
  v.w *= factor;
  *reinterpret_cast<float4*>(out + i) = v;
}

static __device__ __forceinline__ float warp_sum(float value) {
  for (int offset = warpSize / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(0xFFFFFFFF, value, offset);
  return value;
}

// One block per row: warps by shuffles, then the first warp over the warps' sums.
template <int kThreads>
__global__ void __launch_bounds__(kThreads) row_sum_kernel(const float* in, float* out, int columns) {
  constexpr int kWarps = kThreads / 32;
  PN_SHARED(partial, float[kWarps]);
  const int thread = static_cast<int>(threadIdx.x);
  float sum = 0;
  for (int i = thread; i < columns; i += kThreads) sum += __ldg(in + blockIdx.x * columns + i);
  sum = warp_sum(sum);
  if (thread % 32 == 0) partial[thread / 32] = sum;
  __syncthreads();
  if (thread < 32) {
    sum = warp_sum(thread < kWarps ? partial[thread] : 0.0f);
    if (thread == 0) out[blockIdx.x] = sum;
  }
}

// Tiles with a column more than needed, so that a warp's accesses to a column fall into different banks.
template <int kTile>
__global__ void transpose_kernel(const float* in, float* out, int rows, int columns) {
  PN_SHARED(tile, float[kTile][kTile + 1]);
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int column = static_cast<int>(blockIdx.x) * kTile + x, row = static_cast<int>(blockIdx.y) * kTile + y;
  if (row < rows && column < columns) tile[y][x] = in[row * columns + column];
  __syncthreads();
  const int out_row = static_cast<int>(blockIdx.x) * kTile + y, out_column = static_cast<int>(blockIdx.y) * kTile + x;
  if (out_row < columns && out_column < rows) out[out_row * rows + out_column] = tile[x][y];
}

constexpr int kBlock = 32;  // of C, per block of threads
constexpr int kDepth = 16;  // of a tile along k

// C[m, n] = A[m, k] * B[k, n], all divisible by the tile; 64 threads, 4x4 outputs each; tiles of A and B are copied
// while the last ones are multiplied. Dynamic shared memory: two stages of A [kBlock, kDepth] and B [kDepth, kBlock].
constexpr int kStage = kBlock * kDepth * 2;
[[maybe_unused]] static __global__ void __launch_bounds__(64)
    matmul_kernel(const float* a, const float* b, float* c, int n, int k) {
  float* stages = dynamic_shared<float>();
  const int thread = static_cast<int>(threadIdx.x);
  const int row0 = static_cast<int>(blockIdx.y) * kBlock, column0 = static_cast<int>(blockIdx.x) * kBlock;
  const auto load = [&](int stage, int k0) {
    float* tile_a = stages + stage * kStage;
    float* tile_b = tile_a + kBlock * kDepth;
    for (int i = thread * 4; i < kBlock * kDepth; i += 64 * 4) {
      copy_async<16>(tile_a + i, a + (row0 + i / kDepth) * k + k0 + i % kDepth);
      copy_async<16>(tile_b + i, b + (k0 + i / kBlock) * n + column0 + i % kBlock);
    }
    commit_copies();
  };
  const int row = thread / 8 * 4, column = thread % 8 * 4;
  float sum[4][4] = {};
  load(0, 0);
  int stage = 0;
  for (int k0 = 0; k0 < k; k0 += kDepth, stage ^= 1) {
    if (k0 + kDepth < k) {
      load(stage ^ 1, k0 + kDepth);
      wait_copies<1>();
    } else {
      wait_copies<0>();
    }
    __syncthreads();
    const float* tile_a = stages + stage * kStage;
    const float* tile_b = tile_a + kBlock * kDepth;
    for (int depth = 0; depth < kDepth; ++depth) {
      const float4 right = *reinterpret_cast<const float4*>(tile_b + depth * kBlock + column);
      for (int i = 0; i < 4; ++i) {
        const float left = tile_a[(row + i) * kDepth + depth];
        sum[i][0] += left * right.x;
        sum[i][1] += left * right.y;
        sum[i][2] += left * right.z;
        sum[i][3] += left * right.w;
      }
    }
    __syncthreads();
  }
  for (int i = 0; i < 4; ++i) {
    *reinterpret_cast<float4*>(c + (row0 + row + i) * n + column0 + column) =
        make_float4(sum[i][0], sum[i][1], sum[i][2], sum[i][3]);
  }
}

// C[16, 8] = A[16, k] * B[k, 8] by one warp, k divisible by 8.
[[maybe_unused]] static __global__ void mma_tf32_kernel(const float* a, const float* b, float* c, int k) {
  using pyneural::cuda::to_tf32;
  const int lane = static_cast<int>(threadIdx.x), group = lane / 4, place = lane % 4;
  float d[4] = {};
  for (int k0 = 0; k0 < k; k0 += 8) {
    const uint32_t left[4] = {to_tf32(a[group * k + k0 + place]), to_tf32(a[(group + 8) * k + k0 + place]),
                              to_tf32(a[group * k + k0 + place + 4]), to_tf32(a[(group + 8) * k + k0 + place + 4])};
    const uint32_t right[2] = {to_tf32(b[(k0 + place) * 8 + group]), to_tf32(b[(k0 + place + 4) * 8 + group])};
    pyneural::cuda::mma_tf32(d, left, right);
  }
  for (int i = 0; i < 4; ++i) c[(group + i / 2 * 8) * 8 + 2 * place + i % 2] = d[i];
}

// C[16, 8] = A[16, 16] * B[16, 8] by one warp: through shared memory, A by ldmatrix, B by its transposed form.
[[maybe_unused]] static __global__ void mma_bf16_kernel(const float* a, const float* b, float* c) {
  PN_SHARED(left, __nv_bfloat16[16][16]);
  PN_SHARED(right, __nv_bfloat16[16][8]);
  const int lane = static_cast<int>(threadIdx.x), group = lane / 4, place = lane % 4;
  for (int i = lane; i < 16 * 16; i += 32) left[i / 16][i % 16] = __float2bfloat16(a[i]);
  for (int i = lane; i < 16 * 8; i += 32) right[i / 8][i % 8] = __float2bfloat16(b[i]);
  __syncwarp();
  uint32_t fragment_a[4], fragment_b[2];
  pyneural::cuda::load_matrices<false>(fragment_a, &left[lane % 16][lane / 16 * 8]);
  pyneural::cuda::load_matrices<true>(fragment_b, &right[lane % 16][0]);
  float d[4] = {};
  pyneural::cuda::mma_bf16(d, fragment_a, fragment_b);
  for (int i = 0; i < 4; ++i) c[(group + i / 2 * 8) * 8 + 2 * place + i % 2] = d[i];
}

[[maybe_unused]] static __global__ void histogram_kernel(const int* values, int n, int* counts, int* largest) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= n) return;
  atomicAdd(counts + values[i], 1);
  atomicMax(largest, values[i]);
}

[[maybe_unused]] static __global__ void increment_kernel(float* values, float by, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) values[i] += by;
}

}  // namespace samples
