#pragma once

#include <stdint.h>

namespace pyneural {

enum class BandwidthMode : int32_t {
  read,
  copy,       // ordinary stores: the destination passes through the caches
  streaming,  // a copy whose stores go past the caches, where the processor has such
};

struct BandwidthParams {
  BandwidthMode mode;
  int64_t passes;  // over the whole array
};

// Arrays are a multiple of this many bytes, so that the loops have no tails.
constexpr int64_t kBandwidthBlock = 1024;

}  // namespace pyneural
