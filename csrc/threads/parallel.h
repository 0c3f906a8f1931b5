// Fork-join over independent chunks. Kernel sources include this file: no std:: here.
#pragma once

#include "core/dtype.h"

namespace pyneural {

// Runs body(context, chunk, scratch) for every chunk in [0, chunks), on at most max_threads threads, the caller
// included. Which thread runs a chunk is not defined: results must not depend on it. `scratch` is scratch_bytes of
// 64-byte aligned memory of the running thread, contents undefined.
void run_chunks(int64_t chunks, int max_threads, size_t scratch_bytes,
                void (*body)(void* context, int64_t chunk, void* scratch), void* context);

// How many threads the work pays for: 1 up to the configured number. A thread needs about half a Mflop, or 256 KB to
// move.
int threads_for(double flops, double bytes);

// fn(chunk, scratch) for every chunk.
template <class Fn>
PN_INLINE void parallel_chunks(int64_t chunks, int max_threads, size_t scratch_bytes, const Fn& fn) {
  run_chunks(
      chunks, max_threads, scratch_bytes,
      [](void* context, int64_t chunk, void* scratch) { (*static_cast<const Fn*>(context))(chunk, scratch); },
      const_cast<Fn*>(&fn));
}

// fn(begin, end) over [0, count) in chunks of `grain` (fixed by the caller from the shape, never from the thread
// count).
template <class Fn>
PN_INLINE void parallel_range(int64_t count, int64_t grain, int max_threads, const Fn& fn) {
  if (count <= 0) return;
  const int64_t chunks = (count + grain - 1) / grain;
  if (chunks == 1 || max_threads == 1) {
    for (int64_t begin = 0; begin < count; begin += grain) fn(begin, begin + grain < count ? begin + grain : count);
    return;
  }
  parallel_chunks(chunks, max_threads, 0, [&](int64_t chunk, void*) {
    const int64_t begin = chunk * grain;
    fn(begin, begin + grain < count ? begin + grain : count);
  });
}

}  // namespace pyneural
