// Loops over contiguous elements, a vector at a time. The body is written once: it sees whole vectors through AllLanes
// and the tail through FirstLanes, so both compute the same bits.
#pragma once

#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

template <class T>
PN_INLINE Vec<T> lane_numbers() {
  Vec<T> numbers{};
  for (int i = 0; i < kLanes<T>; ++i) numbers[i] = static_cast<T>(i);
  return numbers;
}

struct AllLanes {
  template <class T>
  __attribute__((always_inline)) Vec<T> load(const T* p) const {
    return cpu::PN_SIMD_NAMESPACE::load(p);
  }
  template <class T>
  __attribute__((always_inline)) void store(T* p, Vec<T> v) const {
    cpu::PN_SIMD_NAMESPACE::store(p, v);
  }
  // v where there are elements, `fill` elsewhere.
  template <class T>
  __attribute__((always_inline)) Vec<T> keep(Vec<T> v, T) const {
    return v;
  }
};

struct FirstLanes {
  int count;
  template <class T>
  __attribute__((always_inline)) Vec<T> load(const T* p) const {
    return load_first(p, count);
  }
  template <class T>
  __attribute__((always_inline)) void store(T* p, Vec<T> v) const {
    store_first(p, v, count);
  }
  template <class T>
  __attribute__((always_inline)) Vec<T> keep(Vec<T> v, T fill) const {
    return select(lane_numbers<T>() < broadcast(static_cast<T>(count)), v, broadcast(fill));
  }
};

// How many vectors a body works on side by side.
template <int kCount>
struct Vectors {
  static constexpr int count = kCount;
};

// The loops work on copies of their functions: what a copy holds stays in registers, while what lies in an object whose
// address is known elsewhere would be loaded again after each store.

// body(i, lanes) for i = begin, begin + lanes, ... The tail, if any, comes last.
template <class T, class Body>
PN_INLINE void for_lanes(int64_t begin, int64_t end, Body body) {
  int64_t i = begin;
  for (; i + kLanes<T> <= end; i += kLanes<T>) body(i, AllLanes{});
  if (i < end) body(i, FirstLanes{static_cast<int>(end - i)});
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
template <class T, class Term>
PN_INLINE T sum_lanes(int64_t begin, int64_t end, Term term) {
  return reduce_add(sum_vectors<T>(begin, end, term));
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

// The instance of a kernel (or of its workspace rule) for the dtype of operand kOperand.
template <auto kFloat, auto kDouble, int kOperand = 0>
auto by_dtype(const KernelArgs& args) {
  return args.in[kOperand].dtype == DType::float32 ? kFloat(args) : kDouble(args);
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE

// A lambda that a loop instantiates twice must still be inlined into it.
#define PN_LAMBDA __attribute__((always_inline))
