// Pieces of softmax over a contiguous row, shared with the cross-entropies.
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

// One vector holds the whole row: no loops. visit(i, lanes, exp(x - max)) may keep the exponentials.
template <class T, class Visit>
PN_INLINE SoftmaxRow<T> softmax_row(const T* x, int64_t n, const Visit& visit) {
  if (n <= kLanes<T>) {
    const FirstLanes lanes{static_cast<int>(n)};
    const Vec<T> row = lanes.load(x);
    const T max = reduce_max(lanes.keep(row, kLowest<T>));
    const Vec<T> e = vexp(row - max);
    visit(0, lanes, e);
    return {max, reduce_add(lanes.keep(e, T(0)))};
  }
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

// Of one number, with the bits of the vector function.
PN_INLINE float log_of(float x) { return vlog(broadcast(x))[0]; }
PN_INLINE double log_of(double x) { return __builtin_log(x); }

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
