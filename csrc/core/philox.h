// Philox4x32-10: random numbers as a function of (key, counter). Salmon, Moraes, Dror, Shaw, "Parallel random numbers:
// as easy as 1, 2, 3", SC 2011. Plain data: kernels of every device include this file.
//
// A draw has a state {seed, counter}. Its element i takes word (i % 64) / 16 of block 16 * (i / 64) + i % 16, so that
// 16 blocks, the widest vector, fill 64 elements in order; narrower vectors and GPUs follow the same map.
#pragma once

#include "core/dtype.h"

namespace pyneural {

constexpr uint32_t kPhiloxMultiplier0 = 0xD2511F53, kPhiloxMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kPhiloxWeyl0 = 0x9E3779B9, kPhiloxWeyl1 = 0xBB67AE85;
constexpr int kPhiloxRounds = 10;
constexpr int kPhiloxGroup = 64;   // elements that one group of blocks fills
constexpr int kPhiloxBlocks = 16;  // blocks of a group

// counter becomes the four random words of its block.
PN_INLINE void philox(uint32_t counter[4], uint32_t key0, uint32_t key1) {
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t product0 = static_cast<uint64_t>(counter[0]) * kPhiloxMultiplier0;
    const uint64_t product1 = static_cast<uint64_t>(counter[2]) * kPhiloxMultiplier1;
    counter[0] = static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key0;
    counter[1] = static_cast<uint32_t>(product1);
    counter[2] = static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key1;
    counter[3] = static_cast<uint32_t>(product0);
    key0 += kPhiloxWeyl0;
    key1 += kPhiloxWeyl1;
  }
}

// The four words of a block of a draw.
PN_INLINE void philox_block(const int64_t state[2], uint64_t block, uint32_t words[4]) {
  const uint64_t seed = static_cast<uint64_t>(state[0]), draw = static_cast<uint64_t>(state[1]);
  words[0] = static_cast<uint32_t>(block);
  words[1] = static_cast<uint32_t>(block >> 32);
  words[2] = static_cast<uint32_t>(draw);
  words[3] = static_cast<uint32_t>(draw >> 32);
  philox(words, static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
}

}  // namespace pyneural
