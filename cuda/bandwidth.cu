// How fast a GPU can at best read or copy memory. Benchmarks divide by it.
#include "ops/bandwidth_params.h"

#include "cuda/kernel.h"

namespace pyneural::cuda {
namespace {

constexpr int kUnroll = 4;  // loads of 16 bytes that a thread has under way

// The L1 cache is passed by: what is measured lies behind it.
__global__ void __launch_bounds__(kBlockThreads)
    read_all(const float4* x, float* out, int64_t size, int64_t passes, float never) {
  float sum = 0;
  const int64_t stride = item_stride();
  for (int64_t pass = 0; pass < passes; ++pass) {
    for (int64_t begin = first_item(); begin < size; begin += kUnroll * stride) {
      float4 values[kUnroll] = {};
#pragma unroll
      for (int j = 0; j < kUnroll; ++j) {
        if (begin + j * stride < size) values[j] = __ldcg(x + begin + j * stride);
      }
#pragma unroll
      for (int j = 0; j < kUnroll; ++j) sum += (values[j].x + values[j].y) + (values[j].z + values[j].w);
    }
  }
  if (sum == never) *out = sum;  // so that every sum has to be computed
}

__global__ void __launch_bounds__(kBlockThreads) copy_all(const float4* x, float4* y, int64_t size, int64_t passes) {
  const int64_t stride = item_stride();
  for (int64_t pass = 0; pass < passes; ++pass) {
    for (int64_t begin = first_item(); begin < size; begin += kUnroll * stride) {
      float4 values[kUnroll];
#pragma unroll
      for (int j = 0; j < kUnroll; ++j) {
        if (begin + j * stride < size) values[j] = __ldcg(x + begin + j * stride);
      }
#pragma unroll
      for (int j = 0; j < kUnroll; ++j) {
        if (begin + j * stride < size) __stcg(y + begin + j * stride, values[j]);
      }
    }
  }
}

// in[0]: float32, zeros, a multiple of kBandwidthBlock bytes; a copy goes from its first half to its second.
// out[0]: float32 [1], which stays as it is.
void bandwidth(const KernelArgs& args) {
  constexpr int64_t kPack = sizeof(float4) / sizeof(float);
  constexpr float kNever = 1;
  const auto& params = args.param<BandwidthParams>();
  auto* x = args.in[0].as<float4>();
  const bool reading = params.mode == BandwidthMode::read;
  const int64_t size = args.in[0].size / kPack / (reading ? 1 : 2);
  const unsigned grid = grid_for(size, kUnroll * kBlockThreads);
  if (reading) {
    launch(read_all, grid, kBlockThreads, 0, stream_of(args), x, args.out[0].as<float>(), size, params.passes, kNever);
  } else {
    launch(copy_all, grid, kBlockThreads, 0, stream_of(args), x, x + size, size, params.passes);
  }
}

}  // namespace

PN_KERNELS(bandwidth, {"bandwidth", bandwidth, nullptr})
}  // namespace pyneural::cuda
