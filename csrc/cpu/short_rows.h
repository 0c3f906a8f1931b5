// Rows that fit one vector, worked on as columns: element k of up to kLanes rows lies in one vector. So no lane idles
// in an exponential and no sum runs across lanes.
#pragma once

#include "cpu/lanes.h"
#include "cpu/transpose.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

template <class T>
struct ShortRows {
  Vec<T> columns[kLanes<T>];

  // `count` rows of n elements, both at most kLanes.
  void load(const T* rows, int64_t count, int64_t n) {
    prefetch<0>(rows, n);
    load_part(rows, count, n, n);
  }
  // The same where rows lie `stride` elements apart.
  void load_part(const T* rows, int64_t count, int64_t n, int64_t stride) {
    for (int r = 0; r < kLanes<T>; ++r) {
      columns[r] = r < count ? load_first(rows + r * stride, static_cast<int>(n)) : Vec<T>{};
    }
    transpose_lanes(columns);
  }
  void store(T* rows, int64_t count, int64_t n) {
    prefetch<1>(rows, n);
    transpose_lanes(columns);
    for (int64_t r = 0; r < count; ++r) store_first(rows + r * n, columns[r], static_cast<int>(n));
  }
  // Partial vectors do not make the hardware fetch ahead: the rows that come kGroupsAhead groups later.
  template <int kWrite>
  static void prefetch(const T* rows, int64_t n) {
    constexpr int64_t kGroupsAhead = 4, kLine = 64 / sizeof(T);
    const T* ahead = rows + kGroupsAhead * kLanes<T> * n;
    for (int64_t i = 0; i < kLanes<T> * n; i += kLine) __builtin_prefetch(ahead + i, kWrite);
  }
  T* data() { return reinterpret_cast<T*>(columns); }  // column k at k * kLanes
};

// body(first, count) for rows [begin, end), at most kLanes at a time.
template <class T, class Body>
PN_INLINE void for_short_rows(int64_t begin, int64_t end, const Body& body) {
  for (int64_t r = begin; r < end; r += kLanes<T>) body(r, end - r < kLanes<T> ? end - r : int64_t{kLanes<T>});
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
