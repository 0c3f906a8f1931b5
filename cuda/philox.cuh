// The random words of core/philox.h on threads: each computes a block of four words. The blocks of a half warp fill a
// group of 64 elements, in runs of 16.
#pragma once

#include "core/philox.h"
#include "cuda/kernel.h"

namespace pyneural::cuda {

constexpr int kPhiloxWords = 4;  // of a block

// The first of the elements whose words block number `block` holds, `group` elements to a group: the others follow at
// distances of kPhiloxBlocks.
__device__ __forceinline__ int64_t first_element(int64_t block, int group) {
  return block / kPhiloxBlocks * group + block % kPhiloxBlocks;
}

// fn(w, i, bits) for the elements i < size of a block, w = 0, 1, ...: one word each.
template <class Fn>
__device__ __forceinline__ void for_words(const int64_t* state, int64_t block, int64_t size, const Fn& fn) {
  const int64_t first = first_element(block, kPhiloxGroup);
  if (first >= size) return;
  uint32_t words[kPhiloxWords];
  philox_block(state, static_cast<uint64_t>(block), words);
#pragma unroll
  for (int w = 0; w < kPhiloxWords; ++w) {
    const int64_t i = first + w * kPhiloxBlocks;
    if (i < size) fn(w, i, words[w]);
  }
}

// The same for elements of 64 bits: element i of a group of 32 takes words i and 32 + i.
constexpr int kPairGroup = kPhiloxGroup / 2;
template <class Fn>
__device__ __forceinline__ void for_word_pairs(const int64_t* state, int64_t block, int64_t size, const Fn& fn) {
  const int64_t first = first_element(block, kPairGroup);
  if (first >= size) return;
  uint32_t words[kPhiloxWords];
  philox_block(state, static_cast<uint64_t>(block), words);
  constexpr int kPairs = kPhiloxWords / 2;
#pragma unroll
  for (int w = 0; w < kPairs; ++w) {
    const int64_t i = first + w * kPhiloxBlocks;
    if (i < size) fn(w, i, static_cast<uint64_t>(words[kPairs + w]) << 32 | words[w]);
  }
}

// Thread blocks for `size` elements, a Philox block for each thread.
inline unsigned grid_for_groups(int64_t size, int group) {
  return static_cast<unsigned>(ceil_div(ceil_div(size, group) * kPhiloxBlocks, kBlockThreads));
}

// bits scaled to [0, range): the high half of the product. The bias is below range / 2^64.
__device__ __forceinline__ uint64_t scale_bits(uint64_t bits, uint64_t range) { return __umul64hi(bits, range); }

}  // namespace pyneural::cuda
