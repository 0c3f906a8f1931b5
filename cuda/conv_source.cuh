// Convolutions as matrix products (implicit GEMM): the matrix of image patches is never built, a source finds its
// elements in the images.
#pragma once

#include "core/error.h"
#include "cuda/gemm_stage.cuh"
#include "cuda/units.h"
#include "ops/conv2d_params.h"

namespace pyneural::cuda {

// Output j, tap i reads source position j * stride + i * dilation + offset; it is zero outside [0, source).
struct WindowAxis {
  int64_t source, outputs, stride, dilation, taps, offset;
};

// The patches that windows cut from NHWC images. The rows of their matrix are pixels of the output, its columns taps
// and channels.
struct Patches {
  struct Axis {
    int source, stride, dilation, offset;
  };
  // The element (pixel, column) lies at the sum of two places, if that is inside of the image.
  struct Place {
    int pixel, h, w, channel;
  };
  static constexpr int kNowhere = -(1 << 30);

  Axis h, w;
  int pitch;  // elements of a pixel
  Divider pixel_rows, pixel_columns, tap_columns, channels;
  int pixels, depth;

  Patches() = default;
  // `channels_` of the images' `pitch_` channels.
  Patches(const WindowAxis& rows, const WindowAxis& columns, int64_t images, int64_t channels_, int64_t pitch_)
      : h(axis(rows)),
        w(axis(columns)),
        pitch(static_cast<int>(pitch_)),
        pixel_rows(rows.outputs),
        pixel_columns(columns.outputs),
        tap_columns(columns.taps),
        channels(channels_),
        pixels(static_cast<int>(images * rows.outputs * columns.outputs)),
        depth(static_cast<int>(rows.taps * columns.taps * channels_)) {}

  __device__ __forceinline__ Place pixel(int i) const {
    int column, row;
    const int image = pixel_rows.divide(pixel_columns.divide(i, &column), &row);
    const int y = row * h.stride + h.offset, x = column * w.stride + w.offset;
    return {(image * h.source + y) * w.source + x, y, x, 0};
  }
  __device__ __forceinline__ Place column(int k) const {
    int channel, tap_column;
    const int tap_row = tap_columns.divide(channels.divide(k, &channel), &tap_column);
    Place place = tap(tap_row, tap_column);
    place.channel = channel;
    return place;
  }
  __device__ __forceinline__ Place tap(int row, int column) const {
    const int y = row * h.dilation, x = column * w.dilation;
    return {y * w.source + x, y, x, 0};
  }
  __device__ __forceinline__ int64_t offset(const Place& a, const Place& b) const {
    return static_cast<int64_t>(a.pixel + b.pixel) * pitch + (a.channel + b.channel);
  }
  __device__ __forceinline__ bool inside(const Place& a, const Place& b) const {
    return static_cast<unsigned>(a.h + b.h) < static_cast<unsigned>(h.source) &&
           static_cast<unsigned>(a.w + b.w) < static_cast<unsigned>(w.source);
  }

 private:
  static Axis axis(const WindowAxis& a) {
    return {static_cast<int>(a.source), static_cast<int>(a.stride), static_cast<int>(a.dilation),
            static_cast<int>(a.offset)};
  }
};

// The matrix of patches, or its transpose.
template <class T, bool kTransposed>
struct PatchSource {
  const T* data;
  Patches patches;

  __device__ __forceinline__ Patches::Place outer(int64_t i) const {
    return place<kTransposed>(i < (kTransposed ? patches.depth : patches.pixels) ? static_cast<int>(i) : 0);
  }
  __device__ __forceinline__ Patches::Place inner(int k) const {
    if (k >= (kTransposed ? patches.pixels : patches.depth)) return {0, Patches::kNowhere, 0, 0};
    return place<!kTransposed>(k);
  }
  __device__ __forceinline__ bool holds(const Patches::Place& outer, const Patches::Place& inner) const {
    return patches.inside(outer, inner);
  }
  __device__ __forceinline__ const T* at(const Patches::Place& outer, const Patches::Place& inner) const {
    return data + patches.offset(outer, inner);
  }

 private:
  template <bool kColumn>
  __device__ __forceinline__ Patches::Place place(int i) const {
    return kColumn ? patches.column(i) : patches.pixel(i);
  }
};

// The axes of the convolution that an op belongs to; `outputs` is y or its gradient, [images, rows, columns, filters].
struct ConvGeometry {
  WindowAxis h, w;
  int64_t images, channels, filters, groups;

  ConvGeometry(const Conv2DParams& p, int64_t channels, const View& outputs)
      : h(axis(p, 0, outputs)),
        w(axis(p, 1, outputs)),
        images(outputs.dims[0]),
        channels(channels),
        filters(outputs.dims[3]),
        groups(p.groups) {
    constexpr int64_t kMost = 1 << 30;  // places behind the last pixel have numbers, too
    if (pixels() > kMost || images * h.source * w.source > kMost) {
      value_error("A convolution on a GPU takes at most 2^30 pixels at a time. Received: ", images, " images of ",
                  h.source, " x ", w.source);
    }
  }

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  int64_t taps() const { return h.taps * w.taps; }
  int64_t pixels() const { return images * h.outputs * w.outputs; }
  bool packs() const { return group_channels() % 4 == 0 && group_filters() % 4 == 0; }

 private:
  static WindowAxis axis(const Conv2DParams& p, int i, const View& outputs) {
    return {p.image[i], outputs.dims[1 + i], p.stride[i], p.dilation[i], p.kernel[i], -p.pad[i]};
  }
};

}  // namespace pyneural::cuda
