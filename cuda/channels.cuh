// Element-wise work with coefficients per channel, which threads find once and use for many elements.
#pragma once

#include "cuda/pack.cuh"
#include "cuda/units.h"

namespace pyneural::cuda {

constexpr int kChannelUnroll = 4;  // packs that a thread has under way

// An op has `Channel prepare(channel)`, reads kOperands arrays and has `T of(const T (&values)[kOperands], Channel)`.
// What it writes may be one of the arrays: reads come before writes.
template <class Op, class T>
struct ChannelWork {
  Op op;
  const T* in[Op::kOperands];
  T* out;

  template <int kPack>
  struct Loaded {
    Pack<T, kPack> in[Op::kOperands];
  };
  template <int kPack, bool kAligned>
  __device__ __forceinline__ Loaded<kPack> load(int64_t at) const {
    Loaded<kPack> loaded;
#pragma unroll
    for (int k = 0; k < Op::kOperands; ++k) loaded.in[k] = load_pack<kPack, kAligned>(in[k] + at);
    return loaded;
  }
  // kAcross: a channel for each element of the pack.
  template <int kPack, bool kAligned, bool kAcross>
  __device__ __forceinline__ void store(int64_t at, const Loaded<kPack>& loaded,
                                        const typename Op::Channel* channels) const {
    Pack<T, kPack> result;
#pragma unroll
    for (int v = 0; v < kPack; ++v) {
      T values[Op::kOperands];
#pragma unroll
      for (int k = 0; k < Op::kOperands; ++k) values[k] = loaded.in[k].values[v];
      result.values[v] = op.of(values, channels[kAcross ? v : 0]);
    }
    store_pack<kAligned>(out + at, result);
  }
};

// [rows, channels]: 2^width_bits threads stand side by side, and each walks down its channels.
template <class Op, class T, int kPack, bool kAligned>
__global__ void channel_columns(ChannelWork<Op, T> work, int64_t rows, int64_t channels, int width_bits) {
  const int64_t pack = (static_cast<int64_t>(blockIdx.x) << width_bits) + (threadIdx.x & ((1 << width_bits) - 1));
  const int64_t column = pack * kPack;
  if (column >= channels) return;
  typename Op::Channel of_pack[kPack];
#pragma unroll
  for (int v = 0; v < kPack; ++v) of_pack[v] = work.op.prepare(column + v);
  const int walkers = kBlockThreads >> width_bits;
  const int64_t step = static_cast<int64_t>(gridDim.y) * walkers;
  int64_t row = static_cast<int64_t>(blockIdx.y) * walkers + (threadIdx.x >> width_bits);
  for (; row + (kChannelUnroll - 1) * step < rows; row += kChannelUnroll * step) {
    typename ChannelWork<Op, T>::template Loaded<kPack> loaded[kChannelUnroll];
#pragma unroll
    for (int u = 0; u < kChannelUnroll; ++u) {
      loaded[u] = work.template load<kPack, kAligned>((row + u * step) * channels + column);
    }
#pragma unroll
    for (int u = 0; u < kChannelUnroll; ++u) {
      work.template store<kPack, kAligned, true>((row + u * step) * channels + column, loaded[u], of_pack);
    }
  }
  for (; row < rows; row += step) {
    const int64_t at = row * channels + column;
    work.template store<kPack, kAligned, true>(at, work.template load<kPack, kAligned>(at), of_pack);
  }
}

// [outer * channels, n]: 2^lane_bits threads share a chunk of a row.
template <class Op, class T, int kPack, bool kAligned>
__global__ void channel_rows(ChannelWork<Op, T> work, int64_t rows, int64_t channels, int64_t n, Divider by_chunks,
                             int lane_bits) {
  const int lanes = 1 << lane_bits, lane = threadIdx.x & (lanes - 1);
  int64_t row = static_cast<int64_t>(blockIdx.x) * (kBlockThreads >> lane_bits) + (threadIdx.x >> lane_bits);
  const int64_t chunk = by_chunks.take_remainder(row);
  if (row >= rows) return;
  const typename Op::Channel channel = work.op.prepare(row % channels);
  const int64_t first = (chunk * kChannelUnroll * lanes + lane) * kPack;
  typename ChannelWork<Op, T>::template Loaded<kPack> loaded[kChannelUnroll];
#pragma unroll
  for (int u = 0; u < kChannelUnroll; ++u) {
    const int64_t i = first + u * lanes * kPack;
    if (i < n) loaded[u] = work.template load<kPack, kAligned>(row * n + i);
  }
#pragma unroll
  for (int u = 0; u < kChannelUnroll; ++u) {
    const int64_t i = first + u * lanes * kPack;
    if (i < n) work.template store<kPack, kAligned, false>(row * n + i, loaded[u], &channel);
  }
}

template <class Op, class T, int kPack, bool kAligned>
void launch_channels(cudaStream_t stream, const ChannelWork<Op, T>& work, const Around& s) {
  if (s.inner == 1) {
    const int64_t packs = s.count / kPack;
    int bits = 0;
    while ((1 << bits) < kBlockThreads && (1 << bits) < packs) ++bits;
    const int64_t side = ceil_div(packs, 1 << bits), walkers = kBlockThreads >> bits;
    // Coefficients cost as much as some elements: not too few rows for a thread.
    int64_t down = ceil_div(s.outer, walkers * 2 * kChannelUnroll);
    const int64_t most = ceil_div(2 * kFullGrid, side);
    if (down > most) down = most;
    const dim3 grid(static_cast<unsigned>(side), static_cast<unsigned>(down));
    launch(channel_columns<Op, T, kPack, kAligned>, grid, kBlockThreads, 0, stream, work, s.outer, s.count, bits);
    return;
  }
  int bits = 0;
  while ((1 << bits) < kBlockThreads && (kChannelUnroll * kPack << bits) < s.inner) ++bits;
  const int64_t rows = s.outer * s.count, chunks = ceil_div(s.inner, kChannelUnroll * kPack << bits);
  const int64_t blocks = ceil_div(rows * chunks, kBlockThreads >> bits);
  launch(channel_rows<Op, T, kPack, kAligned>, static_cast<unsigned>(blocks), kBlockThreads, 0, stream, work, rows,
         s.count, s.inner, Divider(chunks), bits);
}

template <class Op, class T>
void for_channel_elements(cudaStream_t stream, const ChannelWork<Op, T>& work, const Around& s) {
  constexpr int kPack = 16 / static_cast<int>(sizeof(T));
  if (s.outer * s.count * s.inner == 0) return;
  bool packs = (s.inner == 1 ? s.count : s.inner) % kPack == 0 && is_aligned(work.out, 16);
  for (const T* in : work.in) packs &= is_aligned(in, 16);
  if (packs) return launch_channels<Op, T, kPack, true>(stream, work, s);
  launch_channels<Op, T, 1, true>(stream, work, s);
}

}  // namespace pyneural::cuda
