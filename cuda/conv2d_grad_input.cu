// Gradient of a convolution's input: a dense convolution of the output's gradient with the flipped, transposed kernel
// for each phase of the stride. Up to kPhases of them are one launch.
#include "cuda/conv_gemm.cuh"
#include "cuda/conv_phase.h"

namespace pyneural::cuda {
namespace {

constexpr int kPhases = 4;  // of a stride of 2 all

// The columns of the product are channels of the input, its depth are taps in the order of the phase and filters.
template <class T>
struct FlippedSource {
  const T* data;
  Divider tap_columns, group_filters;
  int64_t tap_pitch, channel_pitch;
  int last_row, last_column, row_step, column_step, kernel_columns;
  int channels, depth;

  __device__ __forceinline__ const T* outer(int64_t i) const { return data + (i < channels ? i : 0) * channel_pitch; }
  __device__ __forceinline__ int64_t inner(int k) const {
    if (k >= depth) return -1;
    int filter, column;
    const int row = tap_columns.divide(group_filters.divide(k, &filter), &column);
    return ((last_row - row * row_step) * kernel_columns + last_column - column * column_step) * tap_pitch + filter;
  }
  __device__ __forceinline__ bool holds(const T*, int64_t inner) const { return inner >= 0; }
  __device__ __forceinline__ const T* at(const T* outer, int64_t inner) const { return outer + inner; }
};

template <class T>
struct Part {
  PatchSource<T, false> a;
  FlippedSource<T> b;
  int64_t rows;
  int columns, depth, channel;
  Divider pixel_rows, pixel_columns;
  int64_t first, column_pitch, row_pitch, image_pitch;

  __device__ __forceinline__ int64_t offset(int64_t pixel) const {
    int column, row;
    const int image = pixel_rows.divide(pixel_columns.divide(static_cast<int>(pixel), &column), &row);
    return first + image * image_pitch + row * row_pitch + column * column_pitch;
  }
};

// A batch is the groups.
template <class T>
struct Problem {
  static constexpr bool kAlongDepthA = true, kAlongDepthB = true, kActivates = false;
  struct Phase {
    Patches patches;
    FlippedSource<T> kernel;
    int64_t first;
  };
  const T* grad;
  Phase phases[kPhases];
  int group_channels, group_filters;
  int64_t column_pitch, row_pitch, image_pitch;  // from one pixel of a phase to its next one

  bool columns_multiple(int of) const { return group_channels % of == 0; }

  __device__ __forceinline__ Part<T> part(int group, int index) const {
    const Phase& phase = phases[index];
    FlippedSource<T> kernel = phase.kernel;
    kernel.data += group * group_filters;
    const int channel = group * group_channels;
    return {{grad + group * group_filters, phase.patches},
            kernel,
            phase.patches.pixels,
            group_channels,
            phase.patches.depth,
            channel,
            phase.patches.pixel_rows,
            phase.patches.pixel_columns,
            phase.first + channel,
            column_pitch,
            row_pitch,
            image_pitch};
  }
};

ConvGeometry geometry(const KernelArgs& args) { return {args.param<Conv2DParams>(), args.out[0].dims[3], args.in[0]}; }

// At least that of any phase.
GemmShape shape_of(const ConvGeometry& g) {
  const int64_t rows = ceil_div(g.h.source, g.h.stride), columns = ceil_div(g.w.source, g.w.stride);
  const int64_t taps = ceil_div(g.h.taps, tap_step(g.h)) * ceil_div(g.w.taps, tap_step(g.w));
  return {g.images * rows * columns, g.group_channels(), taps * g.group_filters(), g.groups, g.packs()};
}

// Phases are blocks of their own, but all have the same plan.
GemmPlan plan_of(const KernelArgs& args, const ConvGeometry& g) {
  GemmShape shape = shape_of(g);
  shape.batch *= g.h.stride * g.w.stride;
  return plan_conv(args, shape);
}

template <class T>
typename Problem<T>::Phase phase_at(const ConvGeometry& g, const T* kernel, int64_t index) {
  const ConvPhase h = phase_of(g.h, index / g.w.stride), w = phase_of(g.w, index % g.w.stride);
  const Patches patches(h.window, w.window, g.images, g.group_filters(), g.filters);
  return {
      patches,
      {kernel, patches.tap_columns, patches.channels, g.group_channels() * g.filters, g.filters,
       static_cast<int>(h.last_tap), static_cast<int>(w.last_tap), static_cast<int>(h.tap_step),
       static_cast<int>(w.tap_step), static_cast<int>(g.w.taps), static_cast<int>(g.group_channels()), patches.depth},
      (h.first * g.w.source + w.first) * g.channels};
}

template <class T>
void run(const KernelArgs& args) {
  if (args.out[0].size == 0) return;
  const ConvGeometry g = geometry(args);
  const GemmShape shape = shape_of(g);
  const GemmPlan plan = plan_of(args, g);
  const T *grad = args.in[0].as<const T>(), *kernel = args.in[1].as<const T>();
  const GemmOutput<T> out{args.out[0].as<T>(), args.out[0].size, nullptr,        g.channels,
                          Activation::linear,  args.workspace,   stream_of(args)};
  const int64_t row = g.w.source * g.channels, all = g.h.stride * g.w.stride;
  for (int64_t first = 0; first < all; first += kPhases) {
    const int count = static_cast<int>(all - first < kPhases ? all - first : kPhases);
    Problem<T> problem{grad,
                       {},
                       static_cast<int>(g.group_channels()),
                       static_cast<int>(g.group_filters()),
                       g.w.stride * g.channels,
                       g.h.stride * row,
                       g.h.source * row};
    for (int i = 0; i < count; ++i) problem.phases[i] = phase_at<T>(g, kernel, first + i);
    ConvTiles::run(problem, shape, count, plan, args.param<Conv2DParams>().precision, out, has_aligned_operands(args));
  }
  add_splits(plan, out);
}

void conv2d_grad_input(const KernelArgs& args) {
  with_real(args.out[0].dtype, [&](auto zero) { run<decltype(zero)>(args); });
}

size_t conv2d_grad_input_workspace(const KernelArgs& args) {
  const View& out = args.out[0];
  return out.size == 0 ? 0 : partials_bytes(plan_of(args, geometry(args)), out);
}

}  // namespace

PN_KERNELS(conv2d_grad_input, {"conv2d_grad_input", conv2d_grad_input, conv2d_grad_input_workspace})
}  // namespace pyneural::cuda
