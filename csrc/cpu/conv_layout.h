// In which order a convolution computes the pixels of a block. Pixels that see the same taps inside the image lie
// together: taps in the padding are skipped, not multiplied with zeros.
#pragma once

#include "cpu/conv_geometry.h"
#include "cpu/gather_gemm.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

struct TapRange {
  int64_t first, end;
};

// The taps of an output that lie inside the source; all of them where the source is padded.
PN_INLINE TapRange taps_inside(const WindowAxis& axis, bool padded, int64_t output) {
  if (padded) return {0, axis.taps};
  const int64_t at = output * axis.stride + axis.offset, left = axis.source - at;
  const int64_t first = at >= 0 ? 0 : clamp((axis.dilation - 1 - at) / axis.dilation, 0, axis.taps);
  return {first, left <= 0 ? first : clamp((left + axis.dilation - 1) / axis.dilation, first, axis.taps)};
}

// The first output behind `output` that sees other taps, or `end`.
PN_INLINE int64_t end_of_range(const WindowAxis& axis, bool padded, int64_t output, int64_t end) {
  if (padded) return end;
  const TapRange taps = taps_inside(axis, padded, output);
  if (taps.first == 0 && taps.end == axis.taps) {
    const int64_t behind = (axis.source - window_span(axis, 1) - axis.offset) / axis.stride + 1;
    return behind < end ? behind : end;
  }
  while (++output < end) {
    const TapRange next = taps_inside(axis, padded, output);
    if (next.first != taps.first || next.end != taps.end) break;
  }
  return output;
}

PN_INLINE bool sees_all(const WindowAxis& axis, int64_t output) {
  const TapRange taps = taps_inside(axis, false, output);
  return taps.first == 0 && taps.end == axis.taps;
}
PN_INLINE bool has_inner_outputs(const WindowAxis& axis) {
  for (int64_t j = 0; j < axis.outputs; ++j) {
    if (sees_all(axis, j)) return true;
  }
  return false;
}

// run(begin, end) for the outputs of a row that see the same taps.
template <class Fn>
PN_INLINE void for_each_class(const WindowAxis& axis, const Fn& run) {
  for (int64_t begin = 0, end; begin < axis.outputs; begin = end) {
    end = end_of_range(axis, false, begin, axis.outputs);
    run(begin, end);
  }
}

// The pixels at which a row of taps lies inside the image, those of [begin, end) of each row of outputs; their sources
// from tap `first` on.
PN_INLINE void list_outputs(const ConvGeometry& g, const Window& window, int64_t row_of_taps, int64_t begin,
                            int64_t end, int64_t first, int64_t* source_offset, int64_t* grad_offset) {
  for (int64_t n = 0; n < window.block_images; ++n) {
    for (int64_t i = 0; i < g.h.outputs; ++i) {
      const int64_t y = i * g.h.stride + row_of_taps * g.h.dilation + g.h.offset;
      if (y < 0 || y >= g.h.source) continue;
      for (int64_t j = begin; j < end; ++j) {
        const int64_t x = j * g.w.stride + first + g.w.offset;
        *source_offset++ = ((n * g.h.source + y) * g.w.source + x) * g.channels;
        *grad_offset++ = ((n * g.h.outputs + i) * g.w.outputs + j) * g.filters;
      }
    }
  }
}

// The pixels of a block that see the same taps: `pixels` of each of its images, from `begin` in the lists of pixels.
struct PixelClass {
  int64_t begin, pixels;
  TapRange rows, columns;  // of taps
};
struct BlockKind {
  int64_t first_class, classes;
};

struct ConvLayout {
  BlockKind* kind;      // [blocks_per_image]: blocks inside the image are all alike
  PixelClass* classes;  // [LayoutSize::classes]
  int64_t* source;      // [LayoutSize::pixels] relative to block_source()
  int64_t* output;      // [LayoutSize::pixels] relative to the first pixel of the block
};
struct LayoutSize {
  int64_t classes, pixels;
  int64_t work;   // pixels times taps that the tiles of an image, or of several in a block, take the time of
  int64_t calls;  // classes of all these blocks
};
struct OutputPitch {
  int64_t column, row, image;
};

PN_INLINE bool same_kind(const Window& window, int64_t block) {
  const Block a = block_at(window, block - 1), b = block_at(window, block);
  return a.rows == b.rows && end_of_range(window.h, window.padded, a.row, b.row + b.rows) == b.row + b.rows;
}

// Fills `layout` or, without one, only counts. A tile of less than `least` pixels waits for its own sums.
[[gnu::noinline, maybe_unused]] LayoutSize lay_out(const Window& window, const OutputPitch& pitch,
                                                   const ConvLayout* layout, int64_t least = kGatherRowStep) {
  LayoutSize size{};
  if (window.blocks == 0) return size;
  const WindowAxis &h = window.h, &w = window.w;
  const int64_t images = window.block_images;
  int64_t work = 0, calls = 0;
  for (int64_t at = 0; at < window.blocks_per_image; ++at, size.work += work, size.calls += calls) {
    if (at > 0 && same_kind(window, at)) {
      if (layout) layout->kind[at] = layout->kind[at - 1];
      continue;
    }
    const Block block = block_at(window, at);
    const int64_t first_class = size.classes;
    work = 0;
    for (int64_t row = 0, end_row; row < block.rows; row = end_row) {
      end_row = end_of_range(h, window.padded, block.row + row, block.row + block.rows) - block.row;
      const TapRange rows = taps_inside(h, window.padded, block.row + row);
      for (int64_t column = 0, end_column; column < w.outputs; column = end_column, ++size.classes) {
        end_column = end_of_range(w, window.padded, column, w.outputs);
        const TapRange columns = taps_inside(w, window.padded, column);
        const int64_t pixels = (end_row - row) * (end_column - column), begin = size.pixels;
        size.pixels += images * pixels;
        const int64_t tiles = round_up(images * pixels, kGatherRowStep);
        work += (tiles < least ? least : tiles) * (rows.end - rows.first) * (columns.end - columns.first);
        if (!layout) continue;
        layout->classes[size.classes] = {begin, pixels, rows, columns};
        int64_t *source = layout->source + begin, *output = layout->output + begin;
        for (int64_t n = 0; n < images; ++n) {
          for (int64_t i = row; i < end_row; ++i) {
            const int64_t from = n * window.image_pitch + i * h.stride * window.row_pitch;
            const int64_t to = n * pitch.image + i * pitch.row;
            for (int64_t j = column; j < end_column; ++j) {
              *source++ = from + j * w.stride * window.column_pitch;
              *output++ = to + j * pitch.column;
            }
          }
        }
      }
    }
    calls = size.classes - first_class;
    if (layout) layout->kind[at] = {first_class, calls};
  }
  return size;
}

// Blocks are read where they lie: taps outside the image must be skipped.
PN_INLINE void read_in_place(Window* window) {
  window->padded = false;
  window->row_pitch = window->w.source * window->channels;
  window->image_pitch = window->h.source * window->row_pitch;
  window->scratch = 0;
}

// The depth that pixels of a class see: `length` of each tap, taps `pitch` apart, neighbours joined. ranges: [taps].
PN_INLINE int64_t depth_ranges(const PixelClass& c, int64_t taps_of_row, int64_t first, int64_t pitch, int64_t length,
                               DepthRange* ranges) {
  int64_t count = 0;
  for (int64_t i = c.rows.first; i < c.rows.end; ++i) {
    for (int64_t j = c.columns.first; j < c.columns.end; ++j) {
      const int64_t begin = (i * taps_of_row + j) * pitch + first;
      if (count > 0 && ranges[count - 1].end == begin) {
        ranges[count - 1].end = begin + length;
      } else {
        ranges[count++] = {begin, begin + length};
      }
    }
  }
  return count;
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
