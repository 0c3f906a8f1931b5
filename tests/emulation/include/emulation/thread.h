// What a thread of a block knows of itself, and the barriers of its block.
#pragma once

#include "emulation/vector_types.h"

// Set whenever a fiber gets the processor. Initial-exec: read in every kernel, one instruction instead of a call.
#define EMULATION_TLS __attribute__((tls_model("initial-exec")))
extern __thread uint3 threadIdx EMULATION_TLS;
extern __thread uint3 blockIdx EMULATION_TLS;
extern __thread dim3 blockDim EMULATION_TLS;
extern __thread dim3 gridDim EMULATION_TLS;

constexpr int warpSize = 32;

namespace emulation {

// Where in the source a barrier or a warp function was called.
struct Site {
  const char* file;
  int line;
};

enum class Barrier : unsigned char { plain, count, all, any };

// Waits until all threads of the block are here; the number of them whose predicate holds.
int sync_block(Barrier kind, bool predicate, Site site);
void fence();
[[noreturn]] void trap(const char* what, Site site);

}  // namespace emulation

#define EMULATION_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(EMULATION_SITE) { emulation::sync_block(emulation::Barrier::plain, false, {file, line}); }
inline int __syncthreads_count(int predicate, EMULATION_SITE) {
  return emulation::sync_block(emulation::Barrier::count, predicate != 0, {file, line});
}
inline int __syncthreads_and(int predicate, EMULATION_SITE) {
  return emulation::sync_block(emulation::Barrier::all, predicate == 0, {file, line}) == 0;
}
inline int __syncthreads_or(int predicate, EMULATION_SITE) {
  return emulation::sync_block(emulation::Barrier::any, predicate != 0, {file, line}) != 0;
}

inline void __threadfence() { emulation::fence(); }
inline void __threadfence_system() { emulation::fence(); }
inline void __threadfence_block() {}
[[noreturn]] inline void __trap(EMULATION_SITE) { emulation::trap("__trap()", {file, line}); }
