// Stores that go past the caches: a line that is written as a whole need not be read from memory first, which is a
// third of the traffic of a copy. They pay for arrays that no cache could keep until they are read.
#pragma once

#include "core/cache_size.h"
#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// p: aligned to a vector.
PN_INLINE void store_past_caches(float* p, Vec<float> v) {
#if defined(__AVX512F__)
  _mm512_stream_ps(p, (__m512)v);
#elif defined(__AVX2__)
  _mm256_stream_ps(p, (__m256)v);
#elif defined(__x86_64__)
  _mm_stream_ps(p, (__m128)v);
#else
  store(p, v);
#endif
}

// Before other threads may read what was stored past the caches.
PN_INLINE void finish_past_caches() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

// Copies from a buffer in the cache; lines that are written in part go the usual way. `ahead` is what will be
// read next, as many bytes: stores that wait for memory hold up the loads behind them.
PN_INLINE void copy_past_caches(char* to, const char* from, int64_t bytes, const char* ahead) {
  constexpr int64_t kLine = 64;
  const int64_t odd = -reinterpret_cast<intptr_t>(to) & (kLine - 1);
  const int64_t head = odd < bytes ? odd : bytes;
  const int64_t end = head + (bytes - head) / kLine * kLine;
  __builtin_memcpy(to, from, head);
  for (int64_t line = head; line < end; line += kLine) {
    __builtin_prefetch(ahead + line);
    for (int64_t i = line; i < line + kLine; i += PN_VECTOR_BYTES) {
      store_past_caches(reinterpret_cast<float*>(to + i), load(reinterpret_cast<const float*>(from + i)));
    }
  }
  __builtin_memcpy(to + end, from + end, bytes - end);
}
PN_INLINE void prefetch_lines(const char* from, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(from + i);
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
