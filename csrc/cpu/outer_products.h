// Sums of outer products: the matrix product of a convolution's kernel gradient, where both operands are read row by
// row, pixel after pixel.
#pragma once

#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {

// Vectors of C that one register tile is wide.
constexpr int kOuterVectors = PN_VECTOR_REGISTERS == 32 ? 4 : 2;

// C[m, n] (+)= sum over k of a[a_offset[k] + m] * b[b_offset[k] + n].
template <class T>
struct OuterProducts {
  const T* a;
  const int64_t* a_offset;  // [depth]
  int64_t rows;
  const T* b;               // readable up to `columns` rounded up to whole vectors
  const int64_t* b_offset;  // [depth]
  int64_t columns;          // 1 .. kOuterVectors vectors
  int64_t depth;
  T* c;  // [rows, ldc]
  int64_t ldc;
  bool accumulate;  // C holds a partial sum
};

void add_outer_products(const OuterProducts<float>& products);
void add_outer_products(const OuterProducts<double>& products);

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
