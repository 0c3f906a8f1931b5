// Gradient of a convolution's kernel: for each (tap, channel) and filter, the sum over all pixels of input times output
// gradient. The sum over blocks is cut into a number of splits fixed by the shape, added in order: the bits do not
// depend on the number of threads.
#include "cpu/conv_partials.h"
#include "cpu/gather_dots.h"
#include "cpu/gather_gemm.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

struct GradKernelPlan {
  ConvGeometry g;
  Window window;
  int64_t rows;  // taps * channels of a group
  Splits splits;
  bool transposed;  // a few filters: the gradient is summed as [filter, row], with vectors along the channels
  double flops;
};

template <class T>
GradKernelPlan plan(const KernelArgs& args) {
  GradKernelPlan p;
  p.g = conv_geometry(args.param<Conv2DParams>(), args.in[0].dims[3], args.in[1]);
  flatten_dense(&p.g.h, &p.g.w, &p.g.images);
  p.flops = conv_flops(p.g);
  const int64_t pixels = p.g.images * p.g.h.outputs * p.g.w.outputs;
  p.window = make_window(p.g.h, p.g.w, p.g.images, p.g.channels, clamp(pixels / 8, 128, 448),
                         block_elements<T>(conv_weights(p.g)));
  p.rows = p.g.h.taps * p.g.w.taps * (p.g.channels / p.g.groups);
  p.transposed = p.g.filters / p.g.groups <= kMostDots && p.g.channels / p.g.groups % kLanes<T> == 0;
  constexpr int64_t kRowsPerPart = 96;
  p.splits = choose_splits(p.flops, pixels, p.window.blocks, p.rows * p.g.filters * sizeof(T),
                           p.transposed ? 1 : p.rows / kRowsPerPart);
  return p;
}

template <class T>
int64_t partial_elements(const GradKernelPlan& p) {
  const int64_t copies = p.transposed ? p.splits.blocks : p.splits.blocks - 1;
  return round_up(copies * p.rows * p.g.filters, 16);
}

template <class T>
size_t workspace_of(const KernelArgs& args) {
  const GradKernelPlan p = plan<T>(args);
  return partial_elements<T>(p) * sizeof(T) + (largest_block(p.window) + 2 * p.rows) * sizeof(int64_t);
}

// out[row, filter] = sum of partials[split][filter, row]
template <class T>
void add_transposed(const GradKernelPlan& p, const T* partials, T* out) {
  const int64_t filters = p.g.filters, size = p.rows * filters;
  for (int64_t row = 0; row < p.rows; ++row) {
    for (int64_t o = 0; o < filters; ++o) {
      T sum = 0;
      for (int64_t s = 0; s < p.splits.blocks; ++s) sum += partials[s * size + o * p.rows + row];
      out[row * filters + o] = sum;
    }
  }
}

template <class T>
void run(const KernelArgs& args) {
  const GradKernelPlan p = plan<T>(args);
  const ConvGeometry& g = p.g;
  const Window& window = p.window;
  T* const out = args.out[0].as<T>();
  if (window.blocks == 0) return fill_zero(out, args.out[0].size);
  const T* const x = args.in[0].as<T>();
  const T* const grad = args.in[1].as<T>();
  T* const partials = static_cast<T*>(args.workspace);
  int64_t* const pixel = reinterpret_cast<int64_t*>(partials + partial_elements<T>(p));
  int64_t* const tap = pixel + largest_block(window);
  int64_t* const c_offset = tap + p.rows;
  pixel_offsets(window, pixel);
  const int64_t channels = g.channels / g.groups, filters = g.filters / g.groups;
  for (int64_t row = 0; row < p.rows; ++row) {
    const int64_t t = row / channels;
    tap[row] = tap_offset(window, t / g.w.taps, t % g.w.taps) + row % channels;
    c_offset[row] = row * g.filters;
  }
  const int64_t vectors = p.rows / kLanes<T>;
  int64_t* const vector_offset = c_offset;  // instead of it
  for (int64_t v = 0; p.transposed && v < vectors; ++v) vector_offset[v] = tap[v * kLanes<T>];

  const int threads = threads_for(p.flops, 0);
  const int64_t packed = filters % kLanes<T> ? largest_block(window) * kGatherPanel<T> : 0;
  const size_t scratch_bytes = (round_up(window.scratch, 16) + packed) * sizeof(T);
  parallel_chunks(p.splits.blocks * p.splits.parts, threads, scratch_bytes, [&](int64_t chunk, void* scratch) {
    const int64_t split = chunk / p.splits.parts, part = chunk % p.splits.parts;
    const int64_t first_row = p.rows * part / p.splits.parts, rows = p.rows * (part + 1) / p.splits.parts - first_row;
    const int64_t first_block = window.blocks * split / p.splits.blocks,
                  end = window.blocks * (split + 1) / p.splits.blocks;
    const int64_t size = p.rows * g.filters;
    T* const c = p.transposed ? partials + split * size : split == 0 ? out : partials + (split - 1) * size;
    T* const panel = static_cast<T*>(scratch) + round_up(window.scratch, 16);
    for (int64_t at = first_block; at < end; ++at) {
      const Block block = block_at(window, at);
      const T* const source = block_source(window, block, x, static_cast<T*>(scratch));
      const int64_t pixels = block_pixels(window, block);
      const DepthRange all_pixels{0, pixels};
      const T* const rows_of_grad = grad + (block.image * g.h.outputs + block.row) * g.w.outputs * g.filters;
      for (int64_t group = 0; group < g.groups; ++group) {
        if (p.transposed) {
          gather_outer(GatherOuter<T>{.a = source + group * channels,
                                      .vector_offset = vector_offset,
                                      .vectors = vectors,
                                      .depth_offset = pixel,
                                      .depth = pixels,
                                      .b = rows_of_grad + group * filters,
                                      .ldb = g.filters,
                                      .columns = filters,
                                      .c = c + group * filters * p.rows,
                                      .accumulate = at > first_block});
          continue;
        }
        for (int64_t first = 0; first < filters; first += kGatherPanel<T>) {
          const int64_t width = filters - first < kGatherPanel<T> ? filters - first : kGatherPanel<T>;
          const int64_t column = group * filters + first;
          const bool ragged = width % kLanes<T> != 0;
          if (ragged) copy_padded(rows_of_grad + column, g.filters, pixels, width, panel);
          gather_product(GatherProduct<T>{.a = source + group * channels,
                                          .row_offset = tap + first_row,
                                          .rows = rows,
                                          .depth_offset = pixel,
                                          .ranges = &all_pixels,
                                          .range_count = 1,
                                          .b = ragged ? panel : rows_of_grad + column,
                                          .ldb = ragged ? round_up(width, kLanes<T>) : g.filters,
                                          .columns = width,
                                          .c = c + column,
                                          .c_offset = c_offset + first_row,
                                          .bias = nullptr,
                                          .activation = Activation::linear,
                                          .accumulate = at > first_block});
        }
      }
    }
  });

  if (p.transposed) return add_transposed(p, partials, out);
  add_partials(out, partials, p.splits.blocks - 1, p.rows * g.filters);
}

void conv2d_grad_kernel(const KernelArgs& args) {
  if (args.out[0].dtype == DType::float32) return run<float>(args);
  run<double>(args);
}
size_t conv2d_grad_kernel_workspace(const KernelArgs& args) {
  return args.out[0].dtype == DType::float32 ? workspace_of<float>(args) : workspace_of<double>(args);
}

}  // namespace

PN_KERNELS(conv2d_grad_kernel, {"conv2d_grad_kernel", conv2d_grad_kernel, conv2d_grad_kernel_workspace})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
