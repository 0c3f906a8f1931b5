// The op `transpose`: tiles of four-byte elements are turned in registers, the rest is portable.
#include "cpu/transpose.h"

#include "cpu/lanes.h"
#include "cpu/portable/strided_copy.h"
#include "ops/shape_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

PN_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

void transpose_tile(void* to, int64_t to_stride, const void* from, int64_t from_stride, int64_t rows, int64_t columns) {
  constexpr int L = kLanes<float>;
  float* y = static_cast<float*>(to);
  const float* x = static_cast<const float*>(from);
  for (int64_t c = 0; c < columns; c += L) {
    const int width = static_cast<int>(smaller(L, columns - c));
    for (int64_t r = 0; r < rows; r += L) {
      const int height = static_cast<int>(smaller(L, rows - r));
      const float* block_from = x + r * from_stride + c;
      float* block_to = y + c * to_stride + r;
      Vec<float> block[L];
      if (width == L && height == L) {
        for (int i = 0; i < L; ++i) block[i] = load(block_from + i * from_stride);
        transpose_lanes(block);
        for (int i = 0; i < L; ++i) store(block_to + i * to_stride, block[i]);
      } else {
        for (int i = 0; i < L; ++i) {
          block[i] = i < height ? load_first(block_from + i * from_stride, width) : Vec<float>{};
        }
        transpose_lanes(block);
        for (int i = 0; i < width; ++i) store_first(block_to + i * to_stride, block[i], height);
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
  portable::strided_copy(y.data, x.data, copy, dtype_size(x.dtype), transpose_tile);
}

}  // namespace

PN_KERNELS(transpose, {"transpose", transpose, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
