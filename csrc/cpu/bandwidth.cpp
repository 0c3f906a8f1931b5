// How fast a thread can at best read or copy memory. Benchmarks divide by it.
#include "cpu/past_caches.h"
#include "ops/bandwidth_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

constexpr int kUnroll = 8;  // sums that do not wait for each other: more than latency times loads per cycle
constexpr int64_t kStride = kUnroll * kLanes<float>;
static_assert(kBandwidthBlock / 2 % (kStride * sizeof(float)) == 0);

// The next pass may not be merged with this one.
PN_INLINE void end_pass() { asm volatile("" ::: "memory"); }

float read_all(const float* x, int64_t size, int64_t passes) {
  Vec<float> sums[kUnroll] = {};
  for (int64_t pass = 0; pass < passes; ++pass) {
    for (int64_t i = 0; i < size; i += kStride) {
#pragma GCC unroll 8
      for (int j = 0; j < kUnroll; ++j) sums[j] += load(x + i + j * kLanes<float>);
    }
    end_pass();
  }
  float sum = 0;
#pragma GCC unroll 8
  for (int j = 0; j < kUnroll; ++j) sum += reduce_add(sums[j]);
  return sum;
}

template <bool streaming>
void copy_all(const float* x, float* y, int64_t size, int64_t passes) {
  for (int64_t pass = 0; pass < passes; ++pass) {
    for (int64_t i = 0; i < size; i += kStride) {
#pragma GCC unroll 8
      for (int j = 0; j < kUnroll; ++j) {
        const Vec<float> v = load(x + i + j * kLanes<float>);
        if constexpr (streaming) {
          store_past_caches(y + i + j * kLanes<float>, v);
        } else {
          store(y + i + j * kLanes<float>, v);
        }
      }
    }
    end_pass();
  }
  if constexpr (streaming) finish_past_caches();
}

// in[0]: float32, a multiple of kBandwidthBlock bytes, 64-byte aligned; a copy goes from its first half to its second.
// out[0]: float32 [1], a sum that keeps the work.
void bandwidth(const KernelArgs& args) {
  const auto& params = args.param<BandwidthParams>();
  float* x = args.in[0].as<float>();
  const int64_t size = args.in[0].size, half = size / 2;
  float& result = *args.out[0].as<float>();
  switch (params.mode) {
    case BandwidthMode::read:
      result = read_all(x, size, params.passes);
      break;
    case BandwidthMode::copy:
      copy_all<false>(x, x + half, half, params.passes);
      result = x[size - 1];
      break;
    case BandwidthMode::streaming:
      copy_all<true>(x, x + half, half, params.passes);
      result = x[size - 1];
      break;
  }
}

}  // namespace

PN_KERNELS(bandwidth, {"bandwidth", bandwidth, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
