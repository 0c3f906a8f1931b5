#pragma once

#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Computes an address where it is used. Left alone, GCC keeps a register for each sum of an offset and a distance that
// a loop uses, or reads what lies there long before: more than there are registers.
template <class T>
PN_INLINE T* address_here(T* p) {
#if defined(__x86_64__) || defined(__aarch64__)
  asm("" : "+r"(p));
#endif
  return p;
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
