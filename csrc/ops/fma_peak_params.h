#pragma once

#include <stdint.h>

namespace pyneural {

struct FmaPeakParams {
  int64_t rounds;  // fma_peak does kFmaPeakChains * rounds vector operations
};

// Enough independent chains to hide the latency of any FMA unit, few enough for 16 registers.
constexpr int64_t kFmaPeakChains = 12;

}  // namespace pyneural
