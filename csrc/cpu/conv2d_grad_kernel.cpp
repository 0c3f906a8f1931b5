// Gradient of a convolution's kernel: for each (tap, channel) and filter, the sum over all pixels of input times output
// gradient. The sum over blocks is cut into a number of splits fixed by the shape, added in order: the bits do not
// depend on the number of threads.
#include "cpu/conv_grad_plan.h"
#include "cpu/gather_gemm.h"
#include "cpu/outer_products.h"
#include "cpu/transpose.h"
#include "cpu/winograd_tiles.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

ConvGeometry geometry_of(const KernelArgs& args) {
  return conv_geometry(args.param<Conv2DParams>(), args.in[0].dims[3], args.in[1]);
}

template <class T>
size_t workspace_of(const KernelArgs& args) {
  const GradKernelPlan p = plan<T>(geometry_of(args));
  const int64_t offsets = 2 * lists_of(p) * largest_block(p.window) + 2 * p.rows;
  return partial_elements<T>(p) * sizeof(T) + offsets * sizeof(int64_t);
}

// out[row, filter] = sums[filter, row]
template <class T>
void transpose_sums(const GradKernelPlan& p, const T* sums, T* out) {
  const int64_t filters = p.g.filters;
  for (int64_t row = 0; row < p.rows; ++row) {
    for (int64_t o = 0; o < filters; ++o) out[row * filters + o] = sums[o * p.rows + row];
  }
}

// A panel of gradients of so many pixels stays in L1 while the rows pass over it. Where the sum itself does not stay in
// L2, it should be read and written less often.
template <class T>
PN_INLINE int64_t chunks_of(const GradKernelPlan& p, int64_t pixels) {
  constexpr int64_t kInL1 = 128, kInL2 = 512, kSumInL2 = 512 * 1024;
  const int64_t depth = p.rows * p.g.filters * static_cast<int64_t>(sizeof(T)) <= kSumInL2 ? kInL1 : kInL2;
  return (pixels + depth - 1) / depth;
}

// The panel's row length: that of the gradients themselves if they are one panel wide.
template <class T>
PN_INLINE int64_t panel_pitch(int64_t filters, int64_t groups) {
  constexpr int64_t kPanel = kOuterVectors * kLanes<T>;
  if (groups == 1 && filters <= kPanel && filters % kLanes<T> == 0) return filters;
  return filters < kPanel ? round_up(filters, kLanes<T>) : kPanel;
}

// The pixels of a block of images at which a tap lies inside the image; returns how many there are in one image.
PN_INLINE int64_t list_pixels(const ConvGeometry& g, const Window& window, int64_t tap, int64_t pitch,
                              int64_t* source_offset, int64_t* grad_offset) {
  int64_t count = 0, pixel = 0;
  for (int64_t n = 0; n < window.block_images; ++n) {
    for (int64_t i = 0; i < g.h.outputs; ++i) {
      const int64_t y = i * g.h.stride + tap / g.w.taps * g.h.dilation + g.h.offset;
      for (int64_t j = 0; j < g.w.outputs; ++j, ++pixel) {
        const int64_t x = j * g.w.stride + tap % g.w.taps * g.w.dilation + g.w.offset;
        if (y < 0 || y >= g.h.source || x < 0 || x >= g.w.source) continue;
        source_offset[count] = ((n * g.h.source + y) * g.w.source + x) * g.channels;
        grad_offset[count++] = pixel * pitch;
      }
    }
  }
  return count / window.block_images;
}

// rows x width elements, into rows `to_pitch` apart, with zeros behind each up to whole vectors.
template <class T>
PN_INLINE void copy_panel(const T* from, int64_t pitch, int64_t rows, int64_t width, T* to, int64_t to_pitch) {
  constexpr int lanes = kLanes<T>;
  constexpr int64_t kRowsAhead = 16;  // the hardware does not foresee parts of rows
  for (int64_t i = 0; i < rows; ++i, from += pitch, to += to_pitch) {
    for (int64_t j = 0; j < width; j += lanes) {
      __builtin_prefetch(from + kRowsAhead * pitch + j, 0, 2);
      store(to + j, width - j < lanes ? load_first(from + j, static_cast<int>(width - j)) : load(from + j));
    }
  }
}

// What all chunks of work share.
template <class T>
struct Sum {
  const GradKernelPlan& p;
  const int64_t* tap;       // [rows]: offsets in the source
  const int64_t* c_offset;  // [rows]
  // Pixels of a block, image by image: their offsets in the source and in the gradients (for rows: in the panel). A
  // trimmed plan has [taps] lists with their lengths for one image; their source offsets contain the tap's. For columns
  // it has [rows of taps] lists, class by class, and the rows of an image that each sees.
  const int64_t *source, *grad, *per_image;
};

// One block, the channels and filters of a group.
template <class T>
struct BlockOperands {
  const T* source;
  const T* grad;  // [pixels, ldg]
  int64_t ldg;
  int64_t images, pixels;
  T* c;
  bool accumulate;
  T* panel;  // memory for [pixels, a panel of filters]
};

// The pixels of a block at which a tap lies inside the image, or all of them.
template <class T>
struct TapPixels {
  const T* source;
  const int64_t *source_offset, *grad_offset;
  int64_t count;
};
template <class T>
PN_INLINE TapPixels<T> pixels_of_tap(const Sum<T>& s, const BlockOperands<T>& block, int64_t tap) {
  if (!s.p.trimmed) {
    const int64_t channels = s.p.g.channels / s.p.g.groups;
    return {block.source + s.tap[tap * channels], s.source, s.grad, block.pixels};
  }
  const int64_t list = tap * largest_block(s.p.window);
  return {block.source, s.source + list, s.grad + list, s.per_image[tap] * block.images};
}

// A part of the products of a panel of filters and kRowBlock channels of a tap, panel by panel: few parts copy the same
// panel.
template <class T>
void sum_rows(const Sum<T>& s, const BlockOperands<T>& block, int64_t part, int64_t parts) {
  const GradKernelPlan& p = s.p;
  constexpr int64_t kPanel = kOuterVectors * kLanes<T>;
  const int64_t filters = p.g.filters / p.g.groups, channels = p.g.channels / p.g.groups;
  const int64_t pitch = panel_pitch<T>(filters, p.g.groups);
  const int64_t chunks = chunks_of<T>(p, block.pixels);
  const int64_t units = taps_of(p) * blocks_per_tap(p), products = (filters + kPanel - 1) / kPanel * units;
  for (int64_t at = products * part / parts, left = products * (part + 1) / parts - at; left > 0;) {
    const int64_t first = at % units, end = first + left < units ? first + left : units;
    const int64_t column = at / units * kPanel;
    at += end - first;
    left -= end - first;
    const int64_t width = filters - column < kPanel ? filters - column : kPanel;
    const T* grad = block.grad;
    if (pitch != block.ldg) {
      copy_panel(block.grad + column, block.ldg, block.pixels, width, block.panel, pitch);
      grad = block.panel;
    }
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      int64_t tap = first / blocks_per_tap(p), channel = first % blocks_per_tap(p) * kRowBlock;
      for (int64_t unit = first; unit < end; ++unit) {
        const TapPixels<T> pixels = pixels_of_tap(s, block, tap);
        const int64_t from = pixels.count * chunk / chunks, depth = pixels.count * (chunk + 1) / chunks - from;
        add_outer_products(OuterProducts<T>{.a = pixels.source + channel,
                                            .a_offset = pixels.source_offset + from,
                                            .rows = channels - channel < kRowBlock ? channels - channel : kRowBlock,
                                            .b = grad,
                                            .b_offset = pixels.grad_offset + from,
                                            .columns = width,
                                            .depth = depth,
                                            .c = block.c + (tap * channels + channel) * p.g.filters + column,
                                            .ldc = p.g.filters,
                                            .accumulate = block.accumulate || chunk > 0});
        channel += kRowBlock;
        if (channel >= channels) {
          channel = 0;
          ++tap;
        }
      }
    }
  }
}

// Pixels that wait in L1, with their gradients, while all rows of taps pass over them.
template <class T>
PN_INLINE int64_t chunks_of_columns(const ConvGeometry& g, int64_t pixels) {
  constexpr int64_t kBytes = 32 * 1024, kFewest = 128, kMost = 512;
  const int64_t bytes = (g.channels + g.filters) * static_cast<int64_t>(sizeof(T));
  const int64_t depth = clamp(kBytes / bytes, kFewest, kMost);
  return (pixels + depth - 1) / depth;
}

// Operands exchanged: C[filter, row] for the taps of a row from `first_tap` on.
template <class T>
void add_columns(const Sum<T>& s, const BlockOperands<T>& block, int64_t first_tap, int64_t taps, const T* source,
                 const int64_t* source_offset, const int64_t* grad_offset, int64_t depth, bool accumulate) {
  const ConvGeometry& g = s.p.g;
  const int64_t vectors = taps * g.channels / kLanes<T>, panels = (vectors + kOuterVectors - 1) / kOuterVectors;
  for (int64_t panel = 0; panel < panels; ++panel) {
    const int64_t begin = vectors * panel / panels * kLanes<T>, end = vectors * (panel + 1) / panels * kLanes<T>;
    add_outer_products(OuterProducts<T>{.a = block.grad,
                                        .a_offset = grad_offset,
                                        .rows = g.filters,
                                        .b = source + begin,
                                        .b_offset = source_offset,
                                        .columns = end - begin,
                                        .depth = depth,
                                        .c = block.c + first_tap * g.channels + begin,
                                        .ldc = s.p.rows,
                                        .accumulate = accumulate});
  }
}

template <class T>
void sum_columns(const Sum<T>& s, const BlockOperands<T>& block) {
  const ConvGeometry& g = s.p.g;
  const int64_t chunks = chunks_of_columns<T>(g, block.pixels);
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    const int64_t first = block.pixels * chunk / chunks, depth = block.pixels * (chunk + 1) / chunks - first;
    for (int64_t tap = 0; tap < taps_of(s.p); tap += g.w.taps) {
      add_columns(s, block, tap, g.w.taps, block.source + s.tap[tap * g.channels], s.source + first, s.grad + first,
                  depth, block.accumulate || chunk > 0);
    }
  }
}

// The outputs [begin, end) of all rows, which see the same taps.
template <class T>
void sum_class(const Sum<T>& s, const BlockOperands<T>& block, int64_t begin, int64_t end, bool accumulate) {
  const ConvGeometry& g = s.p.g;
  const TapRange taps = taps_inside(g.w, false, begin);
  if (taps.first == taps.end) return;
  const int64_t of_row = block.images * (end - begin), chunks = chunks_of_columns<T>(g, of_row * g.h.outputs);
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    for (int64_t row = 0; row < g.h.taps; ++row) {
      const int64_t list = row * largest_block(s.p.window) + s.p.window.block_images * g.h.outputs * begin;
      const int64_t pixels = of_row * s.per_image[row];
      const int64_t first = pixels * chunk / chunks, depth = pixels * (chunk + 1) / chunks - first;
      add_columns(s, block, row * g.w.taps + taps.first, taps.end - taps.first, block.source, s.source + list + first,
                  s.grad + list + first, depth, accumulate || chunk > 0);
    }
  }
}

// The pixels that see all taps of a row come first: they reach every element of the sum.
template <class T>
void sum_trimmed_columns(const Sum<T>& s, const BlockOperands<T>& block) {
  const WindowAxis& w = s.p.g.w;
  for_each_class(w, [&](int64_t begin, int64_t end) {
    if (sees_all(w, begin)) sum_class(s, block, begin, end, block.accumulate);
  });
  for_each_class(w, [&](int64_t begin, int64_t end) {
    if (!sees_all(w, begin)) sum_class(s, block, begin, end, true);
  });
}

// Lists for sum_trimmed_columns, and for each row of taps how many rows of an image it sees.
PN_INLINE void list_classes(const GradKernelPlan& p, int64_t* source_offset, int64_t* grad_offset, int64_t* rows) {
  const ConvGeometry& g = p.g;
  for (int64_t tap = 0; tap < g.h.taps; ++tap) {
    rows[tap] = 0;
    for (int64_t i = 0; i < g.h.outputs; ++i) {
      const int64_t y = i * g.h.stride + tap * g.h.dilation + g.h.offset;
      rows[tap] += y >= 0 && y < g.h.source ? 1 : 0;
    }
    for_each_class(g.w, [&](int64_t begin, int64_t end) {
      const int64_t list = tap * largest_block(p.window) + p.window.block_images * g.h.outputs * begin;
      list_outputs(g, p.window, tap, begin, end, taps_inside(g.w, false, begin).first, source_offset + list,
                   grad_offset + list);
    });
  }
}

// Rows [first, first + rows) of any taps.
template <class T>
void sum_gathered(const Sum<T>& s, const BlockOperands<T>& block, int64_t first, int64_t rows) {
  const int64_t filters = s.p.g.filters / s.p.g.groups;
  for (int64_t column = 0; column < filters; column += kGatherPanel<T>) {
    const int64_t width = filters - column < kGatherPanel<T> ? filters - column : kGatherPanel<T>;
    const bool ragged = width % kLanes<T> != 0;
    if (ragged) copy_padded(block.grad + column, block.ldg, block.pixels, width, block.panel);
    const DepthRange all_pixels{0, block.pixels};
    gather_product(GatherProduct<T>{.a = block.source,
                                    .row_offset = s.tap + first,
                                    .rows = rows,
                                    .depth_offset = s.source,
                                    .ranges = &all_pixels,
                                    .range_count = 1,
                                    .b = ragged ? block.panel : block.grad + column,
                                    .ldb = ragged ? round_up(width, kLanes<T>) : block.ldg,
                                    .columns = width,
                                    .c = block.c + column,
                                    .c_offset = s.c_offset + first,
                                    .bias = nullptr,
                                    .activation = Activation::linear,
                                    .accumulate = block.accumulate});
  }
}

template <class T>
void sum_dots(const Sum<T>& s, const BlockOperands<T>& block) {
  gather_outer(GatherOuter<T>{.a = block.source,
                              .vector_offset = s.c_offset,
                              .vectors = s.p.rows / kLanes<T>,
                              .depth_offset = s.source,
                              .depth = block.pixels,
                              .b = block.grad,
                              .ldb = block.ldg,
                              .columns = s.p.g.filters / s.p.g.groups,
                              .c = block.c,
                              .accumulate = block.accumulate});
}

// [pixels, filters] to [filters, pixels]; fewer filters than lanes
template <class T>
void filters_first(const T* from, int64_t pixels, int64_t filters, T* to) {
  constexpr int lanes = kLanes<T>;
  for (int64_t k = 0; k < pixels; k += lanes) {
    const int count = static_cast<int>(pixels - k < lanes ? pixels - k : lanes);
    Vec<T> block[lanes];
    for (int i = 0; i < lanes; ++i) {
      block[i] = i < count ? load_first(from + (k + i) * filters, static_cast<int>(filters)) : Vec<T>{};
    }
    transpose_lanes(block);
    for (int64_t n = 0; n < filters; ++n) store_first(to + n * pixels + k, block[n], count);
  }
}

// Each sum is that of the products of image rows and rows of gradients.
template <class T>
void sum_pixels(const Sum<T>& s, const BlockOperands<T>& block) {
  const GradKernelPlan& p = s.p;
  const int64_t filters = p.g.filters, columns = p.g.w.outputs;
  filters_first(block.grad, block.pixels, filters, block.panel);
  const int64_t calls = (filters + kMostDots - 1) / kMostDots;
  for (int64_t i = 0; i < calls; ++i) {
    const int64_t first = filters * i / calls, end = filters * (i + 1) / calls;
    gather_dots(GatherDots<T>{.a = block.source,
                              .row_offset = s.tap,
                              .rows = p.rows,
                              .run_offset = s.source,
                              .runs = block.pixels / columns,
                              .length = columns,
                              .b = block.panel + first * block.pixels,
                              .columns = end - first,
                              .c = block.c + first,
                              .c_offset = s.c_offset,
                              .bias = nullptr,
                              .activation = Activation::linear,
                              .accumulate = block.accumulate});
  }
}

template <class T>
void run(const KernelArgs& args) {
  const GradKernelPlan p = plan<T>(geometry_of(args));
  const ConvGeometry& g = p.g;
  const Window& window = p.window;
  T* const out = args.out[0].as<T>();
  if (window.blocks == 0) return fill_zero(out, args.out[0].size);
  const T* const x = args.in[0].as<T>();
  const T* const grad = args.in[1].as<T>();
  T* const partials = static_cast<T*>(args.workspace);
  int64_t* const source_offset = reinterpret_cast<int64_t*>(partials + partial_elements<T>(p));
  int64_t* const grad_offset = source_offset + lists_of(p) * largest_block(window);
  int64_t* const tap = grad_offset + lists_of(p) * largest_block(window);
  int64_t* const c_offset = tap + p.rows;
  const int64_t channels = g.channels / g.groups, filters = g.filters / g.groups;
  for (int64_t row = 0; row < p.rows; ++row) {
    const int64_t t = row / channels;
    tap[row] = tap_offset(window, t / g.w.taps, t % g.w.taps) + row % channels;
    c_offset[row] = row * g.filters;
  }
  const int64_t pitch = p.method == Method::rows ? panel_pitch<T>(filters, g.groups) : g.filters;
  if (p.trimmed && p.method == Method::columns) {
    list_classes(p, source_offset, grad_offset, c_offset);
  } else if (p.trimmed) {
    for (int64_t t = 0; t < taps_of(p); ++t) {
      const int64_t list = t * largest_block(window);
      c_offset[t] = list_pixels(g, window, t, pitch, source_offset + list, grad_offset + list);
    }
  } else {
    pixel_offsets(window, source_offset);
    for (int64_t k = 0; k < largest_block(window); ++k) grad_offset[k] = k * pitch;
  }
  if (p.method == Method::pixels) {  // of each row its first
    for (int64_t i = 0; i < largest_block(window) / g.w.outputs; ++i) source_offset[i] = source_offset[i * g.w.outputs];
  }
  for (int64_t v = 0; p.method == Method::dots && v < p.rows / kLanes<T>; ++v) c_offset[v] = tap[v * kLanes<T>];
  const Sum<T> sum{p, tap, c_offset, source_offset, grad_offset, c_offset};

  const int threads = threads_for(p.flops, 0);
  const size_t scratch_bytes = (round_up(window.scratch, 16) + largest_block(window) * kGatherPanel<T>)*sizeof(T);
  parallel_chunks(p.splits.blocks * p.splits.parts, threads, scratch_bytes, [&](int64_t chunk, void* scratch) {
    const int64_t split = chunk / p.splits.parts, part = chunk % p.splits.parts, parts = p.splits.parts;
    const int64_t first_block = window.blocks * split / p.splits.blocks,
                  end = window.blocks * (split + 1) / p.splits.blocks;
    const int64_t size = p.rows * g.filters;
    T* const c = is_transposed(p) ? partials + split * size : split == 0 ? out : partials + (split - 1) * size;
    for (int64_t at = first_block; at < end; ++at) {
      const Block block = block_at(window, at);
      const T* const source = p.trimmed ? x + block.image * g.h.source * g.w.source * g.channels
                                        : block_source(window, block, x, static_cast<T*>(scratch));
      const T* const rows_of_grad = grad + (block.image * g.h.outputs + block.row) * g.w.outputs * g.filters;
      for (int64_t group = 0; group < g.groups; ++group) {
        const BlockOperands<T> operands{.source = source + group * channels,
                                        .grad = rows_of_grad + group * filters,
                                        .ldg = g.filters,
                                        .images = block.images,
                                        .pixels = block_pixels(window, block),
                                        .c = c + group * filters * (is_transposed(p) ? p.rows : 1),
                                        .accumulate = at > first_block,
                                        .panel = static_cast<T*>(scratch) + round_up(window.scratch, 16)};
        const auto of_part = [&](int64_t units, int64_t index) { return units * index / parts; };
        switch (p.method) {
          case Method::rows:
            sum_rows(sum, operands, part, parts);
            break;
          case Method::columns:
            p.trimmed ? sum_trimmed_columns(sum, operands) : sum_columns(sum, operands);
            break;
          case Method::gathered:
            sum_gathered(sum, operands, of_part(p.rows, part), of_part(p.rows, part + 1) - of_part(p.rows, part));
            break;
          case Method::dots:
            sum_dots(sum, operands);
            break;
          case Method::pixels:
            sum_pixels(sum, operands);
        }
      }
    }
  });

  const int64_t size = p.rows * g.filters;
  if (!is_transposed(p)) return add_partials(out, partials, p.splits.blocks - 1, size);
  add_partials(partials, partials + size, p.splits.blocks - 1, size);
  transpose_sums(p, partials, out);
}

bool by_winograd(const KernelArgs& args) {
  const ConvGeometry g = geometry_of(args);
  return is_winograd(g, winograd_shape(g), Taps::summed, args.out[0].dtype);
}

void conv2d_grad_kernel(const KernelArgs& args) {
  if (by_winograd(args)) {
    return winograd_grad_kernel(winograd_shape(geometry_of(args)), args.in[0].as<float>(), args.in[1].as<float>(),
                                args.out[0].as<float>(), args.workspace);
  }
  if (args.out[0].dtype == DType::float32) return run<float>(args);
  run<double>(args);
}
size_t conv2d_grad_kernel_workspace(const KernelArgs& args) {
  if (by_winograd(args)) return winograd_grad_kernel_workspace(winograd_shape(geometry_of(args)));
  return args.out[0].dtype == DType::float32 ? workspace_of<float>(args) : workspace_of<double>(args);
}

}  // namespace

PN_KERNELS(conv2d_grad_kernel, {"conv2d_grad_kernel", conv2d_grad_kernel, conv2d_grad_kernel_workspace})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
