// What the convolution kernels read from their arguments.
#pragma once

#include "cpu/window.h"
#include "ops/conv2d_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

struct ConvGeometry {
  WindowAxis h, w;  // of the forward convolution
  int64_t images, channels, filters, groups;
};

// `outputs` is y or its gradient: [images, rows, columns, filters].
PN_INLINE ConvGeometry conv_geometry(const Conv2DParams& p, int64_t channels, const View& outputs) {
  const auto axis = [&](int i) {
    return WindowAxis{p.image[i], outputs.dims[1 + i], p.stride[i], p.dilation[i], p.kernel[i], -p.pad[i]};
  };
  ConvGeometry g{axis(0), axis(1), outputs.dims[0], channels, outputs.dims[3], p.groups};
  // Signals of one row are turned on their side, so that they split into blocks of rows.
  if (g.h.source == 1 && g.h.taps == 1 && g.h.outputs == 1 && g.h.offset == 0) {
    const WindowAxis one = g.h;
    g.h = g.w;
    g.w = one;
  }
  return g;
}

PN_INLINE double conv_flops(const ConvGeometry& g) {
  return 2.0 * g.images * g.h.outputs * g.w.outputs * g.filters * g.h.taps * g.w.taps * (g.channels / g.groups);
}

PN_INLINE int64_t conv_weights(const ConvGeometry& g) {
  return g.h.taps * g.w.taps * (g.channels / g.groups) * g.filters;
}

PN_INLINE int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }
PN_INLINE int64_t clamp(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : value > high ? high : value;
}

// rows x width elements, rows `pitch` apart, with zeros behind each up to whole vectors.
template <class T>
PN_INLINE void copy_padded(const T* from, int64_t pitch, int64_t rows, int64_t width, T* to) {
  constexpr int lanes = kLanes<T>;
  for (int64_t i = 0; i < rows; ++i, from += pitch) {
    for (int64_t j = 0; j < width; j += lanes, to += lanes) {
      store(to, width - j < lanes ? load_first(from + j, static_cast<int>(width - j)) : load(from + j));
    }
  }
}

// Outputs per block: long blocks use tiles and cached weights well, but there should be work for all threads.
PN_INLINE int64_t block_target(double flops, int64_t pixels) {
  constexpr double kFlopsPerBlock = 2e6;
  const int64_t blocks = clamp(static_cast<int64_t>(flops / kFlopsPerBlock), 1, 64);
  return clamp(pixels / blocks, 72, 384);
}
// Elements of source per block: 256 KB leave room for the weights in a 1 MB L2. Weights that do not fit anyway are read
// again by every block, so these should be few.
template <class T>
PN_INLINE int64_t block_elements(int64_t weights) {
  constexpr int64_t kSmall = 256 * 1024, kLarge = 640 * 1024, kCache = 1024 * 1024;
  return (weights * static_cast<int64_t>(sizeof(T)) > kCache ? kLarge : kSmall) / static_cast<int64_t>(sizeof(T));
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
