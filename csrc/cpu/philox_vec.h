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

PN_INLINE Vec64 exclusive_or(Vec64 a, Vec64 b, Vec64 c) {
#if defined(__AVX512F__)
  constexpr int kParity = 0x96;  // the truth table of a ^ b ^ c
  return (Vec64)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, kParity);
#else
  return a ^ b ^ c;
#endif
}

PN_INLINE Vec64 upper_halves(Vec64 v) {
#if defined(__AVX512F__)
  return (Vec64)_mm512_maskz_shuffle_epi32(0xffff, (__m512i)v, _MM_PERM_DDBB);  // twice as fast as a shift on Zen 5
#else
  return v >> 32;
#endif
}

// The lower halves of both, those of `odd` in the upper halves.
PN_INLINE Vec64 interleave_lower_halves(Vec64 even, Vec64 odd) {
#if defined(__AVX512F__)
  return (Vec64)_mm512_mask_shuffle_epi32((__m512i)even, 0xaaaa, (__m512i)odd, _MM_PERM_CCAA);
#else
  return (even & 0xffffffffu) | (odd << 32);
#endif
}

// One block per 64-bit lane, each word in the low half of its lane: what a round leaves in the high halves is never
// read, and saves the masks.
struct PhiloxLanes {
  Vec64 word[4];

  PN_INLINE void advance(PhiloxLanes& lanes, uint64_t key0, uint64_t key1) {
    const Vec64 product0 = multiply_low_halves(lanes.word[0], broadcast<uint64_t>(kPhiloxMultiplier0));
    const Vec64 product1 = multiply_low_halves(lanes.word[2], broadcast<uint64_t>(kPhiloxMultiplier1));
    lanes.word[0] = exclusive_or(upper_halves(product1), lanes.word[1], broadcast(key0));
    lanes.word[2] = exclusive_or(upper_halves(product0), lanes.word[3], broadcast(key1));
    lanes.word[1] = product1;
    lanes.word[3] = product0;
  }
};

// How many groups are drawn side by side: two chains of operations each, which keep the multipliers busy.
constexpr int kGroupsAtATime = PN_VECTOR_REGISTERS / 16;

// words[i] is the word of element group * 64 + i, for kGroupsAtATime groups.
PN_INLINE void philox_groups(const int64_t* state, uint64_t group, uint32_t* words) {
  constexpr int V = kLanes<uint32_t>, N = kGroupsAtATime;
  const uint64_t seed = static_cast<uint64_t>(state[0]), draw = static_cast<uint64_t>(state[1]);
  uint64_t lane_numbers[V / 2];
  for (int i = 0; i < V / 2; ++i) lane_numbers[i] = 2 * i;
  for (int part = 0; part < kPhiloxBlocks; part += V) {
    // Even and odd blocks side by side: their words interleave into one vector in the order of elements.
    PhiloxLanes even[N], odd[N];
    for (int g = 0; g < N; ++g) {
      const Vec64 block = load(lane_numbers) + ((group + g) * kPhiloxBlocks + part);
      even[g].word[0] = block;
      odd[g].word[0] = block + 1;
      even[g].word[1] = odd[g].word[1] = block >> 32;  // block is even: adding one does not carry
      even[g].word[2] = odd[g].word[2] = broadcast<uint64_t>(draw);
      even[g].word[3] = odd[g].word[3] = broadcast<uint64_t>(draw >> 32);
    }
    uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < kPhiloxRounds; ++round) {
      for (int g = 0; g < N; ++g) {
        PhiloxLanes::advance(even[g], key0, key1);
        PhiloxLanes::advance(odd[g], key0, key1);
      }
      key0 += kPhiloxWeyl0;
      key1 += kPhiloxWeyl1;
    }
    for (int g = 0; g < N; ++g) {
      for (int w = 0; w < 4; ++w) {
        store(words + g * kPhiloxGroup + w * kPhiloxBlocks + part,
              interleave_lower_halves(even[g].word[w], odd[g].word[w]));
      }
    }
  }
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
