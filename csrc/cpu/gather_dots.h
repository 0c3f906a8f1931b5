// The gathered matrix product for a few columns: vectors run along the depth, where a tile that is one vector wide
// would leave most lanes empty.
#pragma once

#include "cpu/vec.h"
#include "ops/activation_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {

constexpr int64_t kMostDots = 4;

// C[m, n] = activation(bias[n] + sum over runs r and i < length of a[row_offset[m] + run_offset[r] + i] * b[n, r, i]).
template <class T>
struct GatherDots {
  const T* a;
  const int64_t* row_offset;  // [rows]
  int64_t rows;
  const int64_t* run_offset;  // [runs]
  int64_t runs;
  int64_t length;   // of a run
  const T* b;       // [columns, runs, length]
  int64_t columns;  // 1 .. kMostDots
  T* c;
  const int64_t* c_offset;  // [rows]
  const T* bias;            // [columns] or nullptr
  Activation activation;
  bool accumulate = false;  // C holds a partial sum
};

// C[n, v, lane] (+)= sum over k of a[depth_offset[k] + vector_offset[v] + lane] * b[k, n].
template <class T>
struct GatherOuter {
  const T* a;
  const int64_t* vector_offset;  // [vectors]
  int64_t vectors;
  const int64_t* depth_offset;  // [depth]
  int64_t depth;
  const T* b;  // [depth, ldb]
  int64_t ldb;
  int64_t columns;  // 1 .. kMostDots
  T* c;             // [columns, vectors * lanes]
  bool accumulate;
};

void gather_dots(const GatherDots<float>& dots);
void gather_dots(const GatherDots<double>& dots);
void gather_outer(const GatherOuter<float>& outer);
void gather_outer(const GatherOuter<double>& outer);

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
