// Maximum and average over sliding windows: a thread for each pack of channels of each output.
#include "cuda/windows.cuh"

namespace pyneural::cuda {
namespace {

struct Maximum {
  // A NaN in either operand wins.
  template <class T>
  static __device__ __forceinline__ T join(T sum, T x) {
    return x > sum || x != x ? x : sum;
  }
  template <class T>
  static __device__ __forceinline__ T finish(T sum, T) {
    return sum;
  }
};
struct Average {
  template <class T>
  static __device__ __forceinline__ T join(T sum, T x) {
    return sum + x;
  }
  template <class T>
  static __device__ __forceinline__ T finish(T sum, T count) {
    return sum / count;
  }
};

template <class Op, class T, int kPack>
__device__ __forceinline__ void join_pack(Pack<T, kPack>& sum, const Pack<T, kPack>& x) {
#pragma unroll
  for (int v = 0; v < kPack; ++v) sum.values[v] = Op::join(sum.values[v], x.values[v]);
}

// kTaps x kTaps windows are loaded before they are joined; 0: windows of any size.
template <class Op, int kTaps, class T, int kPack>
__global__ void pool_pixels(const T* x, T* y, Pooling p, Pixels pixels) {
  for (int64_t i = first_item(); i < pixels.packs; i += item_stride()) {
    const Pixel at(pixels, i, kPack);
    const Range rows = p.h.window(at.row), columns = p.w.window(at.column);
    const T* const window = x + p.source_at(at.image, rows.begin, columns.begin) + at.channel;
    const int64_t pitch = p.w.source * p.channels;
    Pack<T, kPack> sum;
    if (kTaps > 0 && rows.length() == kTaps && columns.length() == kTaps) {
      constexpr int kCount = kTaps > 0 ? kTaps * kTaps : 1;
      Pack<T, kPack> taps[kCount];
#pragma unroll
      for (int t = 0; t < kCount; ++t) {
        const int row = kTaps > 0 ? t / (kTaps > 0 ? kTaps : 1) : 0, column = t - row * kTaps;
        taps[t] = load_pack<kPack, true>(window + row * pitch + column * p.channels);
      }
      sum = taps[0];
#pragma unroll
      for (int t = 1; t < kCount; ++t) join_pack<Op>(sum, taps[t]);
    } else {
      sum = load_pack<kPack, true>(window);
      for (int64_t row = 0; row < rows.length(); ++row) {
#pragma unroll 4
        for (int64_t column = row == 0; column < columns.length(); ++column) {
          join_pack<Op>(sum, load_pack<kPack, true>(window + row * pitch + column * p.channels));
        }
      }
    }
    const T count = static_cast<T>(rows.length() * columns.length());
#pragma unroll
    for (int v = 0; v < kPack; ++v) sum.values[v] = Op::finish(sum.values[v], count);
    store_pack<true>(y + p.output_at(at.image, at.row, at.column) + at.channel, sum);
  }
}

template <class Op, class T, int kPack>
void pool_packs(const KernelArgs& args, const Pooling& p) {
  const Pixels pixels(p, p.h.outputs, p.w.outputs, kPack);
  const auto kernel = p.square(2)   ? pool_pixels<Op, 2, T, kPack>
                      : p.square(3) ? pool_pixels<Op, 3, T, kPack>
                                    : pool_pixels<Op, 0, T, kPack>;
  launch(kernel, grid_for(pixels.packs), kBlockThreads, 0, stream_of(args), args.in[0].as<const T>(),
         args.out[0].as<T>(), p, pixels);
}

template <class Op>
void pool(const KernelArgs& args) {
  const View &x = args.in[0], &y = args.out[0];
  if (y.size == 0) return;
  const Pooling p(args.param<Pool2DParams>(), y);
  with_real(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    constexpr int kPack = 16 / static_cast<int>(sizeof(T));
    if (p.channels % kPack == 0 && is_aligned(x.data, 16) && is_aligned(y.data, 16)) {
      return pool_packs<Op, T, kPack>(args, p);
    }
    pool_packs<Op, T, 1>(args, p);
  });
}

}  // namespace

PN_KERNELS(pool2d, {"max_pool2d", pool<Maximum>, nullptr}, {"average_pool2d", pool<Average>, nullptr})
}  // namespace pyneural::cuda
