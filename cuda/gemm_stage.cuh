// The way of an operand of a matrix product from memory to a tile in shared memory.
//
// An operand is a "source": it knows where the element (i, k) is, with i a row of the left or a column of the right
// operand and k the depth. What it works out for an i and for a k is kept apart: either stays the same for many loads.
//   auto outer(int64_t i), auto inner(int k), const T* at(outer, inner): nullptr where the element is zero.
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
  int64_t outer_count;
  int inner_count;

  __device__ __forceinline__ const T* outer(int64_t i) const {
    return i < outer_count ? data + i * outer_stride : nullptr;
  }
  __device__ __forceinline__ int64_t inner(int k) const { return k < inner_count ? k * inner_stride : -1; }
  __device__ __forceinline__ const T* at(const T* outer, int64_t inner) const {
    return outer && inner >= 0 ? outer + inner : nullptr;
  }
};

// How numbers lie in a tile: as they are, rounded to TF32, or as pairs of BF16 that are neighbours in depth.
template <class T>
struct PlainWords {
  using Word = T;
  static constexpr int kPair = 1;
  static __device__ __forceinline__ T word(const T* values) { return values[0]; }
};
struct Tf32Words {
  using Word = uint32_t;
  static constexpr int kPair = 1;
  static __device__ __forceinline__ uint32_t word(const float* values) { return to_tf32(values[0]); }
};
struct Bf16Words {
  using Word = uint32_t;
  static constexpr int kPair = 2;
  static __device__ __forceinline__ uint32_t word(const float* values) { return pack_bf16(values[0], values[1]); }
};

// Where the word (i, depth) of a tile lies in shared memory: strides that keep all lanes in banks of their own.
template <int kOuterStride, int kDepthStride, int kWords>
struct TileLayout {
  static constexpr int outer_stride = kOuterStride, depth_stride = kDepthStride, words = kWords;
};

// kRows x kDepth elements of a source. kAlongDepth: neighbours in memory are neighbours in depth, else in i. kWidth of
// them are loaded at once, 1 or 4. Words go to the tile as Layout says.
template <class T, class Words, class Source, class Layout, int kRows, int kDepth, int kThreads, bool kAlongDepth,
          int kWidth>
class Stage {
  using Word = typename Words::Word;
  static constexpr int kPair = Words::kPair;
  // A unit is what a thread moves at a time.
  static constexpr int kUnitRows = kAlongDepth ? 1 : kWidth;
  static constexpr int kUnitDepth = kAlongDepth && kWidth > kPair ? kWidth : kPair;
  static constexpr int kPerLine = kAlongDepth ? kDepth / kUnitDepth : kRows / kUnitRows;
  static constexpr int kUnits = kRows * kDepth / (kUnitRows * kUnitDepth * kThreads);
  static constexpr int kStep = kThreads / kPerLine;  // from one unit of a thread to its next one, across the lines
  static_assert(kThreads % kPerLine == 0 && kUnits * kUnitRows * kUnitDepth * kThreads == kRows * kDepth);

 public:
  // Bytes go from memory to shared memory past the registers where nothing needs to be done to them.
  static constexpr bool kAsync =
      std::is_same_v<Word, T> && !kAlongDepth && kWidth == 4 && sizeof(T) == 4 && Layout::outer_stride == 1;

  __device__ __forceinline__ Stage(const Source& source, int64_t first_row)
      : source_(source),
        row_((kAlongDepth ? thread() / kPerLine : thread() % kPerLine) * kUnitRows),
        depth_((kAlongDepth ? thread() % kPerLine : thread() / kPerLine) * kUnitDepth) {
#pragma unroll
    for (int i = 0; i < kOuters; ++i) outer_[i] = source_.outer(first_row + row_ + i * kStep);
  }

  // Starts the loads of depth [k, k + kDepth) for `tile`.
  __device__ __forceinline__ void fetch(int k, Word* tile) {
    if constexpr (kAlongDepth) {
      constexpr int kLoads = kUnitDepth / kWidth;
#pragma unroll
      for (int d = 0; d < kLoads; ++d) {
        const auto inner = source_.inner(k + depth_ + d);
#pragma unroll
        for (int i = 0; i < kUnits; ++i) load(source_.at(outer_[i], inner), values_[i] + d * kWidth);
      }
    } else {
#pragma unroll
      for (int i = 0; i < kUnits; ++i) {
#pragma unroll
        for (int d = 0; d < kUnitDepth; ++d) {
          const int depth = depth_ + i * kStep * kUnitDepth + d;
          const T* from = source_.at(outer_[0], source_.inner(k + depth));
          if constexpr (kAsync) {
            copy_async<16>(tile + depth * Layout::depth_stride + row_, from ? from : source_.data, from ? 16 : 0);
          } else {
            load(from, values_[i] + d * kWidth);
          }
        }
      }
    }
  }

  // Puts what was loaded into `tile`.
  __device__ __forceinline__ void place(Word* tile) {
    if constexpr (!kAsync) {
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
  }

 private:
  static constexpr int kOuters = kAlongDepth ? kUnits : 1;

  static __device__ __forceinline__ int thread() { return static_cast<int>(threadIdx.x); }

  // A unit along i holds kPair lines of depth, one behind the other.
  static __device__ __forceinline__ Word make_word(const T* values, int w) {
    if constexpr (kAlongDepth || kPair == 1) {
      return Words::word(values + w * kPair);
    } else {
      const T pair[2] = {values[w], values[kWidth + w]};
      return Words::word(pair);
    }
  }

  static __device__ __forceinline__ void load(const T* from, T* to) {
    Pack<T, kWidth> pack{};
    if (from) pack = *reinterpret_cast<const Pack<T, kWidth>*>(from);
#pragma unroll
    for (int i = 0; i < kWidth; ++i) to[i] = pack.values[i];
  }

  const Source source_;
  const int row_, depth_;
  std::remove_const_t<decltype(std::declval<const Source&>().outer(0))> outer_[kOuters];
  T values_[kUnits][kUnitRows * kUnitDepth];
};

}  // namespace pyneural::cuda
