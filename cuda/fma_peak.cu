// What a GPU could at best compute: multiply-adds that never wait and never touch memory. Benchmarks divide by it.
#include "ops/fma_peak_params.h"

#include "cuda/kernel.h"
#include "cuda/ptx.cuh"

namespace pyneural::cuda {
namespace {

// Results of a thread (of a warp, on tensor cores) that do not wait for each other: with the warps of four blocks on a
// multiprocessor more than the latency of any unit takes.
constexpr int kChains = 8;
constexpr int kUnroll = 8;  // operations of a chain between two looks at the loop's counter

// All sums have to be computed, as one below zero would be written. None is.
__device__ __forceinline__ void finish(float* out, double flops_of_block, float sum) {
  if (blockIdx.x == 0 && threadIdx.x == 0) {
    out[0] = static_cast<float>(1e-6 * flops_of_block * gridDim.x);
    out[1] = sum;
  } else if (sum < 0) {
    out[1] = sum;
  }
}

__global__ void __launch_bounds__(kBlockThreads) vector_peak(const float* in, float* out, int64_t rounds) {
  const float factor = in[0], term = in[1];
  float chain[kChains];
#pragma unroll
  for (int i = 0; i < kChains; ++i) chain[i] = term * static_cast<float>(i);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma unroll
    for (int step = 0; step < kUnroll; ++step) {
#pragma unroll
      for (int i = 0; i < kChains; ++i) chain[i] = fmaf(chain[i], factor, term);
    }
  }
  float sum = 0;
#pragma unroll
  for (int i = 0; i < kChains; ++i) sum += chain[i];
  finish(out, 2.0 * kChains * kUnroll * kBlockThreads * static_cast<double>(rounds), sum);
}

template <FmaUnit unit>
__global__ void __launch_bounds__(kBlockThreads) tensor_peak(const float* in, float* out, int64_t rounds) {
  constexpr bool kTf32 = unit == FmaUnit::tf32;
  constexpr double kFlops = 2.0 * 16 * 8 * (kTf32 ? 8 : 16);  // of an mma
  const uint32_t factor = kTf32 ? to_tf32(in[0]) : pack_bf16(in[0], in[0]);
  const uint32_t term = kTf32 ? to_tf32(in[1]) : pack_bf16(in[1], in[1]);
  const uint32_t a[4] = {factor, term, factor, term}, b[2] = {term, factor};
  float chain[kChains][4] = {};
  for (int64_t round = 0; round < rounds; ++round) {
#pragma unroll
    for (int i = 0; i < kChains; ++i) {
      if constexpr (kTf32) {
        mma_tf32(chain[i], a, b);
      } else {
        mma_bf16(chain[i], a, b);
      }
    }
  }
  float sum = 0;
#pragma unroll
  for (int i = 0; i < kChains; ++i) sum += chain[i][0] + chain[i][1] + chain[i][2] + chain[i][3];
  finish(out, kFlops * kChains * (kBlockThreads / kWarp) * static_cast<double>(rounds), sum);
}

// in[0]: float32 [2], factor and term, both positive; out[0]: float32 [2], flops done (in millions) and a sum.
void fma_peak(const KernelArgs& args) {
  const auto& params = args.param<FmaPeakParams>();
  const auto kernel = params.unit == FmaUnit::float32 ? vector_peak
                      : params.unit == FmaUnit::tf32  ? tensor_peak<FmaUnit::tf32>
                                                      : tensor_peak<FmaUnit::bf16>;
  launch(kernel, static_cast<unsigned>(params.blocks), kBlockThreads, 0, stream_of(args), args.in[0].as<const float>(),
         args.out[0].as<float>(), params.rounds);
}

}  // namespace

PN_KERNELS(fma_peak, {"fma_peak", fma_peak, nullptr})
}  // namespace pyneural::cuda
