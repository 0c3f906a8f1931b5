// The gathered matrix product for C of at most one vector: there a tile would load one element of a for each product.
// Here a vector holds two steps of the depth for half as many columns, and an element of a brings its neighbour along.
#pragma once

#include "cpu/gather_gemm.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {

// Vectors of C, and columns that the weights of a pair are filled up to.
template <class T>
constexpr int64_t pair_vectors(int64_t columns) {
  return columns > PN_VECTOR_BYTES / static_cast<int64_t>(sizeof(T)) / 2 ? 2 : 1;
}

// As gather_product, but the depth is counted in pairs: depth_offset[pair] is where two neighbours of a lie, and a row
// of b is [vector][column][2]. pairs_of_run > 0: the last pair of so many has only its first half.
void gather_pairs(const GatherProduct<float>& product, int64_t pairs_of_run);
void gather_pairs(const GatherProduct<double>& product, int64_t pairs_of_run);

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
