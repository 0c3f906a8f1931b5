// The keywords that CUDA adds to C++.
#pragma once

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))

// A plain variable would have no red zones and would not be new for each block.
#define __shared__ static_assert(false, "declare shared memory with PN_SHARED or dynamic_shared (cuda/platform.h)");
