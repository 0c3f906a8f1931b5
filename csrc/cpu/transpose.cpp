// The op `transpose`: tiles of four-byte elements are turned in registers, the rest is portable.
#include "cpu/transpose.h"

#include "cpu/past_caches.h"
#include "cpu/portable/strided_copy.h"
#include "ops/shape_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

PN_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// A block that is not full: at most a vector of rows and columns.
void turn_edge(float* y, int64_t to_stride, const float* x, int64_t from_stride, int64_t rows, int64_t columns) {
  constexpr int L = kLanes<float>;
  Vec<float> block[L];
  for (int i = 0; i < L; ++i) {
    block[i] = i < rows ? load_first(x + i * from_stride, static_cast<int>(columns)) : Vec<float>{};
  }
  transpose_lanes(block);
  for (int64_t i = 0; i < columns; ++i) store_first(y + i * to_stride, block[i], static_cast<int>(rows));
}

// kPast: what will not be found in a cache later goes past the caches where lines are written as a whole. Such stores
// hold up loads that come late, so the rows behind the tile, which come next, are fetched meanwhile.
template <bool kPast>
void turn_tile(void* to, int64_t to_stride, const void* from, int64_t from_stride, int64_t rows, int64_t columns) {
  constexpr int64_t L = kLanes<float>, W = kTurnedColumns, kLine = 64 / sizeof(float);
  float* y = static_cast<float*>(to);
  const float* x = static_cast<const float*>(from);
  if (rows < L || columns < W) {
    for (int64_t c = 0; c < columns; c += L) {
      for (int64_t r = 0; r < rows; r += L) {
        turn_edge(y + c * to_stride + r, to_stride, x + r * from_stride + c, from_stride, smaller(L, rows - r),
                  smaller(L, columns - c));
      }
    }
    return;
  }
  const bool whole_lines = reinterpret_cast<intptr_t>(to) % 64 == 0 && to_stride % kLine == 0;
  for (int64_t next_c = 0; next_c < columns; next_c += W) {
    // The last rows and columns that fill no block are turned together with some before them, once more.
    const int64_t c = smaller(next_c, columns - W);
    for (int64_t next_r = 0; next_r < rows; next_r += L) {
      const int64_t r = smaller(next_r, rows - L);
      const bool past = kPast && whole_lines && r == next_r;
      if (past && c % kLine == 0) {
        for (int64_t i = r; i < r + L; ++i) __builtin_prefetch(x + (rows + i) * from_stride + c);
      }
      Vec<float> block[W];
      turn_columns(x + r * from_stride + c, from_stride, block);
      float* const out = y + c * to_stride + r;
      for (int i = 0; i < W; ++i) {
        past ? store_past_caches(out + i * to_stride, block[i]) : store(out + i * to_stride, block[i]);
      }
    }
  }
}

void transpose(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  const int32_t* axes = args.param<TransposeParams>().axes;
  int64_t strides[kMaxRank], from = 1, to = y.size;
  for (int i = x.rank - 1; i >= 0; --i) {
    strides[i] = from;
    from *= x.dims[i];
  }
  portable::StridedCopy copy;
  for (int i = 0; i < y.rank; ++i) {
    to /= y.dims[i] > 0 ? y.dims[i] : 1;
    copy.add(y.dims[i], strides[axes[i]], to);
  }
  const size_t item = dtype_size(x.dtype);
  const bool past = 2 * static_cast<int64_t>(item) * x.size >= last_cache_bytes();
  portable::strided_copy(y.data, x.data, copy, item,
                         past ? portable::TileFunctions{turn_tile<true>, finish_past_caches}
                              : portable::TileFunctions{turn_tile<false>, nullptr});
}

}  // namespace

PN_KERNELS(transpose, {"transpose", transpose, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
