// Uniform and normal numbers, dropout. This file is compiled without contraction to FMA, and calls nothing that differs
// between SIMD levels: every level draws the same bits.
#include "cpu/lanes.h"
#include "cpu/math.h"
#include "cpu/normal_quantile.h"
#include "cpu/philox_vec.h"
#include "ops/random_params.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {

namespace {

constexpr int64_t kGrain = 256;       // groups of a parallel chunk: 16384 elements
constexpr double kDropoutFlops = 12;  // of an element
constexpr int64_t kLineFloats = 16, kPrefetchFloats = 512;

// groups_fn(draw, first group, end of the groups) for all `groups`; `flops` in all.
template <class Fn>
PN_INLINE void for_group_ranges(const View& state, int64_t groups, double flops, const Fn& groups_fn) {
  const PhiloxDraw draw = PhiloxDraw::of(state.as<int64_t>());
  parallel_range(groups, kGrain, threads_for(flops, 0), [=](int64_t begin, int64_t end) {
    const PhiloxDraw own = draw;
    groups_fn(own, begin, end);
  });
}

// group_fn(words, first element, elements in it) for all groups of `size` elements, `width` to a group.
template <class Fn>
PN_INLINE void for_each_group(const View& state, int64_t size, int64_t width, double flops, const Fn& group_fn) {
  const auto groups_fn = [=](const PhiloxDraw& draw, int64_t begin, int64_t end) {
    alignas(64) uint32_t words[kGroupsAtATime * kPhiloxGroup];
    for (int64_t group = begin; group < end; group += kGroupsAtATime) {
      philox_groups(draw, static_cast<uint64_t>(group),
                    [&](int i, Vec<uint32_t> some) PN_LAMBDA { store(words + i, some); });
      for (int g = 0; g < kGroupsAtATime && group + g < end; ++g) {
        const int64_t first = (group + g) * width;
        group_fn(words + g * kPhiloxGroup, first, size - first < width ? size - first : width);
      }
    }
  };
  for_group_ranges(state, (size + width - 1) / width, flops * static_cast<double>(size), groups_fn);
}

// float32: one word per element. `map` turns a vector of words into floats.
template <class Map>
PN_INLINE void draw_floats(const KernelArgs& args, double flops, const Map& map) {
  float* const y = args.out[0].as<float>();
  for_each_group(
      args.in[0], args.out[0].size, kPhiloxGroup, flops, [=](const uint32_t* words, int64_t first, int64_t count) {
        for_lanes<float>(0, count,
                         [=](int64_t i, auto lanes) PN_LAMBDA { lanes.store(y + first + i, map(load(words + i))); });
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

// fn(i, words of the elements i and on, lanes) for vectors of floats, straight from the registers.
template <class Fn>
PN_INLINE void for_each_vector(const View& state, int64_t size, double flops, const Fn& fn) {
  const auto groups_fn = [=](const PhiloxDraw& draw, int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; group += kGroupsAtATime) {
      const int64_t first = group * kPhiloxGroup;
      if (size - first >= kGroupsAtATime * kPhiloxGroup) {
        philox_groups(draw, static_cast<uint64_t>(group),
                      [=](int i, Vec<uint32_t> words) PN_LAMBDA { fn(first + i, words, AllLanes{}); });
        continue;
      }
      philox_groups(draw, static_cast<uint64_t>(group), [=](int i, Vec<uint32_t> words) PN_LAMBDA {
        const int64_t left = size - first - i;
        const int count = left < kLanes<float> ? static_cast<int>(left) : kLanes<float>;
        if (count > 0) fn(first + i, words, FirstLanes{count});
      });
    }
  };
  for_group_ranges(state, (size + kPhiloxGroup - 1) / kPhiloxGroup, flops * static_cast<double>(size), groups_fn);
}

void dropout(const KernelArgs& args) {
  const View& x = args.in[0];
  const double rate = args.param<DropoutParams>().rate;
  const double scale = rate < 1 ? 1 / (1 - rate) : 0;
  // Words below the threshold drop. A rate of 1 is one step short of it and has scale 0.
  const double steps = rate * 0x1p32 + 0.5;
  const uint32_t threshold = steps < 0x1p32 ? static_cast<uint32_t>(steps) : 0xffffffffu;
  if (x.dtype == DType::float64) {
    const double* const from = x.as<double>();
    double* const to = args.out[0].as<double>();
    return for_each_group(args.in[1], x.size, kPhiloxGroup, kDropoutFlops,
                          [=](const uint32_t* words, int64_t first, int64_t count) {
                            for (int64_t i = 0; i < count; ++i)
                              to[first + i] = words[i] >= threshold ? from[first + i] * scale : 0.0;
                          });
  }
  const float* const from = x.as<float>();
  float* const to = args.out[0].as<float>();
  const float factor = static_cast<float>(scale);
  for_each_vector(args.in[1], x.size, kDropoutFlops, [=](int64_t i, Vec<uint32_t> words, auto lanes) PN_LAMBDA {
    // So much is computed per cache line that the hardware alone does not fetch far enough ahead.
    if (i % kLineFloats == 0) {
      __builtin_prefetch(from + i + kPrefetchFloats);
      __builtin_prefetch(to + i + kPrefetchFloats, 1);
    }
    lanes.store(to + i, words >= threshold ? lanes.load(from + i) * factor : VecF{});
  });
}

}  // namespace

PN_KERNELS(random, {"random_uniform", random_uniform, nullptr}, {"random_normal", random_normal, nullptr},
           {"truncated_normal", truncated_normal, nullptr}, {"dropout", dropout, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
