// Warp functions: a lane leaves its operand, waits until every lane of the mask has, and takes its result.
#pragma once

#include <cstdint>
#include <cstring>

#include "emulation/thread.h"

namespace emulation {

constexpr uint32_t kFullWarp = 0xFFFFFFFFu;

enum class WarpOp : unsigned char { sync, shuffle, ballot, match_any, match_all, ldmatrix, mma_tf32, mma_bf16 };

struct Shuffle {
  uint64_t value;
  int source;  // the lane to read from
};

int lane_index();
uint64_t shuffle(uint32_t mask, Shuffle operand, Site site);
uint32_t ballot(uint32_t mask, bool predicate, Site site);
uint32_t match_any(uint32_t mask, uint64_t value, Site site);
uint32_t match_all(uint32_t mask, uint64_t value, Site site);
void sync_warp(uint32_t mask, Site site);
uint32_t active_mask();

template <class T>
T shuffle_value(uint32_t mask, T value, int source, Site site) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 2, "shuffles move 2, 4 or 8 bytes");
  Shuffle operand{0, source};
  std::memcpy(&operand.value, &value, sizeof(T));
  const uint64_t result = shuffle(mask, operand, site);
  std::memcpy(&value, &result, sizeof(T));
  return value;
}

template <class T>
uint64_t match_bits(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}

}  // namespace emulation

template <class T>
T __shfl_sync(uint32_t mask, T value, int source, int width = warpSize, EMULATION_SITE) {
  const int lane = emulation::lane_index();
  const int first = lane & ~(width - 1);
  return emulation::shuffle_value(mask, value, first + (source & (width - 1)), {file, line});
}
template <class T>
T __shfl_up_sync(uint32_t mask, T value, unsigned delta, int width = warpSize, EMULATION_SITE) {
  const int lane = emulation::lane_index();
  const int source = lane - static_cast<int>(delta);
  return emulation::shuffle_value(mask, value, source < (lane & ~(width - 1)) ? lane : source, {file, line});
}
template <class T>
T __shfl_down_sync(uint32_t mask, T value, unsigned delta, int width = warpSize, EMULATION_SITE) {
  const int lane = emulation::lane_index();
  const int source = lane + static_cast<int>(delta);
  return emulation::shuffle_value(mask, value, source > (lane | (width - 1)) ? lane : source, {file, line});
}
template <class T>
T __shfl_xor_sync(uint32_t mask, T value, int lane_mask, int width = warpSize, EMULATION_SITE) {
  const int lane = emulation::lane_index();
  const int source = lane ^ lane_mask;
  return emulation::shuffle_value(mask, value, source > (lane | (width - 1)) ? lane : source, {file, line});
}

inline uint32_t __ballot_sync(uint32_t mask, int predicate, EMULATION_SITE) {
  return emulation::ballot(mask, predicate != 0, {file, line});
}
inline int __any_sync(uint32_t mask, int predicate, EMULATION_SITE) {
  return emulation::ballot(mask, predicate != 0, {file, line}) != 0;
}
inline int __all_sync(uint32_t mask, int predicate, EMULATION_SITE) {
  return emulation::ballot(mask, predicate != 0, {file, line}) == mask;
}
// The lanes that have not exited: on a device it may be fewer, so nothing may depend on it being more.
inline uint32_t __activemask() { return emulation::active_mask(); }

template <class T>
uint32_t __match_any_sync(uint32_t mask, T value, EMULATION_SITE) {
  return emulation::match_any(mask, emulation::match_bits(value), {file, line});
}
template <class T>
uint32_t __match_all_sync(uint32_t mask, T value, int* same, EMULATION_SITE) {
  const uint32_t result = emulation::match_all(mask, emulation::match_bits(value), {file, line});
  *same = result != 0;
  return result;
}

inline void __syncwarp(uint32_t mask = emulation::kFullWarp, EMULATION_SITE) {
  emulation::sync_warp(mask, {file, line});
}
