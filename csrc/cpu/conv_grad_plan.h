// How the gradient of a convolution's kernel is computed: fixed by the shape. Included by conv2d_grad_kernel.cpp alone.
#pragma once

#include "cpu/conv_layout.h"
#include "cpu/conv_partials.h"
#include "cpu/gather_dots.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

enum class Method {
  rows,      // vectors of filters, for neighbouring channels of a tap
  columns,   // vectors of channels of a row of taps, for neighbouring filters: the sum is [filter, row]
  gathered,  // vectors of filters, for channels of any taps
  dots,      // a few filters: vectors of channels, the sum is [filter, row]
  pixels,    // one channel and a few filters: vectors of pixels
};

struct GradKernelPlan {
  ConvGeometry g;
  Window window;
  int64_t rows;  // taps * channels of a group
  Splits splits;
  Method method;
  // Blocks of whole images, read where they lie: each tap (of columns: each row of taps) has a list of the pixels where
  // it lies inside the image.
  bool trimmed;
  double flops;
};
PN_INLINE bool is_transposed(const GradKernelPlan& p) {
  return p.method == Method::columns || p.method == Method::dots;
}

// Rows of the gradient that a part of it is made of.
constexpr int64_t kRowBlock = 24;
PN_INLINE int64_t blocks_per_tap(const GradKernelPlan& p) {
  return (p.g.channels / p.g.groups + kRowBlock - 1) / kRowBlock;
}
PN_INLINE int64_t taps_of(const GradKernelPlan& p) { return p.g.h.taps * p.g.w.taps; }
PN_INLINE int64_t lists_of(const GradKernelPlan& p) {
  if (!p.trimmed) return 1;
  return p.method == Method::columns ? p.g.h.taps : taps_of(p);
}

template <class T>
PN_INLINE Method choose_method(const ConvGeometry& g) {
  constexpr int64_t lanes = kLanes<T>, kFewChannels = 12;
  const int64_t channels = g.channels / g.groups, filters = g.filters / g.groups;
  if (filters <= kMostDots && channels % lanes == 0) return Method::dots;
  const bool dense = g.groups == 1 && g.w.dilation == 1;
  if (g.channels == 1 && g.w.stride == 1 && filters < lanes && g.w.outputs >= lanes) return Method::pixels;
  if (filters <= 2 * lanes && dense && channels % lanes == 0 && g.w.taps * channels >= 3 * lanes) {
    return Method::columns;
  }
  return filters <= lanes || channels < kFewChannels ? Method::gathered : Method::rows;
}

// Whole images for columns: pixels at the borders, which see fewer taps, should be many in a block too.
PN_INLINE Window window_of_images(const ConvGeometry& g, int64_t pixels) {
  constexpr int64_t kBlocks = 32, kMostPixels = 2048, kLargestImage = 4096;
  const int64_t image = g.h.outputs * g.w.outputs;
  if (image > kLargestImage) return Window{};
  const int64_t target = clamp(pixels / kBlocks, 1, kMostPixels);
  return make_window(g.h, g.w, g.images, g.channels, target < image ? image : target, INT64_MAX);
}

template <class T>
GradKernelPlan plan(const ConvGeometry& geometry) {
  GradKernelPlan p;
  p.g = geometry;
  flatten_dense(&p.g.h, &p.g.w, &p.g.images);
  p.flops = conv_flops(p.g);
  const int64_t pixels = p.g.images * p.g.h.outputs * p.g.w.outputs;
  p.rows = taps_of(p) * (p.g.channels / p.g.groups);
  p.method = choose_method<T>(p.g);
  // Sums across lanes want to be few.
  const int64_t most_pixels = p.method == Method::pixels ? 4096 : 448;
  p.window = make_window(p.g.h, p.g.w, p.g.images, p.g.channels, clamp(pixels / 8, 128, most_pixels),
                         block_elements<T>(conv_weights(p.g)));
  p.trimmed = p.method == Method::rows && p.window.padded && p.window.blocks_per_image == 1;
  if (p.method == Method::columns && p.window.padded && has_inner_outputs(p.g.w)) {
    const Window whole = window_of_images(p.g, pixels);
    p.trimmed = whole.blocks > 0;
    if (p.trimmed) p.window = whole;
  }
  if (p.trimmed) p.window.scratch = 0;
  constexpr int64_t kRowsPerPart = 96;
  const int64_t units = p.method == Method::rows ? taps_of(p) * blocks_per_tap(p) : p.rows;
  const int64_t parts = p.rows / kRowsPerPart < units ? p.rows / kRowsPerPart : units;
  p.splits = choose_splits(p.flops, pixels, p.window.blocks, p.rows * p.g.filters * sizeof(T),
                           is_transposed(p) || p.method == Method::pixels ? 1 : parts);
  return p;
}

template <class T>
int64_t partial_elements(const GradKernelPlan& p) {
  const int64_t copies = is_transposed(p) ? p.splits.blocks : p.splits.blocks - 1;
  return round_up(copies * p.rows * p.g.filters, 16);
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
