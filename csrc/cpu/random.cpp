// Uniform and normal numbers, dropout. This file is compiled without contraction to FMA, and calls nothing that differs
// between SIMD levels: every level draws the same bits.
#include "cpu/math.h"
#include "cpu/normal_quantile.h"
#include "cpu/philox_vec.h"
#include "ops/random_params.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {

namespace {

constexpr int64_t kGrain = 256;  // groups of a parallel chunk: 16384 elements
constexpr int64_t kLineFloats = 16, kPrefetchFloats = 512;

// group_fn(words, first element, elements in it) for all groups of `size` elements, `width` to a group.
template <class Fn>
PN_INLINE void for_each_group(const View& state, int64_t size, int64_t width, double flops, const Fn& group_fn) {
  const int64_t groups = (size + width - 1) / width;
  parallel_range(groups, kGrain, threads_for(flops * static_cast<double>(size), 0), [&](int64_t begin, int64_t end) {
    alignas(64) uint32_t words[kGroupsAtATime * kPhiloxGroup];
    for (int64_t group = begin; group < end; group += kGroupsAtATime) {
      philox_groups(state.as<int64_t>(), static_cast<uint64_t>(group), words);
      for (int g = 0; g < kGroupsAtATime && group + g < end; ++g) {
        const int64_t first = (group + g) * width;
        group_fn(words + g * kPhiloxGroup, first, size - first < width ? size - first : width);
      }
    }
  });
}

// float32: one word per element. `map` turns a vector of words into floats.
template <class Map>
PN_INLINE void draw_floats(const KernelArgs& args, double flops, const Map& map) {
  constexpr int V = kLanes<float>;
  float* y = args.out[0].as<float>();
  const int64_t size = args.out[0].size;
  for_each_group(args.in[0], size, kPhiloxGroup, flops, [&](const uint32_t* words, int64_t first, int64_t count) {
    for (int64_t i = 0; i < count; i += V) {
      const VecF v = map(load(words + i));
      if (i + V <= count) {
        store(y + first + i, v);
      } else {
        store_first(y + first + i, v, static_cast<int>(count - i));
      }
    }
  });
}

// float64: element i of a group of 32 takes words i and 32 + i. `map` turns 64 bits into a double.
template <class Map>
PN_INLINE void draw_doubles(const KernelArgs& args, double flops, const Map& map) {
  constexpr int kWidth = kPhiloxGroup / 2;
  double* y = args.out[0].as<double>();
  const int64_t size = args.out[0].size;
  for_each_group(args.in[0], size, kWidth, flops, [&](const uint32_t* words, int64_t first, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      y[first + i] = map(static_cast<uint64_t>(words[kWidth + i]) << 32 | words[i]);
    }
  });
}

void random_uniform(const KernelArgs& args) {
  const auto& params = args.param<RandomParams>();
  const double low = params.first, range = params.second - params.first;
  if (args.out[0].dtype == DType::float64) {
    const double last = __builtin_nextafter(params.second, low);
    return draw_doubles(args, 24, [=](uint64_t bits) {
      const double y = low + static_cast<double>(bits >> 11) * 0x1p-53 * range;
      return y < last ? y : last;  // rounding must not reach the excluded end
    });
  }
  const float first = static_cast<float>(low), scale = static_cast<float>(range);
  const float end = static_cast<float>(params.second), last = __builtin_nextafterf(end, first);
  draw_floats(args, 12, [=](Vec<uint32_t> words) {
    const VecF u = __builtin_convertvector((VecI)(words >> 8), VecF) * 0x1p-24f;
    const VecF y = u * scale + first;
    return y < last ? y : broadcast(last);
  });
}

// A random sign, and a tail probability that is uniform in (tail, 1/2).
template <bool kTruncated>
PN_INLINE void draw_normal(const KernelArgs& args) {
  const auto& params = args.param<RandomParams>();
  constexpr double kTail = kTruncated ? 0.022750131948179209 : 0.0;  // beyond two standard deviations
  if (args.out[0].dtype == DType::float64) {
    return draw_doubles(args, 200, [&](uint64_t bits) {
      const double tail = kTail + (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52 * (0.5 - kTail);
      double z = normal_quantile(tail);
      if (kTruncated && z > 2) z = 2;
      return params.first + params.second * (bits & 1 ? -z : z);
    });
  }
  const float mean = static_cast<float>(params.first), stddev = static_cast<float>(params.second);
  draw_floats(args, 60, [=](Vec<uint32_t> words) {
    const VecF magnitude = __builtin_convertvector((VecI)(words >> 1), VecF) + 0.5f;
    const VecF tail = magnitude * static_cast<float>(0x1p-31 * (0.5 - kTail)) + static_cast<float>(kTail);
    VecF z = normal_quantile(tail);
    if (kTruncated) z = z < 2.0f ? z : broadcast(2.0f);
    return (VecF)((VecI)z | (VecI)(words << 31)) * stddev + mean;
  });
}

void random_normal(const KernelArgs& args) { draw_normal<false>(args); }
void truncated_normal(const KernelArgs& args) { draw_normal<true>(args); }

void dropout(const KernelArgs& args) {
  const View& x = args.in[0];
  const double rate = args.param<DropoutParams>().rate;
  const double scale = rate < 1 ? 1 / (1 - rate) : 0;
  // Words below the threshold drop. A rate of 1 is one step short of it and has scale 0.
  const double steps = rate * 0x1p32 + 0.5;
  const uint32_t threshold = steps < 0x1p32 ? static_cast<uint32_t>(steps) : 0xffffffffu;
  for_each_group(args.in[1], x.size, kPhiloxGroup, 12, [&](const uint32_t* words, int64_t first, int64_t count) {
    if (x.dtype == DType::float64) {
      const double* from = x.as<double>() + first;
      double* to = args.out[0].as<double>() + first;
      for (int64_t i = 0; i < count; ++i) to[i] = words[i] >= threshold ? from[i] * scale : 0.0;
      return;
    }
    constexpr int V = kLanes<float>;
    const float* from = x.as<float>() + first;
    float* to = args.out[0].as<float>() + first;
    // So much is computed per cache line that the hardware alone does not fetch far enough ahead.
    for (int64_t i = 0; i < kPhiloxGroup; i += kLineFloats) {
      __builtin_prefetch(from + kPrefetchFloats + i);
      __builtin_prefetch(to + kPrefetchFloats + i, 1);
    }
    for (int64_t i = 0; i < count; i += V) {
      const int left = count - i < V ? static_cast<int>(count - i) : V;
      const VecF v = (left == V ? load(from + i) : load_first(from + i, left)) * static_cast<float>(scale);
      const VecF kept = load(words + i) >= threshold ? v : VecF{};
      if (left == V) {
        store(to + i, kept);
      } else {
        store_first(to + i, kept, left);
      }
    }
  });
}

}  // namespace

PN_KERNELS(random, {"random_uniform", random_uniform, nullptr}, {"random_normal", random_normal, nullptr},
           {"truncated_normal", truncated_normal, nullptr}, {"dropout", dropout, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
