// Pieces of softmax, shared with the cross-entropies.
#pragma once

#include "cpu/lanes.h"
#include "cpu/math.h"
#include "cpu/row_folds.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

template <class T>
constexpr T kLowest = static_cast<T>(-__builtin_inf());

template <class T>
struct SoftmaxRow {
  T max;
  T sum;  // of exp(x - max)
};

template <class T>
PN_INLINE Vec<T> row_maximum(const T* x, int64_t n) {
  return max_vectors<T>(0, n,
                        [=](int64_t i, auto lanes) PN_LAMBDA { return lanes.keep(lanes.load(x + i), kLowest<T>); });
}
// visit(i, lanes, exp(x - max)) may keep the exponentials.
template <class T, class Visit>
PN_INLINE Vec<T> sum_of_exponentials(const T* x, int64_t n, T max, const Visit& visit) {
  return sum_vectors<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA {
    const Vec<T> e = vexp(lanes.load(x + i) - max);
    visit(i, lanes, e);
    return lanes.keep(e, T(0));
  });
}

template <class T, class Visit>
PN_INLINE SoftmaxRow<T> softmax_row(const T* x, int64_t n, const Visit& visit) {
  const T max = reduce_max(row_maximum(x, n));
  return {max, reduce_add(sum_of_exponentials(x, n, max, visit))};
}
template <class T>
PN_INLINE SoftmaxRow<T> softmax_row(const T* x, int64_t n) {
  return softmax_row(x, n, [](int64_t, auto, Vec<T>) PN_LAMBDA {});
}

// Of longer rows, what waits for maxima and sums is a small part.
template <class T>
PN_INLINE int64_t softmax_rows_together(int64_t n) {
  constexpr int64_t kShortRowBytes = 2048;
  return n * static_cast<int64_t>(sizeof(T)) <= kShortRowBytes ? rows_together<T>(n) : 1;
}
template <class T>
PN_INLINE EachRow<T> row_maxima(const T* x, int64_t count, int64_t n) {
  return fold_each<T>(count, Maximum{}, [=](int64_t r) PN_LAMBDA { return row_maximum(x + r * n, n); });
}

template <class T>
PN_INLINE EachRow<T> row_sums(const T* x, int64_t count, int64_t n, const EachRow<T>& max) {
  return fold_each<T>(count, Add{}, [=, &max](int64_t r) PN_LAMBDA {
    return sum_of_exponentials(x + r * n, n, max[r], [](int64_t, auto, Vec<T>) PN_LAMBDA {});
  });
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
