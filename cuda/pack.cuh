// Several neighbouring elements that are loaded or stored at once where their address allows it.
#pragma once

#include "cuda/kernel.h"

namespace pyneural::cuda {

template <int kPack, bool kAligned, class T>
__device__ __forceinline__ Pack<T, kPack> load_pack(const T* from) {
  if constexpr (kAligned) {
    return *reinterpret_cast<const Pack<T, kPack>*>(from);
  } else {
    Pack<T, kPack> pack;
#pragma unroll
    for (int v = 0; v < kPack; ++v) pack.values[v] = from[v];
    return pack;
  }
}

template <bool kAligned, class T, int kPack>
__device__ __forceinline__ void store_pack(T* to, const Pack<T, kPack>& pack) {
  if constexpr (kAligned) {
    *reinterpret_cast<Pack<T, kPack>*>(to) = pack;
  } else {
#pragma unroll
    for (int v = 0; v < kPack; ++v) to[v] = pack.values[v];
  }
}

}  // namespace pyneural::cuda
