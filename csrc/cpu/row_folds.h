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
