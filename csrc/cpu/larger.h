#pragma once

#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// The larger of two; a NaN in either operand wins.
template <class V>
PN_INLINE V larger(V x, V y) {
  return (x > y) | (x != x) ? x : y;
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
