// Sums and maxima of several rows at once: each row leaves a vector, and these are folded together. So the latency of a
// fold, and of what follows from it, is paid once for as many rows as a vector has lanes.
#pragma once

#include "cpu/lanes.h"
#include "cpu/transpose.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// How many rows of n elements are worked on together: what they take must stay in L1 from one look at them to the next.
constexpr int64_t kTogetherBytes = 12 * 1024;
template <class T>
PN_INLINE int64_t rows_together(int64_t n) {
  const int64_t fitting = kTogetherBytes / static_cast<int64_t>(sizeof(T)) / (n + 1);
  return fitting < 1 ? 1 : fitting < kLanes<T> ? fitting : kLanes<T>;
}

// Lane r of the result is what reduce_lanes makes of rows[r], bit by bit; of as many rows as there are lanes, which are
// changed.
template <class T, class Fn>
PN_INLINE Vec<T> fold_rows(Vec<T>* rows, const Fn& fn) {
  constexpr int L = kLanes<T>;
  transpose_lanes(rows);
#pragma GCC unroll 4
  for (int half = L / 2; half > 0; half /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) rows[i] = fn(rows[i], rows[i + half]);
  }
  return rows[0];
}

// Sum of term(i, lanes) over [begin, end), lane by lane, where term gives zero for absent elements. Four sums run side
// by side to hide the latency of the addition.
template <class T, class Term>
PN_INLINE Vec<T> sum_vectors(int64_t begin, int64_t end, Term term) {
  constexpr int64_t step = kLanes<T>;
  Vec<T> sum0{}, sum1{}, sum2{}, sum3{};
  int64_t i = begin;
  for (; i + 4 * step <= end; i += 4 * step) {
    sum0 += term(i, AllLanes{});
    sum1 += term(i + step, AllLanes{});
    sum2 += term(i + 2 * step, AllLanes{});
    sum3 += term(i + 3 * step, AllLanes{});
  }
  for (; i + step <= end; i += step) sum0 += term(i, AllLanes{});
  if (i < end) sum1 += term(i, FirstLanes{static_cast<int>(end - i)});
  return (sum0 + sum1) + (sum2 + sum3);
}

// The largest term(i, lanes) over a range that is not empty, lane by lane; absent elements must give -infinity. NaN may
// or may not win.
template <class T, class Term>
PN_INLINE Vec<T> max_vectors(int64_t begin, int64_t end, Term term) {
  constexpr int64_t step = kLanes<T>;
  const Vec<T> lowest = broadcast(static_cast<T>(-__builtin_inf()));
  Vec<T> max0 = lowest, max1 = lowest, max2 = lowest, max3 = lowest;
  int64_t i = begin;
  for (; i + 4 * step <= end; i += 4 * step) {
    max0 = vmax(max0, term(i, AllLanes{}));
    max1 = vmax(max1, term(i + step, AllLanes{}));
    max2 = vmax(max2, term(i + 2 * step, AllLanes{}));
    max3 = vmax(max3, term(i + 3 * step, AllLanes{}));
  }
  for (; i + step <= end; i += step) max0 = vmax(max0, term(i, AllLanes{}));
  if (i < end) max1 = vmax(max1, term(i, FirstLanes{static_cast<int>(end - i)}));
  return vmax(vmax(max0, max1), vmax(max2, max3));
}

struct Add {
  template <class V>
  __attribute__((always_inline)) V operator()(V a, V b) const {
    return a + b;
  }
};
struct Maximum {
  template <class V>
  __attribute__((always_inline)) V operator()(V a, V b) const {
    return vmax(a, b);
  }
};

// A number for each of several rows, in memory: from there it goes into all lanes of a vector.
template <class T>
struct EachRow {
  alignas(PN_VECTOR_BYTES) T values[kLanes<T>];
  PN_MEMBER T operator[](int64_t row) const { return values[row]; }
};

// The folded lanes of vector(r) for rows [0, count), at most kLanes.
template <class T, class Fn, class Vector>
PN_INLINE EachRow<T> fold_each(int64_t count, const Fn& fn, const Vector& vector) {
  Vec<T> rows[kLanes<T>];
  for (int64_t r = 0; r < kLanes<T>; ++r) rows[r] = r < count ? vector(r) : Vec<T>{};
  EachRow<T> folded;
  store(folded.values, fold_rows<T>(rows, fn));
  return folded;
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
