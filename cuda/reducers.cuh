// What reduce.cuh can reduce by: how elements become partial results and how these join, and where elements come from.
//
// A reducer R has the types Value (of an element), Run (of short runs) and Total (of everything longer), and the
// functions neutral<A>(), one(Value) -> Run, join(a, b) of two Runs or Totals, widen(Run) -> Total; Next reduces
// totals. Where it has chunk(Value[kUnroll]) -> Run, that takes in several elements at once.
#pragma once

#include <cstring>
#include <limits>

#include "cpu/reduce_plan.h"
#include "cuda/pack.cuh"
#include "cuda/warp.cuh"

namespace pyneural::cuda {

constexpr int kUnroll = 4;  // packs that a thread has under way

// ---- operations

// Integers wrap around: in unsigned arithmetic, where that is defined.
struct Add {
  template <class T>
  static __device__ __forceinline__ T neutral() {
    return 0;
  }
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    } else {
      return a + b;
    }
  }
};
struct Multiply {
  template <class T>
  static __device__ __forceinline__ T neutral() {
    return 1;
  }
  template <class T>
  static __device__ __forceinline__ T of(T a, T b) {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
    } else {
      return a * b;
    }
  }
};
struct Largest : Max {
  template <class T>
  static __device__ __forceinline__ T neutral() {
    using Limits = std::numeric_limits<T>;
    return Limits::has_infinity ? -Limits::infinity() : Limits::min();
  }
};
struct Smallest : Min {
  template <class T>
  static __device__ __forceinline__ T neutral() {
    using Limits = std::numeric_limits<T>;
    return Limits::has_infinity ? Limits::infinity() : Limits::max();
  }
};

struct Plain {
  template <class A, class T>
  static __device__ __forceinline__ A of(T x) {
    return static_cast<A>(x);
  }
};
struct NonZero {  // NaN counts as true
  template <class A, class T>
  static __device__ __forceinline__ A of(T x) {
    return x != T{};
  }
};

// ---- reducers

// Elements, mapped, are folded with Op.
template <class Op, class Map, class T, class Run_, class Total_>
struct Fold {
  using Value = T;
  using Run = Run_;
  using Total = Total_;
  using Next = Fold<Op, Plain, Total, Total, Total>;
  template <class A>
  static __device__ __forceinline__ A neutral() {
    return Op::template neutral<A>();
  }
  template <class A>
  static __device__ __forceinline__ A join(A a, A b) {
    return Op::of(a, b);
  }
  static __device__ __forceinline__ Run one(T x) { return Map::template of<Run>(x); }
  static __device__ __forceinline__ Total widen(Run run) { return static_cast<Total>(run); }
};

template <class T>
struct Pair {
  T first, second;
};

struct AddPairs {
  template <class A>
  static __device__ __forceinline__ A neutral() {
    return {0, 0};
  }
  template <class A>
  static __device__ __forceinline__ A join(A a, A b) {
    return {a.first + b.first, a.second + b.second};
  }
};

// Two sums at once.
template <class T>
struct PairSums : AddPairs {
  using Value = Pair<T>;
  using Run = Pair<T>;
  using Total = Pair<double>;
  using Next = PairSums<double>;
  static __device__ __forceinline__ Run one(Value x) { return x; }
  static __device__ __forceinline__ Total widen(Run run) { return {run.first, run.second}; }
};

// The sums of elements and of their squares. A few elements are squared around their mean; between these groups sums
// are in double, where squares of float elements lose nothing. Double elements come relative to one of theirs
// (Centred).
template <class T>
struct Moments : AddPairs {
  using Value = T;
  using Run = Pair<double>;
  using Total = Pair<double>;
  using Next = PairSums<double>;
  static __device__ __forceinline__ Run one(T x) {
    const double wide = x;
    return {wide, wide * wide};
  }
  static __device__ __forceinline__ Run chunk(const T (&x)[kUnroll]) {
    static_assert(kUnroll == 4);
    const T mean = ((x[0] + x[1]) + (x[2] + x[3])) * T(0.25);
    T error = 0, square = 0;
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const T deviation = x[u] - mean;
      error += deviation;
      square += deviation * deviation;
    }
    const double m = mean, e = error;
    return {kUnroll * m + e, square + m * (kUnroll * m + 2 * e)};
  }
  static __device__ __forceinline__ Total widen(Run run) { return run; }
};

// ---- sources

// A source gives a cursor for a column (or a row) of the operand; that gives kPack values from element `at` on. They
// stand at places i, i + kAlong, ... of the reduced axis.
template <class T>
struct Elements {
  using Element = T;
  const T* x;

  bool is_aligned_to(size_t bytes) const { return is_aligned(x, bytes); }
  template <int kPack>
  __device__ __forceinline__ Elements cursor(int64_t, int64_t) const {
    return *this;
  }
  template <int kPack, bool kAligned, int kAlong>
  __device__ __forceinline__ Pack<T, kPack> load(int64_t at, int64_t) const {
    return load_pack<kPack, kAligned>(x + at);
  }
};

// Of a reduction over adjacent axes: float elements as they are, double ones relative to the first of their column.
template <class T>
struct CentredElements {
  using Element = T;
  static constexpr bool kShifted = sizeof(T) == sizeof(double);
  const T* x;
  cpu::ReduceBlock block;

  template <int kPack>
  struct Cursor {
    const T* x;
    T shift[kPack];
    template <int, bool kAligned, int>
    __device__ __forceinline__ Pack<T, kPack> load(int64_t at, int64_t) const {
      Pack<T, kPack> pack = load_pack<kPack, kAligned>(x + at);
#pragma unroll
      for (int v = 0; v < kPack; ++v) pack.values[v] -= shift[v];
      return pack;
    }
  };
  bool is_aligned_to(size_t bytes) const { return is_aligned(x, bytes); }
  template <int kPack>
  __device__ __forceinline__ Cursor<kPack> cursor(int64_t outer, int64_t column) const {
    Cursor<kPack> cursor{x, {}};
    if (kShifted && block.reduce > 0) {
#pragma unroll
      for (int v = 0; v < kPack; ++v) {
        cursor.shift[v] = x[outer * block.reduce * block.inner + column + (block.inner == 1 ? 0 : v)];
      }
    }
    return cursor;
  }
};

// Of any plain type.
template <class T>
__device__ __forceinline__ T shuffle_xor(T value, int distance) {
  constexpr int kWords = (sizeof(T) + sizeof(uint32_t) - 1) / sizeof(uint32_t);
  uint32_t words[kWords] = {};
  memcpy(words, &value, sizeof(T));
#pragma unroll
  for (int i = 0; i < kWords; ++i) words[i] = __shfl_xor_sync(kAllLanes, words[i], distance);
  memcpy(&value, words, sizeof(T));
  return value;
}

}  // namespace pyneural::cuda
