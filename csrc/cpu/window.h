// Sliding windows over NHWC images: which pixels an output reads, and how the work is cut into blocks of output rows.
#pragma once

#include "cpu/vec.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Output j, tap i reads source position j * stride + i * dilation + offset; it is zero outside [0, source).
struct WindowAxis {
  int64_t source;
  int64_t outputs;
  int64_t stride;
  int64_t dilation;
  int64_t taps;
  int64_t offset;
};

// Source positions that `outputs` neighbouring outputs read, gaps included.
PN_INLINE int64_t window_span(const WindowAxis& axis, int64_t outputs) {
  return (outputs - 1) * axis.stride + (axis.taps - 1) * axis.dilation + 1;
}
PN_INLINE bool leaves_source(const WindowAxis& axis) {
  return axis.offset < 0 || axis.offset + window_span(axis, axis.outputs) > axis.source;
}

// A block is whole small images or some rows of one large image. Where windows leave the image, a block is first copied
// to scratch together with its zeros, so that no kernel has to look at borders.
struct Window {
  WindowAxis h, w;
  int64_t images, channels;
  bool padded;
  int64_t block_images, block_rows;              // of the output
  int64_t blocks_per_image, blocks;              // the last block of an image or of the batch may be smaller
  int64_t column_pitch, row_pitch, image_pitch;  // elements, in what a block reads
  int64_t scratch;                               // elements a block needs to be copied
};

struct Block {
  int64_t image, images, row, rows;
};

// A 1x1 window over all pixels of dense images is one tall image.
PN_INLINE void flatten_dense(WindowAxis* h, WindowAxis* w, int64_t* images) {
  const bool dense = h->taps == 1 && w->taps == 1 && h->stride == 1 && w->stride == 1 && !leaves_source(*h) &&
                     !leaves_source(*w) && h->outputs == h->source && w->outputs == w->source;
  if (!dense) return;
  h->source = h->outputs = *images * h->outputs * w->outputs;
  w->source = w->outputs = *images = 1;
}

// Blocks of about `pixels` outputs whose sources fit in `scratch_limit` elements (but at least `row_step` rows, of
// which all have a multiple).
PN_INLINE Window make_window(const WindowAxis& h, const WindowAxis& w, int64_t images, int64_t channels, int64_t pixels,
                             int64_t scratch_limit, int64_t row_step = 1) {
  Window out{h, w, images, channels, false, 1, 1, 1, 0, channels, 0, 0, 0};
  out.padded = leaves_source(out.h) || leaves_source(out.w);
  const int64_t rows = out.h.outputs, columns = out.w.outputs;
  if (out.images == 0 || rows == 0 || columns == 0) return out;
  const int64_t width = out.padded ? window_span(out.w, columns) : out.w.source;
  out.row_pitch = width * channels;
  const auto elements = [&](int64_t r) { return window_span(out.h, r) * out.row_pitch; };
  out.block_rows = (pixels + columns / 2) / columns;
  if (out.block_rows < 1) out.block_rows = 1;
  if (out.block_rows > rows) out.block_rows = rows;
  while (out.block_rows > 1 && elements(out.block_rows) > scratch_limit) out.block_rows = (out.block_rows + 1) / 2;
  out.blocks_per_image = (rows + out.block_rows - 1) / out.block_rows;
  out.block_rows = (rows + out.blocks_per_image - 1) / out.blocks_per_image;
  out.block_rows = (out.block_rows + row_step - 1) / row_step * row_step;
  out.blocks_per_image = (rows + out.block_rows - 1) / out.block_rows;
  if (out.blocks_per_image == 1) {
    int64_t count = pixels / (rows * columns);
    if (count * elements(rows) > scratch_limit) count = scratch_limit / elements(rows);
    if (count > out.images) count = out.images;
    if (count > 1) out.block_images = count;
    const int64_t parts = (out.images + out.block_images - 1) / out.block_images;
    out.block_images = (out.images + parts - 1) / parts;
  }
  out.blocks = (out.images + out.block_images - 1) / out.block_images * out.blocks_per_image;
  out.image_pitch = out.padded ? elements(out.block_rows) : out.h.source * out.row_pitch;
  out.scratch = out.padded ? out.block_images * out.image_pitch : 0;
  return out;
}

PN_INLINE Block block_at(const Window& window, int64_t index) {
  Block block;
  block.image = index / window.blocks_per_image * window.block_images;
  block.images = window.images - block.image < window.block_images ? window.images - block.image : window.block_images;
  block.row = index % window.blocks_per_image * window.block_rows;
  block.rows = window.h.outputs - block.row < window.block_rows ? window.h.outputs - block.row : window.block_rows;
  return block;
}
PN_INLINE int64_t block_pixels(const Window& window, const Block& block) {
  return block.images * block.rows * window.w.outputs;
}
PN_INLINE int64_t largest_block(const Window& window) {
  return window.block_images * window.block_rows * window.w.outputs;
}

// Where the pixels of a block, in the order of the output, and the taps lie, relative to block_source().
PN_INLINE void pixel_offsets(const Window& window, int64_t* offsets) {
  for (int64_t n = 0; n < window.block_images; ++n) {
    for (int64_t i = 0; i < window.block_rows; ++i) {
      const int64_t row = n * window.image_pitch + i * window.h.stride * window.row_pitch;
      for (int64_t j = 0; j < window.w.outputs; ++j) *offsets++ = row + j * window.w.stride * window.column_pitch;
    }
  }
}
PN_INLINE int64_t tap_offset(const Window& window, int64_t i, int64_t j) {
  return i * window.h.dilation * window.row_pitch + j * window.w.dilation * window.column_pitch;
}

template <class T>
PN_INLINE void fill_zero(T* p, int64_t count) {
  __builtin_memset(p, 0, count * sizeof(T));
}

// The source of the first tap of the first pixel of a block.
template <class T>
PN_INLINE const T* block_source(const Window& window, const Block& block, const T* images, T* scratch) {
  const WindowAxis &h = window.h, &w = window.w;
  const int64_t pixel = window.channels;
  const int64_t image_size = h.source * w.source * pixel;
  const int64_t first = block.row * h.stride + h.offset;
  if (!window.padded) {
    return images + block.image * image_size + first * window.row_pitch + w.offset * window.column_pitch;
  }
  const int64_t span = window_span(h, block.rows), width = window_span(w, w.outputs);
  // Columns [left, right) of a scratch row come from the image.
  int64_t left = w.offset < 0 ? -w.offset : 0, right = w.source - w.offset;
  if (left > width) left = width;
  if (right > width) right = width;
  if (right < left) right = left;
  for (int64_t n = 0; n < block.images; ++n) {
    for (int64_t i = 0; i < span; ++i) {
      T* const row = scratch + n * window.image_pitch + i * window.row_pitch;
      const int64_t y = first + i;
      if (y < 0 || y >= h.source || right == left) {
        fill_zero(row, width * pixel);
        continue;
      }
      const T* const from = images + (block.image + n) * image_size + (y * w.source + w.offset + left) * pixel;
      fill_zero(row, left * pixel);
      __builtin_memcpy(row + left * pixel, from, (right - left) * pixel * sizeof(T));
      fill_zero(row + right * pixel, (width - right) * pixel);
    }
  }
  return scratch;
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
