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

template <class T, int kCount>
__device__ __forceinline__ void read_pack(const T* from, T (&to)[kCount]) {
  const auto pack = *reinterpret_cast<const Pack<T, kCount>*>(from);
#pragma unroll
  for (int k = 0; k < kCount; ++k) to[k] = pack.values[k];
}
// The first `count` of them, in one access if there are all and the address allows it; the others are zero.
template <class T, int kCount>
__device__ __forceinline__ void read_pack(const T* from, int count, bool aligned, T (&to)[kCount]) {
  if (aligned && count == kCount) return read_pack(from, to);
#pragma unroll
  for (int k = 0; k < kCount; ++k) to[k] = k < count ? from[k] : T();
}
template <class T, int kCount>
__device__ __forceinline__ void write_pack(T* to, int count, bool aligned, const T (&values)[kCount]) {
  if (aligned && count == kCount) {
    Pack<T, kCount> pack;
#pragma unroll
    for (int k = 0; k < kCount; ++k) pack.values[k] = values[k];
    *reinterpret_cast<Pack<T, kCount>*>(to) = pack;
  } else {
#pragma unroll
    for (int k = 0; k < kCount; ++k) {
      if (k < count) to[k] = values[k];
    }
  }
}

}  // namespace pyneural::cuda
