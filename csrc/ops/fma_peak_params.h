#pragma once

#include <stdint.h>

namespace pyneural {

// What multiplies: ordinary arithmetic, or a GPU's tensor cores on inputs of that type.
enum class FmaUnit : int32_t { float32, tf32, bf16 };

struct FmaPeakParams {
  int64_t rounds;                   // a thread of a CPU does kFmaPeakChains * rounds vector operations
  FmaUnit unit = FmaUnit::float32;  // of a GPU
  int64_t blocks = 0;               // of a GPU
};

// Enough independent chains to hide the latency of any FMA unit, few enough for 16 registers.
constexpr int64_t kFmaPeakChains = 12;

}  // namespace pyneural
