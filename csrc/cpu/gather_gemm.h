// Matrix product whose left operand is gathered: C[m, n] (+)= sum over k of a[row_offset[m] + depth_offset[k]] * b[k,
// n]. With the offsets of pixels and of (tap, channel) pairs this is a convolution without im2col; with the two
// exchanged it is the gradient of the kernel.
#pragma once

#include "cpu/vec.h"
#include "ops/activation_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {

// Columns of C that one register tile covers. Four vectors of 16 floats need 6 x 4 accumulators of 32 registers.
template <class T>
constexpr int64_t kGatherPanel = (PN_VECTOR_REGISTERS == 32 ? 4 : 2) * (PN_VECTOR_BYTES / sizeof(T));

// Tiles for the last rows of a matrix hold a multiple of this many.
constexpr int64_t kGatherRowStep = 3;

struct DepthRange {
  int64_t begin, end;
};

template <class T>
struct GatherProduct {
  const T* a;
  const int64_t* row_offset;  // [rows]
  int64_t rows;
  const int64_t* depth_offset;  // [depth]
  const DepthRange* ranges;     // the parts of the depth that are summed, in this order
  int64_t range_count;
  const T* b;  // [depth, ldb]: readable up to `columns` rounded up to whole vectors
  int64_t ldb;
  int64_t columns;  // 1 .. kGatherPanel
  T* c;
  const int64_t* c_offset;  // [rows]
  const T* bias;            // [columns] or nullptr; not read if C holds a partial sum
  Activation activation;
  bool accumulate;       // C holds a partial sum
  int64_t fetched = 0;   // the last so many elements that a row of a reads are asked for a tile ahead
  bool fetch_c = false;  // so is C, where a tile has too few products to wait for it
};

void gather_product(const GatherProduct<float>& product);
void gather_product(const GatherProduct<double>& product);

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
