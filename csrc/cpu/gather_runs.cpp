#include "cpu/gather_runs.h"

#include "cpu/gemm.h"
#include "cpu/in_register.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

using VecF = Vec<float>;

// Rows of a tile: of these, the number that computes the fewest again at the end of a width.
constexpr int kTiles[] = {16, 14, 12};
static_assert(kTiles[2] == kLeastRowOfRuns);

// Rows of one width, which begin at a and c.
template <int Length, int Step, int Rows>
PN_INLINE void tile(const GatherRuns& p, const float* a, float* c) {
  const int columns = static_cast<int>(p.columns);
  const VecF start = p.bias ? load_first(p.bias, columns) : VecF{};
  VecF acc[Rows];
#pragma GCC unroll 16
  for (int m = 0; m < Rows; ++m) acc[m] = start;
  const float* b = p.b;
  const int64_t* offset = p.run_offset;
  for (int64_t run = p.runs; run > 0; --run, offset += Length, b += Length * kLanes<float>) {
    const float* const from = a + *offset;
    VecF weight[Length];
#pragma GCC unroll 16
    for (int k = 0; k < Length; ++k) weight[k] = in_register(load(b + k * kLanes<float>));
    constexpr int elements = (Rows - 1) * Step + Length;
#pragma GCC unroll 64
    for (int i = 0; i < elements; ++i) {
      const VecF x = in_register(broadcast(from[i]));
#pragma GCC unroll 16
      for (int k = 0; k < Length; ++k) {
        const int distance = i - k, m = distance / Step;
        if (distance >= 0 && distance % Step == 0 && m < Rows) acc[m] = fma(x, weight[k], acc[m]);
      }
    }
  }
  if (p.activation == Activation::relu) {
#pragma GCC unroll 16
    for (int m = 0; m < Rows; ++m) acc[m] = vmax(VecF{}, acc[m]);
  }
#pragma GCC unroll 16
  for (int m = 0; m < Rows; ++m) {
    if (columns == kLanes<float>) {
      store(c + m * p.c_step, acc[m]);
    } else {
      store_first(c + m * p.c_step, acc[m], columns);
    }
  }
}

template <int Length, int Step, int Rows>
__attribute__((noinline)) void all_tiles(const GatherRuns& product) {
  const GatherRuns p = product;  // a copy that stores to C cannot change
  for (int64_t i = 0; i < p.rows; ++i) {
    const float* const a = p.a + p.row_offset[i * p.width];
    float* const c = p.c + p.c_offset[i * p.width];
    for (int64_t j = 0; j < p.width; j += Rows) {
      const int64_t at = j + Rows <= p.width ? j : p.width - Rows;
      tile<Length, Step, Rows>(p, a + at * Step, c + at * p.c_step);
    }
  }
}

PN_INLINE int64_t computed(int64_t width, int rows) { return (width + rows - 1) / rows * rows; }

template <int Length, int Step>
PN_INLINE void choose_rows(const GatherRuns& p) {
  int best = 0;
  for (const int rows : kTiles) {
    if (rows <= p.width && (best == 0 || computed(p.width, rows) < computed(p.width, best))) best = rows;
  }
  if (best == kTiles[0]) return all_tiles<Length, Step, kTiles[0]>(p);
  if (best == kTiles[1]) return all_tiles<Length, Step, kTiles[1]>(p);
  all_tiles<Length, Step, kTiles[2]>(p);
}

PN_INLINE void choose_run(const GatherRuns& p) {
#if PN_VECTOR_REGISTERS == 32
  if (p.length == 9) {
    choose_rows<9, 3>(p);
  } else if (p.length == 15) {
    choose_rows<15, 3>(p);
  } else {
    choose_rows<5, 1>(p);
  }
#endif
  if (p.activation == Activation::linear || p.activation == Activation::relu) return;
  for (int64_t i = 0; i < p.rows; ++i) {
    apply_epilogue(p.width, p.columns, p.c + p.c_offset[i * p.width], p.c_step, nullptr, p.activation);
  }
}

}  // namespace

void gather_runs(const GatherRuns& product) { choose_run(product); }

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
