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
    int64_t offset;
    int h, w;
  };
  static constexpr int kNowhere = -(1 << 30);

  Axis h, w;
  int64_t column_pitch, row_pitch, image_pitch;  // in elements
  Divider pixel_rows, pixel_columns, tap_columns, channels;
  int pixels, depth;

  Patches() = default;
  // `channels` of the images' `pitch` channels.
  Patches(const WindowAxis& rows, const WindowAxis& columns, int64_t images, int64_t channels_, int64_t pitch)
      : h(axis(rows)),
        w(axis(columns)),
        column_pitch(pitch),
        row_pitch(columns.source * pitch),
        image_pitch(rows.source * row_pitch),
        pixel_rows(rows.outputs),
        pixel_columns(columns.outputs),
        tap_columns(columns.taps),
        channels(channels_),
        pixels(static_cast<int>(images * rows.outputs * columns.outputs)),
        depth(static_cast<int>(rows.taps * columns.taps * channels_)) {}

  __device__ __forceinline__ Place pixel(int i) const {
    if (i >= pixels) return {0, kNowhere, 0};
    int column, row;
    const int image = pixel_rows.divide(pixel_columns.divide(i, &column), &row);
    const int y = row * h.stride + h.offset, x = column * w.stride + w.offset;
    return {image * image_pitch + y * row_pitch + x * column_pitch, y, x};
  }
  __device__ __forceinline__ Place column(int k) const {
    if (k >= depth) return {0, kNowhere, 0};
    int channel, tap_column;
    const int tap_row = tap_columns.divide(channels.divide(k, &channel), &tap_column);
    Place place = tap(tap_row, tap_column);
    place.offset += channel;
    return place;
  }
  __device__ __forceinline__ Place tap(int row, int column) const {
    const int y = row * h.dilation, x = column * w.dilation;
    return {y * row_pitch + x * column_pitch, y, x};
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
    return kTransposed ? patches.column(static_cast<int>(i)) : patches.pixel(static_cast<int>(i));
  }
  __device__ __forceinline__ Patches::Place inner(int k) const {
    return kTransposed ? patches.pixel(k) : patches.column(k);
  }
  __device__ __forceinline__ const T* at(const Patches::Place& outer, const Patches::Place& inner) const {
    return patches.inside(outer, inner) ? data + outer.offset + inner.offset : nullptr;
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
    if (pixels() > INT32_MAX || images * h.source * w.source > INT32_MAX) {
      value_error("A convolution on a GPU takes fewer than 2^31 pixels at a time. Received: ", images, " images of ",
                  h.source, " x ", w.source);
    }
  }

  int64_t group_channels() const { return channels / groups; }
  int64_t group_filters() const { return filters / groups; }
  int64_t taps() const { return h.taps * w.taps; }
  int64_t pixels() const { return images * h.outputs * w.outputs; }

 private:
  static WindowAxis axis(const Conv2DParams& p, int i, const View& outputs) {
    return {p.image[i], outputs.dims[1 + i], p.stride[i], p.dilation[i], p.kernel[i], -p.pad[i]};
  }
};

}  // namespace pyneural::cuda
