// Uniform and normal numbers, integers, dropout: the CPU draws the same.
#include <cmath>

#include "core/normal_quantile.h"
#include "cuda/math.cuh"
#include "cuda/philox.cuh"
#include "ops/random_params.h"

namespace pyneural::cuda {
namespace {

template <class T, class Map>
__global__ void __launch_bounds__(kBlockThreads) draw_kernel(const int64_t* state, T* y, int64_t size, Map map) {
  if constexpr (sizeof(typename Map::Bits) == sizeof(uint32_t)) {
    for_words(state, first_item(), size, [&](int, int64_t i, uint32_t bits) { y[i] = map.of(bits); });
  } else {
    for_word_pairs(state, first_item(), size, [&](int, int64_t i, uint64_t bits) { y[i] = map.of(bits); });
  }
}

template <class T, class Map>
void draw(const KernelArgs& args, const Map& map) {
  const View& y = args.out[0];
  if (y.size == 0) return;
  constexpr int kGroup = sizeof(typename Map::Bits) == sizeof(uint32_t) ? kPhiloxGroup : kPairGroup;
  launch(draw_kernel<T, Map>, grid_for_groups(y.size, kGroup), kBlockThreads, 0, stream_of(args),
         args.in[0].as<int64_t>(), y.as<T>(), y.size, map);
}

// Products and sums are rounded one by one, as the CPU does it.
__device__ __forceinline__ float scaled(float x, float scale, float offset) {
  return __fadd_rn(__fmul_rn(x, scale), offset);
}
__device__ __forceinline__ double scaled(double x, double scale, double offset) {
  return __dadd_rn(__dmul_rn(x, scale), offset);
}

// first + u * range with u in [0, 1); rounding must not reach the excluded end.
template <class T>
struct Uniform {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  T first, range, last;

  explicit Uniform(const RandomParams& params)
      : first(static_cast<T>(params.first)),
        range(static_cast<T>(params.second - params.first)),
        last(std::nextafter(static_cast<T>(params.second), first)) {}
  __device__ __forceinline__ T of(Bits bits) const {
    constexpr int kDigits = sizeof(T) == 4 ? 24 : 53;
    const T u = static_cast<T>(bits >> (8 * sizeof(T) - kDigits)) * (T(1) / static_cast<T>(uint64_t{1} << kDigits));
    const T y = scaled(u, range, first);
    return y < last ? y : last;
  }
};

struct QuantileMath {
  template <class T>
  static PN_MEMBER T sqrt(T x) {
    return std::sqrt(x);
  }
  template <class T>
  static PN_MEMBER T log(T x) {
    return std::log(x);
  }
  template <class T, int N>
  static PN_MEMBER T polynomial(T x, const T (&c)[N]) {
    return cuda::polynomial(x, c);
  }
};

// A random sign, and a tail probability that is uniform in (kTail, 1/2).
template <class T, bool kTruncated>
struct Normal {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  static constexpr double kTail = kTruncated ? 0.022750131948179209 : 0.0;  // beyond two standard deviations
  T mean, stddev;

  explicit Normal(const RandomParams& params)
      : mean(static_cast<T>(params.first)), stddev(static_cast<T>(params.second)) {}
  __device__ __forceinline__ float of(uint32_t bits) const {
    const float magnitude = static_cast<float>(bits >> 1) + 0.5f;
    const float tail = scaled(magnitude, static_cast<float>(0x1p-31 * (0.5 - kTail)), static_cast<float>(kTail));
    float z = normal_quantile_of_floats<QuantileMath>(tail);
    if (kTruncated && !(z < 2.0f)) z = 2.0f;
    return scaled(bits & 1 ? -z : z, stddev, mean);
  }
  __device__ __forceinline__ double of(uint64_t bits) const {
    const double tail = kTail + (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52 * (0.5 - kTail);
    double z = normal_quantile_of_double<QuantileMath>(tail);
    if (kTruncated && z > 2) z = 2;
    return mean + stddev * (bits & 1 ? -z : z);
  }
};

void random_uniform(const KernelArgs& args) {
  with_real(args.out[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    draw<T>(args, Uniform<T>(args.param<RandomParams>()));
  });
}
template <bool kTruncated>
void random_normal(const KernelArgs& args) {
  with_real(args.out[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    draw<T>(args, Normal<T, kTruncated>(args.param<RandomParams>()));
  });
}

template <class T>
struct Integer {
  using Bits = uint64_t;
  uint64_t low, range;

  explicit Integer(const RandintParams& params)
      : low(static_cast<uint64_t>(params.low)), range(static_cast<uint64_t>(params.high) - low) {}
  __device__ __forceinline__ T of(uint64_t bits) const { return static_cast<T>(low + scale_bits(bits, range)); }
};

void randint(const KernelArgs& args) {
  const auto& params = args.param<RandintParams>();
  switch (dtype_size(args.out[0].dtype)) {
    case 1:
      return draw<int8_t>(args, Integer<int8_t>(params));
    case 2:
      return draw<int16_t>(args, Integer<int16_t>(params));
    case 4:
      return draw<int32_t>(args, Integer<int32_t>(params));
    default:
      return draw<int64_t>(args, Integer<int64_t>(params));
  }
}

// Words below the threshold drop.
template <class T>
__global__ void __launch_bounds__(kBlockThreads)
    dropout_kernel(const int64_t* state, const T* x, T* y, int64_t size, uint32_t threshold, T scale) {
  const int64_t block = first_item();
  const int64_t first = first_element(block, kPhiloxGroup);
  T values[kPhiloxWords];  // on their way while the words are computed
#pragma unroll
  for (int w = 0; w < kPhiloxWords; ++w) {
    const int64_t i = first + w * kPhiloxBlocks;
    values[w] = i < size ? x[i] : T(0);
  }
  for_words(state, block, size,
            [&](int w, int64_t i, uint32_t bits) { y[i] = bits >= threshold ? values[w] * scale : T(0); });
}

void dropout(const KernelArgs& args) {
  const View& x = args.in[0];
  if (x.size == 0) return;
  const double rate = args.param<DropoutParams>().rate;
  const double scale = rate < 1 ? 1 / (1 - rate) : 0;
  // A rate of 1 is one step short of dropping all, and has scale 0.
  const double steps = rate * 0x1p32 + 0.5;
  const uint32_t threshold = steps < 0x1p32 ? static_cast<uint32_t>(steps) : 0xffffffffu;
  with_real(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    launch(dropout_kernel<T>, grid_for_groups(x.size, kPhiloxGroup), kBlockThreads, 0, stream_of(args),
           args.in[1].as<int64_t>(), x.as<T>(), args.out[0].as<T>(), x.size, threshold, static_cast<T>(scale));
  });
}

}  // namespace

PN_KERNELS(random, {"random_uniform", random_uniform, nullptr}, {"random_normal", random_normal<false>, nullptr},
           {"truncated_normal", random_normal<true>, nullptr}, {"randint", randint, nullptr},
           {"dropout", dropout, nullptr})

}  // namespace pyneural::cuda
