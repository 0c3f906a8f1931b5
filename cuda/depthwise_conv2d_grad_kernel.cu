// Gradient of a depthwise convolution's kernel: for each tap and channel a sum over all pixels. Blocks take a chunk of
// the pixels, some channels and some neighbouring taps; a second pass adds up the chunks.
#include "cuda/conv_source.cuh"
#include "cuda/gemm.cuh"

namespace pyneural::cuda {
namespace {

constexpr int kTaps = 4;  // neighbours in a row, which share the loads of the output's gradient

template <class T>
struct Sums {
  Patches patches;
  const T *x, *grad;
  T* to;  // for each chunk: [tap row][tap][channel]
  int64_t channels, pixels_per_chunk;
  int tap_rows, taps, tap_groups;  // of a row
  int lanes;                       // threads side by side along the channels, a power of two
};

// Grid: groups of channels, groups of taps, chunks.
template <int kPack, class T>
__global__ void sum_pixels(const Sums<T> s) {
  using Values = Pack<T, kPack>;
  PN_SHARED(shared, T[kTaps * kPack][kBlockThreads]);
  const int thread = static_cast<int>(threadIdx.x), lane = thread % s.lanes, line = thread / s.lanes;
  const int lines = kBlockThreads / s.lanes;
  const int64_t channel = (static_cast<int64_t>(blockIdx.x) * s.lanes + lane) * kPack;
  const int tap_row = static_cast<int>(blockIdx.y) / s.tap_groups;
  const int first_tap = static_cast<int>(blockIdx.y) % s.tap_groups * kTaps;
  const bool used = channel < s.channels;

  T sums[kTaps][kPack] = {};
  if (used) {
    const int64_t begin = blockIdx.z * s.pixels_per_chunk;
    const int64_t end = s.patches.pixels - begin < s.pixels_per_chunk ? s.patches.pixels : begin + s.pixels_per_chunk;
    for (int64_t pixel = begin + line; pixel < end; pixel += lines) {
      const auto grad = *reinterpret_cast<const Values*>(s.grad + pixel * s.channels + channel);
      const Patches::Place place = s.patches.pixel(static_cast<int>(pixel));
#pragma unroll
      for (int t = 0; t < kTaps; ++t) {
        if (first_tap + t >= s.taps) break;
        const Patches::Place tap = s.patches.tap(tap_row, first_tap + t);
        if (!s.patches.inside(place, tap)) continue;
        const auto x = *reinterpret_cast<const Values*>(s.x + s.patches.offset(place, tap) + channel);
#pragma unroll
        for (int c = 0; c < kPack; ++c) sums[t][c] += x.values[c] * grad.values[c];
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kTaps * kPack; ++i) shared[i][thread] = sums[i / kPack][i % kPack];
  for (int half = lines / 2; half > 0; half /= 2) {
    __syncthreads();
    if (line >= half) continue;
#pragma unroll
    for (int i = 0; i < kTaps * kPack; ++i) shared[i][thread] += shared[i][thread + half * s.lanes];
  }
  if (line > 0 || !used) return;
  T* const to = s.to + (blockIdx.z * s.tap_rows + tap_row) * s.taps * s.channels + channel;
#pragma unroll
  for (int t = 0; t < kTaps; ++t) {
    if (first_tap + t >= s.taps) break;
#pragma unroll
    for (int c = 0; c < kPack; ++c) to[(first_tap + t) * s.channels + c] = shared[t * kPack + c][thread];
  }
}

ConvGeometry geometry(const KernelArgs& args) { return {args.param<Conv2DParams>(), args.in[0].dims[3], args.in[1]}; }

// Blocks enough to fill the GPU some times, but of enough pixels to be worth their sum.
GemmPlan plan_of(const ConvGeometry& g) {
  constexpr int64_t kBlocks = 132 * 8, kLeastPixels = 256, kMostChunks = 256;
  const int64_t others = ceil_div(g.channels, kWarp) * g.h.taps * ceil_div(g.w.taps, kTaps);
  int64_t chunks = ceil_div(kBlocks, others);
  const int64_t most = g.pixels() / kLeastPixels < kMostChunks ? g.pixels() / kLeastPixels : kMostChunks;
  chunks = chunks > most ? most : chunks;
  const int64_t per_chunk = ceil_div(g.pixels(), chunks < 1 ? 1 : chunks);
  const int64_t used = per_chunk > 0 ? ceil_div(g.pixels(), per_chunk) : 1;
  return {0, static_cast<int>(used < 1 ? 1 : used), static_cast<int>(per_chunk)};
}

template <class T>
void run(const KernelArgs& args) {
  if (args.out[0].size == 0) return;
  constexpr int kWide = 16 / sizeof(T);
  const ConvGeometry g = geometry(args);
  const GemmPlan plan = plan_of(g);
  const GemmOutput<T> out{args.out[0].as<T>(), args.out[0].size, nullptr,        g.channels,
                          Activation::linear,  args.workspace,   stream_of(args)};
  Sums<T> sums{Patches(g.h, g.w, g.images, 1, g.channels),
               args.in[0].as<const T>(),
               args.in[1].as<const T>(),
               plan.splits > 1 ? static_cast<T*>(args.workspace) : out.data,
               g.channels,
               plan.depth_per_split,
               static_cast<int>(g.h.taps),
               static_cast<int>(g.w.taps),
               static_cast<int>(ceil_div(g.w.taps, kTaps)),
               1};
  const auto start = [&](auto kernel, int pack) {
    const int64_t packs = g.channels / pack;
    while (sums.lanes < kWarp && sums.lanes < packs) sums.lanes *= 2;
    const dim3 grid(static_cast<unsigned>(ceil_div(packs, sums.lanes)),
                    static_cast<unsigned>(sums.tap_rows * sums.tap_groups), static_cast<unsigned>(plan.splits));
    launch(kernel, grid, kBlockThreads, 0, out.stream, sums);
  };
  if (g.channels % kWide == 0 && is_aligned(sums.x, 16) && is_aligned(sums.grad, 16)) {
    start(sum_pixels<kWide, T>, kWide);
  } else {
    start(sum_pixels<1, T>, 1);
  }
  add_splits(plan, out);
}

void depthwise_conv2d_grad_kernel(const KernelArgs& args) {
  with_real(args.out[0].dtype, [&](auto zero) { run<decltype(zero)>(args); });
}

size_t depthwise_conv2d_grad_kernel_workspace(const KernelArgs& args) {
  return args.out[0].size == 0 ? 0 : partials_bytes(plan_of(geometry(args)), args.out[0]);
}

}  // namespace

PN_KERNELS(depthwise_conv2d_grad_kernel,
           {"depthwise_conv2d_grad_kernel", depthwise_conv2d_grad_kernel, depthwise_conv2d_grad_kernel_workspace})
}  // namespace pyneural::cuda
