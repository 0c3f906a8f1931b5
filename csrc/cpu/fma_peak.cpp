// What a thread could at best compute: multiply-adds that never wait and never touch memory. Benchmarks divide by it.
#include "cpu/vec.h"
#include "ops/fma_peak_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// in[0]: float32 [2], factor and term; out[0]: float32 [2], flops done (in millions) and a sum that keeps the work.
void fma_peak(const KernelArgs& args) {
  const int64_t rounds = args.param<FmaPeakParams>().rounds;
  const float* in = args.in[0].as<const float>();
  const Vec<float> factor = broadcast(in[0]), term = broadcast(in[1]);
  Vec<float> chain[kFmaPeakChains];
#pragma GCC unroll 12
  for (int i = 0; i < kFmaPeakChains; ++i) chain[i] = term * static_cast<float>(i);
  for (int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kFmaPeakChains; ++i) chain[i] = fma(chain[i], factor, term);
  }
  float sum = 0;
#pragma GCC unroll 12
  for (int i = 0; i < kFmaPeakChains; ++i) sum += reduce_add(chain[i]);
  float* out = args.out[0].as<float>();
  out[0] = static_cast<float>(2e-6 * static_cast<double>(rounds * kFmaPeakChains * kLanes<float>));
  out[1] = sum;
}

}  // namespace

PN_KERNELS(fma_peak, {"fma_peak", fma_peak, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
