#pragma once

#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Keeps a value that several sums need in a register. Left alone, GCC loads it again for each of them, and such a loop
// then runs at the speed of its loads.
template <class V>
PN_INLINE V in_register(V v) {
#if defined(__x86_64__)
  asm("" : "+v"(v));
#elif defined(__aarch64__)
  asm("" : "+w"(v));
#endif
  return v;
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
