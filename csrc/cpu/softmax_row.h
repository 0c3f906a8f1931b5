// Pieces of softmax, shared with the cross-entropies.
#pragma once

#include "cpu/lanes.h"
#include "cpu/math.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

template <class T>
constexpr T kLowest = static_cast<T>(-__builtin_inf());

template <class T>
struct SoftmaxRow {
  T max;
  T sum;  // of exp(x - max)
};

// visit(i, lanes, exp(x - max)) may keep the exponentials.
template <class T, class Visit>
PN_INLINE SoftmaxRow<T> softmax_row(const T* x, int64_t n, const Visit& visit) {
  const T max =
      max_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA { return lanes.keep(lanes.load(x + i), kLowest<T>); });
  const T sum = sum_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA {
    const Vec<T> e = vexp(lanes.load(x + i) - max);
    visit(i, lanes, e);
    return lanes.keep(e, T(0));
  });
  return {max, sum};
}
template <class T>
PN_INLINE SoftmaxRow<T> softmax_row(const T* x, int64_t n) {
  return softmax_row(x, n, [](int64_t, auto, Vec<T>) PN_LAMBDA {});
}

// A row in each lane: element k at x + k * stride. n > 0.
template <class T, class Lanes>
PN_INLINE Vec<T> column_max(const T* x, int64_t n, int64_t stride, Lanes lanes) {
  Vec<T> max = lanes.load(x);
  for (int64_t k = 1; k < n; ++k) max = vmax(max, lanes.load(x + k * stride));
  return max;
}

// Of one number, with the bits of the vector function.
PN_INLINE float log_of(float x) { return vlog(broadcast(x))[0]; }
PN_INLINE double log_of(double x) { return __builtin_log(x); }

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
