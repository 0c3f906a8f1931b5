// 2-D convolution: NHWC images, HWIO kernel. An HWIO kernel is the right operand of the gathered product as it lies.
#include "cpu/convolve.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

struct ForwardPlan {
  Window window;
  int64_t depth, filters;  // of a group
  double flops;
  bool packed;
};

template <class T>
ForwardPlan plan(const KernelArgs& args) {
  ConvGeometry g = conv_geometry(args.param<Conv2DParams>(), args.in[0].dims[3], args.out[0]);
  flatten_dense(&g.h, &g.w, &g.images);
  const int64_t pixels = g.images * g.h.outputs * g.w.outputs;
  ForwardPlan p;
  p.flops = conv_flops(g);
  p.window =
      make_window(g.h, g.w, g.images, g.channels, block_target(p.flops, pixels), block_elements<T>(conv_weights(g)));
  p.depth = g.h.taps * g.w.taps * (g.channels / g.groups);
  p.filters = g.filters / g.groups;
  // Long strides between the rows of a panel defeat prefetching; packing pays when many pixels use the panel.
  p.packed = uses_dots<T>(p.filters, g.channels / g.groups) || p.filters % kLanes<T> != 0 ||
             (g.filters > kGatherPanel<T> && pixels >= 8192);
  return p;
}

template <class T>
size_t workspace_of(const KernelArgs& args) {
  const ForwardPlan p = plan<T>(args);
  const int64_t packed = p.packed ? args.param<Conv2DParams>().groups * packed_group<T>(p.depth, p.filters) : 0;
  return round_up(packed * sizeof(T), 64) + convolve_offsets(p.window, p.depth) * sizeof(int64_t);
}

template <class T>
void pack(const T* kernel, int64_t depth, int64_t filters, int64_t groups, T* packed) {
  const int64_t panels = (filters + kGatherPanel<T> - 1) / kGatherPanel<T>;
  const int threads = threads_for(0, 2.0 * groups * depth * filters * sizeof(T));
  parallel_range(groups * panels, 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t group = panel / panels, first = panel % panels * kGatherPanel<T>;
      copy_padded(kernel + group * filters + first, groups * filters, depth, panel_width<T>(filters, first),
                  packed + group * packed_group<T>(depth, filters) + depth * first);
    }
  });
}

// packed[filter][tap, channel]
template <class T>
void pack_dots(const T* kernel, int64_t depth, int64_t filters, T* packed) {
  for (int64_t o = 0; o < filters; ++o) {
    for (int64_t k = 0; k < depth; ++k) *packed++ = kernel[k * filters + o];
  }
}

template <class T>
void run(const KernelArgs& args) {
  const Conv2DParams& params = args.param<Conv2DParams>();
  const ForwardPlan p = plan<T>(args);
  const T* const kernel = args.in[1].as<T>();
  T* const packed = static_cast<T*>(args.workspace);
  const int64_t bytes = p.packed ? params.groups * packed_group<T>(p.depth, p.filters) * sizeof(T) : 0;
  const int64_t filters = p.filters * params.groups;
  if (uses_dots<T>(p.filters, p.window.channels / params.groups)) {
    pack_dots(kernel, p.depth, filters, packed);
  } else if (p.packed) {
    pack(kernel, p.depth, p.filters, params.groups, packed);
  }
  convolve(Convolution<T>{.window = p.window,
                          .groups = params.groups,
                          .depth = p.depth,
                          .filters = p.filters,
                          .x = args.in[0].as<T>(),
                          .weights = p.packed ? packed : kernel,
                          .ldb = p.packed ? 0 : filters,
                          .bias = args.in[2].as<T>(),
                          .activation = params.activation,
                          .y = args.out[0].as<T>(),
                          .column_pitch = filters,
                          .row_pitch = p.window.w.outputs * filters,
                          .image_pitch = p.window.h.outputs * p.window.w.outputs * filters},
           p.flops, reinterpret_cast<int64_t*>(static_cast<char*>(args.workspace) + round_up(bytes, 64)));
}

void conv2d(const KernelArgs& args) {
  if (args.out[0].dtype == DType::float32) return run<float>(args);
  run<double>(args);
}
size_t conv2d_workspace(const KernelArgs& args) {
  return args.out[0].dtype == DType::float32 ? workspace_of<float>(args) : workspace_of<double>(args);
}

}  // namespace

PN_KERNELS(conv2d, {"conv2d", conv2d, conv2d_workspace})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
