// The gathered matrix product for C of at most one vector, where neighbouring rows lie a fixed step apart and the depth
// is a few runs of neighbours: the first layer of a network for images. An element of a is loaded once for all rows
// that meet it, where a tile of gather_product would load one for each product.
#pragma once

#include "cpu/vec.h"
#include "ops/activation_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {

// C[i * width + j, n] = activation(bias[n] + sum over runs r and k < length of a[row_offset[i * width] + run_offset[r *
// length] + j * step + k] * b[r * length + k, n]).
struct GatherRuns {
  const float* a;
  const int64_t* row_offset;  // [rows, width]; only the first of each row is read
  int64_t rows, width;
  const int64_t* run_offset;  // [runs, length]; only the first of each run is read
  int64_t runs, length, step;
  const float* b;   // [runs, length, a whole vector]
  int64_t columns;  // 1 .. lanes
  float* c;
  const int64_t* c_offset;  // [rows, width]; only the first of each row is read
  int64_t c_step;           // from one row of C to the next
  const float* bias;        // [columns] or nullptr
  Activation activation;
};

// Is there a tile for runs of this kind? A run of weights and the sums of a tile fill the registers.
constexpr int64_t kLeastRowOfRuns = 12;
constexpr bool gathers_runs(int64_t length, int64_t step, int64_t width) {
  const bool known = (length == 9 && step == 3) || (length == 15 && step == 3) || (length == 5 && step == 1);
  return PN_VECTOR_REGISTERS == 32 && known && width >= kLeastRowOfRuns;
}

void gather_runs(const GatherRuns& product);

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
