// Philox on vectors: the words of whole groups of core/philox.h.
#pragma once

#include "core/philox.h"
#include "cpu/address.h"
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

  PN_INLINE void advance(PhiloxLanes& lanes, const uint64_t* keys) {
    const Vec64 product0 = multiply_low_halves(lanes.word[0], broadcast<uint64_t>(kPhiloxMultiplier0));
    const Vec64 product1 = multiply_low_halves(lanes.word[2], broadcast<uint64_t>(kPhiloxMultiplier1));
    lanes.word[0] = exclusive_or(upper_halves(product1), lanes.word[1], broadcast(keys[0]));
    lanes.word[2] = exclusive_or(upper_halves(product0), lanes.word[3], broadcast(keys[1]));
    lanes.word[1] = product1;
    lanes.word[3] = product0;
  }
};

// What the blocks of a draw share. The words of blocks differ in the first only, so that two products of the first two
// rounds are the same for all of them.
struct PhiloxDraw {
  uint64_t keys[kPhiloxRounds][2];
  uint64_t first_product;  // of the first round
  uint32_t draw_high;

  PN_INLINE PhiloxDraw of(const int64_t* state) {
    const uint64_t seed = static_cast<uint64_t>(state[0]), draw = static_cast<uint64_t>(state[1]);
    PhiloxDraw out;
    uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
    for (auto& keys : out.keys) {
      keys[0] = key0;
      keys[1] = key1;
      key0 += kPhiloxWeyl0;
      key1 += kPhiloxWeyl1;
    }
    out.first_product = (draw & 0xffffffffu) * kPhiloxMultiplier1;
    out.draw_high = static_cast<uint32_t>(draw >> 32);
    return out;
  }
};

// How many groups are drawn side by side: two chains of operations each, which keep the multipliers busy.
constexpr int kGroupsAtATime = PN_VECTOR_REGISTERS / 16;

// The blocks block, block + 2, ... after two rounds. `block` has the upper half of all of them.
PN_INLINE PhiloxLanes start_philox(const PhiloxDraw& draw, uint64_t block) {
  constexpr int L = kLanes<uint64_t>;
  alignas(PN_VECTOR_BYTES) uint64_t products[L];
  for (int i = 0; i < L; ++i) products[i] = uint64_t{2} * i * kPhiloxMultiplier0;
  const uint64_t first = (block & 0xffffffffu) * kPhiloxMultiplier0;
  const Vec64 product0 = load(products) + first;
  const uint64_t word0 = (draw.first_product >> 32) ^ (block >> 32) ^ draw.keys[0][0];
  const Vec64 word2 = upper_halves(product0) ^ (draw.draw_high ^ draw.keys[0][1]);
  const uint64_t same = word0 * kPhiloxMultiplier0;
  const Vec64 product1 = multiply_low_halves(word2, broadcast<uint64_t>(kPhiloxMultiplier1));
  PhiloxLanes lanes;
  lanes.word[0] = upper_halves(product1) ^ ((draw.first_product & 0xffffffffu) ^ draw.keys[1][0]);
  lanes.word[1] = product1;
  lanes.word[2] = product0 ^ ((same >> 32) ^ draw.keys[1][1]);
  lanes.word[3] = broadcast(same);
  return lanes;
}

// use(i, words of the elements i and on) for the elements of kGroupsAtATime groups, counted from the first one's.
template <class Use>
PN_INLINE void philox_groups(const PhiloxDraw& draw, uint64_t group, const Use& use) {
  constexpr int V = kLanes<uint32_t>, N = kGroupsAtATime;
  for (int part = 0; part < kPhiloxBlocks; part += V) {
    // Even and odd blocks side by side: their words interleave into one vector in the order of elements.
    PhiloxLanes even[N], odd[N];
    for (int g = 0; g < N; ++g) {
      const uint64_t block = (group + g) * kPhiloxBlocks + part;
      even[g] = start_philox(draw, block);
      odd[g] = start_philox(draw, block + 1);
    }
#pragma GCC unroll 10
    for (int round = 2; round < kPhiloxRounds; ++round) {
      const uint64_t* const keys = address_here(draw.keys[round]);  // read here, or all of them would be spilled
      for (int g = 0; g < N; ++g) {
        PhiloxLanes::advance(even[g], keys);
        PhiloxLanes::advance(odd[g], keys);
      }
    }
    for (int g = 0; g < N; ++g) {
      for (int w = 0; w < 4; ++w) {
        use(g * kPhiloxGroup + w * kPhiloxBlocks + part,
            (Vec<uint32_t>)interleave_lower_halves(even[g].word[w], odd[g].word[w]));
      }
    }
  }
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
