// The second pass over split sums: output = activation(sum of partial outputs + bias).
#include "cuda/gemm.cuh"

namespace pyneural::cuda {
namespace {

template <class T, int kWidth>
__global__ void add_partials(const T* partials, int splits, int64_t size, T* out, const T* bias, Divider channels,
                             Activation activation) {
  using Values = Pack<T, kWidth>;
  const int64_t packs = size / kWidth;
  for (int64_t i = first_item(); i < packs; i += item_stride()) {
    const auto* from = reinterpret_cast<const Values*>(partials) + i;
    Values sum = *from;
#pragma unroll 4
    for (int s = 1; s < splits; ++s) {
      const Values other = from[s * packs];
#pragma unroll
      for (int j = 0; j < kWidth; ++j) sum.values[j] += other.values[j];
    }
    if (bias) {
      int channel;
      channels.divide(static_cast<int>(i * kWidth), &channel);
#pragma unroll
      for (int j = 0; j < kWidth; ++j) sum.values[j] += bias[channel + j];
    }
    if (activation != Activation::linear) apply_activation(activation, sum.values);
    reinterpret_cast<Values*>(out)[i] = sum;
  }
}

}  // namespace

template <class T>
void add_splits(const GemmPlan& plan, const GemmOutput<T>& out) {
  if (plan.splits == 1) return;
  constexpr int kWidth = 16 / sizeof(T);
  const auto run = [&](auto kernel, int width) {
    launch(kernel, grid_for(out.size / width), kBlockThreads, 0, out.stream, static_cast<const T*>(out.workspace),
           plan.splits, out.size, out.data, out.bias, Divider(out.channels), out.activation);
  };
  if (out.channels % kWidth == 0 && is_aligned(out.data, 16)) return run(add_partials<T, kWidth>, kWidth);
  run(add_partials<T, 1>, 1);
}

template void add_splits<float>(const GemmPlan&, const GemmOutput<float>&);
template void add_splits<double>(const GemmPlan&, const GemmOutput<double>&);

}  // namespace pyneural::cuda
