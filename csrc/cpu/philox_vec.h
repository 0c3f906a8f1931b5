// Philox on vectors: the words of whole groups of core/philox.h.
#pragma once

#include "core/philox.h"
#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

using Vec64 = Vec<uint64_t>;

// The product of the low halves of the 64-bit lanes; the high halves may hold anything.
PN_INLINE Vec64 multiply_low_halves(Vec64 a, Vec64 b) {
#if defined(__AVX512F__)
  return (Vec64)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
  return (Vec64)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__x86_64__)
  return (Vec64)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
  return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

// One block per 64-bit lane, each word in the low half of its lane: what a round leaves in the high halves is never
// read, and saves the masks.
struct PhiloxLanes {
  Vec64 word[4];

  PN_INLINE void advance(PhiloxLanes& lanes, uint64_t key0, uint64_t key1) {
    const Vec64 product0 = multiply_low_halves(lanes.word[0], broadcast<uint64_t>(kPhiloxMultiplier0));
    const Vec64 product1 = multiply_low_halves(lanes.word[2], broadcast<uint64_t>(kPhiloxMultiplier1));
    lanes.word[0] = (product1 >> 32) ^ lanes.word[1] ^ key0;
    lanes.word[2] = (product0 >> 32) ^ lanes.word[3] ^ key1;
    lanes.word[1] = product1;
    lanes.word[3] = product0;
  }
};

// words[i] is the word of element group * 64 + i.
PN_INLINE void philox_group(const int64_t* state, uint64_t group, uint32_t* words) {
  constexpr int V = kLanes<uint32_t>;
  const uint64_t seed = static_cast<uint64_t>(state[0]), draw = static_cast<uint64_t>(state[1]);
  uint64_t lane_numbers[V / 2];
  for (int i = 0; i < V / 2; ++i) lane_numbers[i] = 2 * i;
  for (int part = 0; part < kPhiloxBlocks; part += V) {
    // Even and odd blocks side by side: their words interleave into one vector in the order of elements.
    PhiloxLanes even, odd;
    const Vec64 block = load(lane_numbers) + (group * kPhiloxBlocks + part);
    even.word[0] = block;
    odd.word[0] = block + 1;
    even.word[1] = odd.word[1] = block >> 32;  // block is even: adding one does not carry
    even.word[2] = odd.word[2] = broadcast<uint64_t>(draw);
    even.word[3] = odd.word[3] = broadcast<uint64_t>(draw >> 32);
    uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < kPhiloxRounds; ++round) {
      PhiloxLanes::advance(even, key0, key1);
      PhiloxLanes::advance(odd, key0, key1);
      key0 += kPhiloxWeyl0;
      key1 += kPhiloxWeyl1;
    }
    for (int w = 0; w < 4; ++w) {
      store(words + w * kPhiloxBlocks + part, (even.word[w] & 0xffffffffu) | (odd.word[w] << 32));
    }
  }
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
