// Sliding windows over NHWC images, for pooling. Positions outside the image take no part.
#pragma once

#include "cuda/pack.cuh"
#include "cuda/units.h"
#include "ops/pool2d_params.h"

namespace pyneural::cuda {

struct Range {
  int64_t begin, end;
  __device__ __forceinline__ int64_t length() const { return end - begin; }
};

// Windows along the rows or columns of an image.
struct WindowAxis {
  int64_t source, outputs, taps, stride, pad;
  Divider by_stride;

  __device__ __forceinline__ int64_t first(int64_t output) const { return output * stride - pad; }
  // The positions of a window that lie inside the image.
  __device__ __forceinline__ Range window(int64_t output) const {
    const int64_t begin = first(output), end = begin + taps;
    return {begin < 0 ? 0 : begin, end > source ? source : end};
  }
  // The windows that hold a position.
  __device__ __forceinline__ Range windows_at(int64_t position) const {
    const int64_t from = position + pad - taps + stride, last = by_stride.quotient(position + pad);
    return {from < stride ? 0 : by_stride.quotient(from), last + 1 > outputs ? outputs : last + 1};
  }
  // The positions up to the next window: those of all outputs together are the whole axis.
  __device__ __forceinline__ Range cell(int64_t output) const {
    return {output == 0 ? 0 : first(output), output + 1 == outputs ? source : first(output + 1)};
  }
};

struct Pooling {
  WindowAxis h, w;
  int64_t images, channels;

  // `y` has the shape of the output.
  Pooling(const Pool2DParams& p, const View& y) : images(y.dims[0]), channels(y.dims[3]) {
    const auto axis = [&](int i) {
      return WindowAxis{p.image[i], y.dims[1 + i], p.pool[i], p.stride[i], p.pad[i], Divider(p.stride[i])};
    };
    h = axis(0);
    w = axis(1);
  }
  bool overlap() const { return h.taps > h.stride || w.taps > w.stride; }
  // Windows of kTaps x kTaps positions.
  bool square(int taps) const { return h.taps == taps && w.taps == taps; }

  __device__ __forceinline__ int64_t source_at(int64_t image, int64_t row, int64_t column) const {
    return ((image * h.source + row) * w.source + column) * channels;
  }
  __device__ __forceinline__ int64_t output_at(int64_t image, int64_t row, int64_t column) const {
    return ((image * h.outputs + row) * w.outputs + column) * channels;
  }
};

// Threads walk the packs of channels of all pixels of images that are `columns` wide and `rows` high.
struct Pixels {
  int64_t packs;
  Divider by_channels, by_columns, by_rows;

  Pixels(const Pooling& p, int64_t rows, int64_t columns, int pack)
      : packs(p.images * rows * columns * (p.channels / pack)),
        by_channels(p.channels / pack),
        by_columns(columns),
        by_rows(rows) {}
};
struct Pixel {
  int64_t image, row, column, channel;
  __device__ __forceinline__ Pixel(const Pixels& pixels, int64_t i, int pack) {
    channel = pixels.by_channels.take_remainder(i) * pack;
    column = pixels.by_columns.take_remainder(i);
    row = pixels.by_rows.take_remainder(i);
    image = i;
  }
};

}  // namespace pyneural::cuda
