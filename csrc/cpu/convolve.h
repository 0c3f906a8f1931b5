// Convolution as gathered matrix products, shared by the forward pass and the gradient of the input.
#pragma once

#include "cpu/convolve_plan.h"
#include "cpu/lanes.h"
#include "cpu/larger.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

template <class T>
struct ConvolveOperands {
  const T* x;
  const T* weights;  // for PackWeights::none
  const T* bias;
  Activation activation;
  T* y;
  OutputPitch pitch;
  // Of y only the maxima of windows of so many rows and columns are kept, which tile it: y are these, and pitch is that
  // of a block in scratch.
  int64_t pool_rows = 1, pool_columns = 1;
};

// Some channels of a tap and the columns of a panel: what a packer copies at a time.
struct WeightBlock {
  int64_t group, tap;
  int64_t channel, channels;
  int64_t column, columns;
};

// For packers: rows that are `pitch` apart are not foreseen by the hardware.
template <class T>
PN_INLINE void prefetch_rows(const T* from, int64_t pitch, int64_t rows, int64_t width) {
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t i = 0; i < rows; ++i, from += pitch) {
    for (int64_t j = 0; j < width; j += kLine) __builtin_prefetch(from + j);
  }
}

// to[row of the depth][columns up to whole vectors] for the channels of a slice
template <class T, class Packer>
PN_INLINE void pack_slice(const ConvolvePlan& p, const Packer& pack, int64_t group, int64_t first, int64_t slice,
                          T* to) {
  const int64_t width = panel_width<T>(p, first), row = packed_row<T>(p, width), channel = slice * p.slice;
  const int64_t channels = channel + p.slice < p.channels ? p.slice : p.channels - channel;
  for (int64_t tap = 0; tap < p.taps; ++tap) {
    const WeightBlock block{group, tap, channel, channels, first, width};
    if (!p.pairs) {
      pack(block, to);
      to += channels * row;
      continue;
    }
    for (int64_t k = 0; k < channels; k += 2, to += row) {
      fill_zero(to, row);
      for (int64_t column = 0; column < width; ++column) {
        to[2 * column] = pack.element(block, k, column);
        if (k + 1 < channels) to[2 * column + 1] = pack.element(block, k + 1, column);
      }
    }
  }
}

// Where the packed weights of a panel begin.
template <class T>
PN_INLINE int64_t packed_panel(const ConvolvePlan& p, int64_t group, int64_t first) {
  return depth_rows(p, p.channels) * (group * packed_row<T>(p, p.filters) + first);
}

template <class T, class Packer>
void pack_all(const ConvolvePlan& p, const Packer& pack, T* packed) {
  const int64_t panels = (p.filters + kGatherPanel<T> - 1) / kGatherPanel<T>;
  const int threads = threads_for(0, 2.0 * p.packed * sizeof(T));
  parallel_range(p.groups * panels * p.slices, 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; ++at) {
      const int64_t slice = at % p.slices, panel = at / p.slices;
      const int64_t group = panel / panels, first = panel % panels * kGatherPanel<T>;
      const int64_t row = packed_row<T>(p, panel_width<T>(p, first));
      T* const to = packed + packed_panel<T>(p, group, first) + depth_rows(p, slice * p.slice) * row;
      pack_slice(p, pack, group, first, slice, to);
    }
  });
}

PN_INLINE int64_t tap_offset(const ConvolvePlan& p, int64_t tap) {
  const int64_t taps_of_row = p.joined ? 1 : p.window.w.taps;
  return tap_offset(p.window, tap / taps_of_row, tap % taps_of_row);
}

// Where the rows of the depth lie, relative to a pixel, in the order of the packed weights or of those in place.
PN_INLINE void depth_offsets(const ConvolvePlan& p, int64_t* offset) {
  const int64_t slice = p.pack == PackWeights::none ? p.channels : p.slice;
  for (int64_t channel = 0; channel < p.channels; channel += slice) {
    const int64_t end = channel + slice < p.channels ? channel + slice : p.channels;
    for (int64_t tap = 0; tap < p.taps; ++tap) {
      for (int64_t c = channel; c < end; c += p.pairs ? 2 : 1) *offset++ = tap_offset(p, tap) + c;
    }
  }
}

// The dots' runs are whole taps.
PN_INLINE void run_offsets(const ConvolvePlan& p, int64_t* offset) {
  for (int64_t tap = 0; tap < p.taps; ++tap) {
    *offset++ = tap_offset(p, tap);
  }
}

// What all blocks share.
template <class T>
struct ConvolveTables {
  const T* packed;  // weights
  ConvLayout layout;
  const int64_t* depth_offset;
  bool fetch_output;
};

// Few products for each output take less time than a large output does to come into the cache for its lines to be
// written.
template <class T>
PN_INLINE bool waits_for_output(const ConvolvePlan& p) {
  constexpr int64_t kShallow = 32, kFar = 1 << 20;
  const int64_t pixels = p.window.images * p.window.h.outputs * p.window.w.outputs;
  return p.taps * p.channels <= kShallow && pixels * p.groups * p.filters * static_cast<int64_t>(sizeof(T)) > kFar;
}

// A block of the output, and the running thread's scratch.
template <class T>
struct ConvolveBlock {
  const T* source;
  T* y;
  int64_t images;
  BlockKind kind;
  DepthRange* ranges;
  T* own_panel;  // for PackWeights::by_panel
};

// The rows of pixels of a block, all of whose taps are there.
PN_INLINE GatherRuns runs_of_block(const ConvolvePlan& p, const ConvolveOperands<float>& o,
                                   const ConvolveTables<float>& tables, const ConvolveBlock<float>& block,
                                   const PixelClass& pixels, const float* b, int64_t first) {
  const int64_t width = p.window.w.outputs;
  return {.a = block.source,
          .row_offset = tables.layout.source + pixels.begin,
          .rows = pixels.pixels * block.images / width,
          .width = width,
          .run_offset = tables.depth_offset,
          .runs = p.taps,
          .length = p.channels,
          .step = p.window.w.stride * p.window.column_pitch,
          .b = b,
          .columns = panel_width<float>(p, first),
          .c = block.y + first,
          .c_offset = tables.layout.output + pixels.begin,
          .c_step = o.pitch.column,
          .bias = o.bias ? o.bias + first : nullptr,
          .activation = o.activation};
}

// One panel of the columns of a block: the filters of `group` from `first` on. `fresh`: no other panel has read the
// source.
template <class T, class Packer>
PN_INLINE void convolve_panel(const ConvolvePlan& p, const ConvolveOperands<T>& o, const Packer& pack,
                              const ConvolveTables<T>& tables, const ConvolveBlock<T>& block, int64_t group,
                              int64_t first, bool fresh) {
  const int64_t width = panel_width<T>(p, first), column = group * p.filters + first;
  const bool in_place = p.pack == PackWeights::none;
  const int64_t ldb = in_place ? p.groups * p.filters : packed_row<T>(p, width);
  for (int64_t slice = 0; slice < p.slices; ++slice) {
    const int64_t channel = slice * p.slice;
    const int64_t channels = slice + 1 < p.slices ? p.slice : p.channels - channel;
    const int64_t before = in_place ? 0 : depth_rows(p, channel), rows_of_tap = depth_rows(p, channels) / p.taps;
    const T* b = o.weights + column;
    if (p.pack == PackWeights::once) {
      b = tables.packed + packed_panel<T>(p, group, first) + before * ldb;
    } else if (p.pack == PackWeights::by_panel) {
      pack_slice(p, pack, group, first, slice, block.own_panel);
      b = block.own_panel;
    }
    const bool last = slice + 1 == p.slices;
    for (int64_t i = 0; i < block.kind.classes; ++i) {
      const PixelClass& pixels = tables.layout.classes[block.kind.first_class + i];
      if constexpr (sizeof(T) == sizeof(float)) {
        if (p.runs) {
          gather_runs(runs_of_block(p, o, tables, block, pixels, b, first));
          continue;
        }
      }
      int64_t count = 1;
      if (p.joined) {
        block.ranges[0] = {0, depth_rows(p, channels)};
      } else {
        count = depth_ranges(pixels, p.window.w.taps, in_place ? channel : 0, in_place ? p.channels : rows_of_tap,
                             rows_of_tap, block.ranges);
      }
      const GatherProduct<T> product{.a = block.source + group * p.channels,
                                     .row_offset = tables.layout.source + pixels.begin,
                                     .rows = pixels.pixels * block.images,
                                     .depth_offset = tables.depth_offset + before,
                                     .ranges = block.ranges,
                                     .range_count = count,
                                     .b = b,
                                     .ldb = ldb,
                                     .columns = width,
                                     .c = block.y + column,
                                     .c_offset = tables.layout.output + pixels.begin,
                                     .bias = slice == 0 && o.bias ? o.bias + column : nullptr,
                                     .activation = last ? o.activation : Activation::linear,
                                     .accumulate = slice > 0,
                                     .fetched = fresh && channels >= kLanes<T> && count > 0 ? channels : 0,
                                     .fetch_c = tables.fetch_output};
      if (p.pairs) {
        gather_pairs(product, channels % 2 != 0 ? rows_of_tap : 0);
      } else {
        gather_product(product);
      }
    }
  }
}

// The few filters of a group, all at once.
template <class T>
PN_INLINE void convolve_dots(const ConvolvePlan& p, const ConvolveOperands<T>& o, const ConvolveTables<T>& tables,
                             const ConvolveBlock<T>& block, int64_t pixels, int64_t group) {
  const int64_t column = group * p.filters;
  gather_dots(GatherDots<T>{.a = block.source + group * p.channels,
                            .row_offset = tables.layout.source,
                            .rows = pixels,
                            .run_offset = tables.depth_offset,
                            .runs = p.taps,
                            .length = p.channels,
                            .b = tables.packed + column * p.taps * p.channels,
                            .columns = p.filters,
                            .c = block.y + column,
                            .c_offset = tables.layout.output,
                            .bias = o.bias ? o.bias + column : nullptr,
                            .activation = o.activation});
}

// The maxima of the windows of a block that lies in scratch: channels [first, first + count). Rows and Columns are
// given at compile time, or 0.
template <int Rows, int Columns, class T>
void pool_block(const ConvolvePlan& p, const ConvolveOperands<T>& o, const Block& at, const T* block, int64_t first,
                int64_t count) {
  const int64_t rows = Rows ? Rows : o.pool_rows, columns = Columns ? Columns : o.pool_columns;
  const int64_t pixel = o.pitch.column, row = o.pitch.row, outputs = p.window.w.outputs / columns;
  for (int64_t n = 0; n < at.images; ++n) {
    const T* image = block + n * o.pitch.image + first;
    T* y = o.y + ((at.image + n) * p.window.h.outputs + at.row) / rows * outputs * pixel + first;
    for (int64_t i = 0; i < at.rows; i += rows, image += rows * row) {
      const T* x = image;
      for (int64_t j = 0; j < outputs; ++j, x += columns * pixel, y += pixel) {
        for_lanes<T>(0, count, [=](int64_t c, auto lanes) PN_LAMBDA {
          Vec<T> most = lanes.load(x + c);
#pragma GCC unroll 2
          for (int64_t k = 0; k < rows; ++k) {
#pragma GCC unroll 2
            for (int64_t l = k == 0; l < columns; ++l) most = larger(lanes.load(x + k * row + l * pixel + c), most);
          }
          lanes.store(y + c, most);
        });
      }
    }
  }
}

// pack(block, to) copies a block of weights, pack.element(block, channel, column) is one of them, pack.dots(to) copies
// all weights of a plan with dots.
template <class T, class Packer>
void convolve(const ConvolvePlan& p, const ConvolveOperands<T>& o, const Packer& pack, void* workspace) {
  const Window& window = p.window;
  if (window.blocks == 0) return;
  T* const packed = static_cast<T*>(workspace);
  const bool pools = o.pool_rows * o.pool_columns > 1;
  ConvolveTables<T> tables{packed, {}, nullptr, !pools && waits_for_output<T>(p)};
  ConvLayout& layout = tables.layout;
  layout.kind = reinterpret_cast<BlockKind*>(static_cast<char*>(workspace) + round_up(p.packed * sizeof(T), 64));
  layout.classes = reinterpret_cast<PixelClass*>(layout.kind + window.blocks_per_image);
  layout.source = reinterpret_cast<int64_t*>(layout.classes + p.layout.classes);
  layout.output = layout.source + p.layout.pixels;
  int64_t* const depth_offset = layout.output + p.layout.pixels;
  tables.depth_offset = depth_offset;
  lay_out(window, o.pitch, &layout);
  if (p.dots) {
    run_offsets(p, depth_offset);
    pack.dots(packed);
  } else {
    depth_offsets(p, depth_offset);
    if (p.pack == PackWeights::once) pack_all(p, pack, packed);
  }

  const int64_t panels_per_group = (p.filters + kGatherPanel<T> - 1) / kGatherPanel<T>;
  const int64_t panels = p.groups * panels_per_group;
  // Few blocks: also split the output channels, as far as the flops pay for it.
  const int64_t parts = parts_of_block(p.flops, window.blocks, panels);
  const int threads = threads_for(p.flops, 0);
  const int64_t padded_bytes = round_up(window.scratch * sizeof(T), 64);
  const int64_t range_bytes = round_up(p.taps * sizeof(DepthRange), 64);
  const int64_t panel_bytes = depth_rows(p, p.slice) * packed_row<T>(p, panel_width<T>(p, 0)) * sizeof(T);
  const int64_t own_bytes = p.pack == PackWeights::by_panel ? round_up(panel_bytes, 64) : 0;
  const int64_t block_bytes = pools ? window.block_images * o.pitch.image * sizeof(T) : 0;
  const size_t scratch_bytes = padded_bytes + range_bytes + own_bytes + block_bytes;
  parallel_chunks(window.blocks * parts, threads, scratch_bytes, [&](int64_t chunk, void* scratch) {
    const Block at = block_at(window, chunk / parts);
    char* const bytes = static_cast<char*>(scratch);
    const ConvolveBlock<T> block{.source = block_source(window, at, o.x, static_cast<T*>(scratch)),
                                 .y = pools ? reinterpret_cast<T*>(bytes + padded_bytes + range_bytes + own_bytes)
                                            : o.y + at.image * o.pitch.image + at.row * o.pitch.row,
                                 .images = at.images,
                                 .kind = layout.kind[chunk / parts % window.blocks_per_image],
                                 .ranges = reinterpret_cast<DepthRange*>(bytes + padded_bytes),
                                 .own_panel = reinterpret_cast<T*>(bytes + padded_bytes + range_bytes)};
    const int64_t begin = panels * (chunk % parts) / parts, end = panels * (chunk % parts + 1) / parts;
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t group = panel / panels_per_group, first = panel % panels_per_group * kGatherPanel<T>;
      if (p.dots) {
        convolve_dots(p, o, tables, block, block_pixels(window, at), group);
      } else {
        convolve_panel(p, o, pack, tables, block, group, first, panel == begin);
      }
      if (pools) {
        const bool pairs = o.pool_rows == 2 && o.pool_columns == 2;
        const auto pool = pairs ? pool_block<2, 2, T> : pool_block<0, 0, T>;
        pool(p, o, at, block.y, group * p.filters + first, panel_width<T>(p, first));
      }
    }
  });
}

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
