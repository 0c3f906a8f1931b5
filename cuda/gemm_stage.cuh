// The way of an operand of a matrix product from memory to a tile in shared memory.
//
// An operand is a "source": it knows where the element (i, k) is, with i a row of the left or a column of the right
// operand and k the depth. What it works out for an i and for a k is kept apart: either stays the same for many loads.
//   auto outer(int64_t i): of 0 where there is no i, as sums of those are never stored
//   auto inner(int k), bool holds(outer, inner): else the element is zero, const T* at(outer, inner)
#pragma once

#include <type_traits>

#include "cuda/kernel.h"
#include "cuda/ptx.cuh"

namespace pyneural::cuda {

// A matrix in memory.
template <class T>
struct MatrixSource {
  const T* data;
  int64_t outer_stride, inner_stride;
  int outer_count, inner_count;

  __device__ __forceinline__ const T* outer(int64_t i) const { return data + (i < outer_count ? i : 0) * outer_stride; }
  __device__ __forceinline__ int inner(int k) const { return k; }
  __device__ __forceinline__ bool holds(const T*, int k) const { return k < inner_count; }
  __device__ __forceinline__ const T* at(const T* outer, int k) const { return outer + k * inner_stride; }
};

// How numbers lie in a tile: as they are, or as pairs of BF16 that are neighbours in depth. fragment(word) is what
// tensor cores take.
template <class T>
struct PlainWords {
  using Word = T;
  static constexpr int kPair = 1;
};
struct Tf32Words : PlainWords<float> {
  static __device__ __forceinline__ uint32_t fragment(float word) { return to_tf32(word); }
};
struct Bf16Words {
  using Word = uint32_t;
  static constexpr int kPair = 2;
  static __device__ __forceinline__ uint32_t word(const float* values) { return pack_bf16(values[0], values[1]); }
  static __device__ __forceinline__ uint32_t fragment(uint32_t word) { return word; }
};

// Where the word (i, depth) of a tile lies in shared memory: strides that keep all lanes in banks of their own.
template <int kOuterStride, int kDepthStride, int kWords>
struct TileLayout {
  static constexpr int outer_stride = kOuterStride, depth_stride = kDepthStride, words = kWords;
};

// Whether neighbours in memory are neighbours in a tile, too.
template <class Layout>
constexpr bool copies_packs(bool along_depth) {
  return !along_depth || Layout::depth_stride == 1;
}

// kRows x kDepth elements of a source. kAlongDepth: neighbours in memory are neighbours in depth, else in i; kWidth of
// them, 1 or 4, can be loaded at once. Words go to the tile as Layout says, past the registers.
template <class T, class Words, class Source, class Layout, int kRows, int kDepth, int kThreads, bool kAlongDepth,
          int kWidth>
class Stage {
  // A unit is what a thread copies at a time.
  static constexpr int kUnit = copies_packs<Layout>(kAlongDepth) ? kWidth : 1;
  static constexpr int kPerLine = (kAlongDepth ? kDepth : kRows) / kUnit;
  static constexpr int kUnits = kRows * kDepth / (kUnit * kThreads);
  static constexpr int kStep = kThreads / kPerLine;  // from one unit of a thread to its next one, across the lines
  static constexpr int kOuters = kAlongDepth ? kUnits : 1;
  static_assert(kThreads % kPerLine == 0 && kUnits * kUnit * kThreads == kRows * kDepth);

 public:
  __device__ __forceinline__ Stage(const Source& source, int64_t first_row)
      : source_(source), row_(kAlongDepth ? line() : place_in_line()), depth_(kAlongDepth ? place_in_line() : line()) {
#pragma unroll
    for (int i = 0; i < kOuters; ++i) outer_[i] = source_.outer(first_row + row_ + i * kStep);
  }

  // Starts the copies of depth [k, k + kDepth) to `tile`.
  __device__ __forceinline__ void fetch(int k, T* tile) {
    auto* const to = tile + row_ * Layout::outer_stride + depth_ * Layout::depth_stride;
    if constexpr (kAlongDepth) {
      const auto inner = source_.inner(k + depth_);
#pragma unroll
      for (int i = 0; i < kUnits; ++i) copy(outer_[i], inner, to + i * kStep * Layout::outer_stride);
    } else {
#pragma unroll
      for (int i = 0; i < kUnits; ++i) {
        copy(outer_[0], source_.inner(k + depth_ + i * kStep), to + i * kStep * Layout::depth_stride);
      }
    }
  }
  __device__ __forceinline__ void place(T*) {}

 private:
  static __device__ __forceinline__ int line() { return static_cast<int>(threadIdx.x) / kPerLine; }
  static __device__ __forceinline__ int place_in_line() { return static_cast<int>(threadIdx.x) % kPerLine * kUnit; }

  template <class Outer, class Inner>
  __device__ __forceinline__ void copy(const Outer& outer, const Inner& inner, T* to) const {
    constexpr int kBytes = kUnit * sizeof(T);
    copy_async<kBytes>(to, source_.at(outer, inner), source_.holds(outer, inner) ? kBytes : 0);
  }

  const Source source_;
  const int row_, depth_;
  std::remove_const_t<decltype(std::declval<const Source&>().outer(0))> outer_[kOuters];
};

// The same where numbers are rounded to pairs of BF16 on the way.
template <class Source, class Layout, int kRows, int kDepth, int kThreads, bool kAlongDepth, int kWidth>
class Stage<float, Bf16Words, Source, Layout, kRows, kDepth, kThreads, kAlongDepth, kWidth> {
  using T = float;
  using Words = Bf16Words;
  using Word = Words::Word;
  static constexpr int kPair = Words::kPair;
  // A unit is what a thread moves at a time.
  static constexpr int kUnitRows = kAlongDepth ? 1 : kWidth;
  static constexpr int kUnitDepth = kAlongDepth && kWidth > kPair ? kWidth : kPair;
  static constexpr int kPerLine = kAlongDepth ? kDepth / kUnitDepth : kRows / kUnitRows;
  static constexpr int kUnits = kRows * kDepth / (kUnitRows * kUnitDepth * kThreads);
  static constexpr int kStep = kThreads / kPerLine;  // from one unit of a thread to its next one, across the lines
  static_assert(kThreads % kPerLine == 0 && kUnits * kUnitRows * kUnitDepth * kThreads == kRows * kDepth);

 public:
  __device__ __forceinline__ Stage(const Source& source, int64_t first_row)
      : source_(source),
        row_((kAlongDepth ? thread() / kPerLine : thread() % kPerLine) * kUnitRows),
        depth_((kAlongDepth ? thread() % kPerLine : thread() / kPerLine) * kUnitDepth) {
#pragma unroll
    for (int i = 0; i < kOuters; ++i) outer_[i] = source_.outer(first_row + row_ + i * kStep);
  }

  // Starts the loads of depth [k, k + kDepth).
  __device__ __forceinline__ void fetch(int k, Word*) {
    if constexpr (kAlongDepth) {
      constexpr int kLoads = kUnitDepth / kWidth;
#pragma unroll
      for (int d = 0; d < kLoads; ++d) {
        const auto inner = source_.inner(k + depth_ + d);
#pragma unroll
        for (int i = 0; i < kUnits; ++i) load(outer_[i], inner, values_[i] + d * kWidth);
      }
    } else {
#pragma unroll
      for (int i = 0; i < kUnits; ++i) {
#pragma unroll
        for (int d = 0; d < kUnitDepth; ++d) {
          load(outer_[0], source_.inner(k + depth_ + i * kStep * kUnitDepth + d), values_[i] + d * kWidth);
        }
      }
    }
  }

  // Puts what was loaded into `tile`.
  __device__ __forceinline__ void place(Word* tile) {
#pragma unroll
    for (int i = 0; i < kUnits; ++i) {
      const int row = row_ + (kAlongDepth ? i * kStep : 0);
      const int depth = (depth_ + (kAlongDepth ? 0 : i * kStep * kUnitDepth)) / kPair;
      Word* to = tile + row * Layout::outer_stride + depth * Layout::depth_stride;
      constexpr int kCount = kUnitRows * kUnitDepth / kPair;
      constexpr int kStride = kAlongDepth ? Layout::depth_stride : Layout::outer_stride;
      Pack<Word, kCount> words;
#pragma unroll
      for (int w = 0; w < kCount; ++w) words.values[w] = make_word(values_[i], w);
      if constexpr (kStride == 1) {
        *reinterpret_cast<Pack<Word, kCount>*>(to) = words;
      } else {
#pragma unroll
        for (int w = 0; w < kCount; ++w) to[w * kStride] = words.values[w];
      }
    }
  }

 private:
  static constexpr int kOuters = kAlongDepth ? kUnits : 1;

  static __device__ __forceinline__ int thread() { return static_cast<int>(threadIdx.x); }

  // A unit along i holds kPair lines of depth, one behind the other.
  static __device__ __forceinline__ Word make_word(const T* values, int w) {
    if constexpr (kAlongDepth) {
      return Words::word(values + w * kPair);
    } else {
      const T pair[2] = {values[w], values[kWidth + w]};
      return Words::word(pair);
    }
  }

  template <class Outer, class Inner>
  __device__ __forceinline__ void load(const Outer& outer, const Inner& inner, T* to) const {
    Pack<T, kWidth> pack{};
    if (source_.holds(outer, inner)) pack = *reinterpret_cast<const Pack<T, kWidth>*>(source_.at(outer, inner));
#pragma unroll
    for (int i = 0; i < kWidth; ++i) to[i] = pack.values[i];
  }

  const Source source_;
  const int row_, depth_;
  std::remove_const_t<decltype(std::declval<const Source&>().outer(0))> outer_[kOuters];
  T values_[kUnits][kUnitRows * kUnitDepth];
};

}  // namespace pyneural::cuda
