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
    for (int r = 0; r < kLanes<T>; ++r) {
      columns[r] = r < count ? load_first(rows + r * n, static_cast<int>(n)) : Vec<T>{};
    }
    transpose_lanes(columns);
  }
  void store(T* rows, int64_t count, int64_t n) {
    transpose_lanes(columns);
    for (int64_t r = 0; r < count; ++r) store_first(rows + r * n, columns[r], static_cast<int>(n));
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
