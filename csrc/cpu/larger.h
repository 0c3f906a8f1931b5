#pragma once

#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// The larger of two; a NaN in either operand wins.
template <class T>
PN_INLINE Vec<T> larger(Vec<T> x, Vec<T> y) {
  return (x > y) | (x != x) ? x : y;
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
