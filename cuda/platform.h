// The CUDA toolkit's headers, or those of tests/emulation that stand in for them; and the two ways to get at shared
// memory. Sources below cuda/ declare shared memory through these two only: the emulation then knows every variable and
// puts red zones around it.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#if defined(PYNEURAL_CUDA_EMULATE)

#include "emulation/shared.h"

#define PN_SHARED(name, ...) EMULATION_SHARED(name, __VA_ARGS__)

namespace pyneural::cuda {

template <class T>
T* dynamic_shared() {
  return static_cast<T*>(emulation::dynamic_shared());
}

}  // namespace pyneural::cuda

#else

namespace pyneural::cuda {

template <class T>
using SharedType = T;

// The shared memory whose size is an argument of the launch; 16-byte aligned, the widest vector access.
template <class T>
__device__ __forceinline__ T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char pn_dynamic_shared[];
  return reinterpret_cast<T*>(pn_dynamic_shared);
}

}  // namespace pyneural::cuda

// A variable of the block, 16-byte aligned: PN_SHARED(tile, float[kTile][kTile + 1]);
#define PN_SHARED(name, ...) __shared__ __align__(16)::pyneural::cuda::SharedType<__VA_ARGS__> name

#endif
