// Convolution as gathered matrix products, shared by the forward pass and the gradient of the input.
#pragma once

#include "cpu/conv_geometry.h"
#include "cpu/gather_dots.h"
#include "cpu/gather_gemm.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

template <class T>
struct Convolution {
  Window window;
  int64_t groups;
  int64_t depth;    // taps * channels of a group
  int64_t filters;  // of a group
  const T* x;
  const T* weights;
  int64_t ldb;  // row length of weights [depth, groups * filters]; 0: packed, see packed_panel()
  const T* bias;
  Activation activation;
  T* y;
  int64_t column_pitch, row_pitch, image_pitch;  // of y
};

// A few filters of many channels: weights are [group][filter][tap][channel].
template <class T>
PN_INLINE bool uses_dots(int64_t filters, int64_t channels) {
  return filters <= kMostDots && channels >= kLanes<T>;
}

// Other packed weights: [group][panel][depth][columns of the panel, rounded up to whole vectors].
template <class T>
PN_INLINE int64_t packed_group(int64_t depth, int64_t filters) {
  return depth * round_up(filters, kLanes<T>);
}
template <class T>
PN_INLINE int64_t panel_width(int64_t filters, int64_t first) {
  const int64_t left = filters - first;
  return left < kGatherPanel<T> ? left : kGatherPanel<T>;
}

// int64 values that convolve() keeps in workspace.
PN_INLINE int64_t convolve_offsets(const Window& window, int64_t depth) { return 2 * largest_block(window) + depth; }

template <class T>
void convolve(const Convolution<T>& c, double flops, int64_t* offsets) {
  const Window& window = c.window;
  if (window.blocks == 0) return;
  int64_t* const pixel = offsets;
  int64_t* const output = pixel + largest_block(window);
  int64_t* const tap = output + largest_block(window);
  pixel_offsets(window, pixel);
  int64_t* next = output;
  for (int64_t n = 0; n < window.block_images; ++n) {
    for (int64_t i = 0; i < window.block_rows; ++i) {
      for (int64_t j = 0; j < window.w.outputs; ++j) {
        *next++ = n * c.image_pitch + i * c.row_pitch + j * c.column_pitch;
      }
    }
  }
  const int64_t channels = window.channels / c.groups, taps = window.h.taps * window.w.taps;
  const bool dots = uses_dots<T>(c.filters, channels);
  next = tap;
  for (int64_t t = 0; t < taps; ++t) {
    const int64_t offset = tap_offset(window, t / window.w.taps, t % window.w.taps);
    for (int64_t k = 0; k < (dots ? 1 : channels); ++k) *next++ = offset + k;
  }

  // A panel of weights of this depth stays in L2 while the tiles of a block pass over it.
  constexpr int64_t kDepth = 4096 / sizeof(T);
  const int64_t steps = (c.depth + kDepth - 1) / kDepth;
  const int64_t step = (c.depth + steps - 1) / steps;
  const int64_t panels_per_group = (c.filters + kGatherPanel<T> - 1) / kGatherPanel<T>;
  const int64_t panels = c.groups * panels_per_group;
  // Few blocks: also split the output channels, as far as the flops pay for it.
  const int64_t chunks = clamp(static_cast<int64_t>(flops / 2e6), 1, 32);
  const int64_t parts = clamp(chunks / window.blocks, 1, panels);
  const int threads = threads_for(flops, 0);
  parallel_chunks(window.blocks * parts, threads, window.scratch * sizeof(T), [&](int64_t chunk, void* scratch) {
    const Block block = block_at(window, chunk / parts);
    const int64_t part = chunk % parts;
    const T* const source = block_source(window, block, c.x, static_cast<T*>(scratch));
    T* const y = c.y + block.image * c.image_pitch + block.row * c.row_pitch;
    for (int64_t panel = panels * part / parts; panel < panels * (part + 1) / parts; ++panel) {
      const int64_t group = panel / panels_per_group;
      const int64_t first = panel % panels_per_group * kGatherPanel<T>;
      const int64_t width = panel_width<T>(c.filters, first);
      const int64_t column = group * c.filters + first;
      if (dots) {
        gather_dots(GatherDots<T>{.a = source + group * channels,
                                  .row_offset = pixel,
                                  .rows = block_pixels(window, block),
                                  .run_offset = tap,
                                  .runs = taps,
                                  .length = channels,
                                  .b = c.weights + column * c.depth,
                                  .columns = c.filters,
                                  .c = y + column,
                                  .c_offset = output,
                                  .bias = c.bias ? c.bias + column : nullptr,
                                  .activation = c.activation});
        continue;
      }
      const int64_t ldb = c.ldb ? c.ldb : round_up(width, kLanes<T>);
      const T* const b =
          c.ldb ? c.weights + column : c.weights + group * packed_group<T>(c.depth, c.filters) + c.depth * first;
      for (int64_t k = 0; k < c.depth; k += step) {
        const bool last = k + step >= c.depth;
        gather_product(GatherProduct<T>{.a = source + group * channels,
                                        .row_offset = pixel,
                                        .rows = block_pixels(window, block),
                                        .depth_offset = tap + k,
                                        .depth = last ? c.depth - k : step,
                                        .b = b + k * ldb,
                                        .ldb = ldb,
                                        .columns = width,
                                        .c = y + column,
                                        .c_offset = output,
                                        .bias = last && c.bias ? c.bias + column : nullptr,
                                        .activation = last ? c.activation : Activation::linear,
                                        .accumulate = k > 0});
      }
    }
  });
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
