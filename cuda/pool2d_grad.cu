// Gradients of pooling: each window hands its gradient to its maximum, or an equal share to each of its positions.
#include "cuda/windows.cuh"

namespace pyneural::cuda {
namespace {

// The first position that holds the maximum receives the gradient; the first NaN if there is one.
template <class T>
__device__ __forceinline__ bool is_hit(T value, T maximum) {
  return value == maximum || value != value;
}

// Windows that do not overlap: a thread for each, which also clears what lies between it and the next. The gradient
// may take the memory of x: elements are read before they are written, by the same thread.
template <int kTaps, class T, int kPack>
__global__ void max_grad_windows(const T* grad, const T* x, const T* y, T* out, Pooling p, Pixels pixels) {
  for (int64_t i = first_item(); i < pixels.packs; i += item_stride()) {
    const Pixel at(pixels, i, kPack);
    const int64_t output = p.output_at(at.image, at.row, at.column) + at.channel;
    const Pack<T, kPack> maximum = load_pack<kPack, true>(y + output);
    Pack<T, kPack> left = load_pack<kPack, true>(grad + output);
    const auto hand_over = [&](const Pack<T, kPack>& values, int64_t to) {
      Pack<T, kPack> result;
#pragma unroll
      for (int v = 0; v < kPack; ++v) {
        const bool hit = is_hit(values.values[v], maximum.values[v]);
        result.values[v] = hit ? left.values[v] : T(0);
        if (hit) left.values[v] = 0;
      }
      store_pack<true>(out + to, result);
    };
    const Range rows = p.h.cell(at.row), columns = p.w.cell(at.column);
    const Range top = p.h.window(at.row), side = p.w.window(at.column);
    if (kTaps > 0 && rows.length() == kTaps && columns.length() == kTaps && top.length() == kTaps &&
        side.length() == kTaps) {
      constexpr int kSide = kTaps > 0 ? kTaps : 1;
      Pack<T, kPack> values[kSide * kSide];
      const int64_t first = p.source_at(at.image, rows.begin, columns.begin) + at.channel;
      const int64_t pitch = p.w.source * p.channels;
#pragma unroll
      for (int t = 0; t < kSide * kSide; ++t) {
        values[t] = load_pack<kPack, true>(x + first + t / kSide * pitch + t % kSide * p.channels);
      }
#pragma unroll
      for (int t = 0; t < kSide * kSide; ++t) hand_over(values[t], first + t / kSide * pitch + t % kSide * p.channels);
      continue;
    }
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      for (int64_t column = columns.begin; column < columns.end; ++column) {
        const int64_t position = p.source_at(at.image, row, column) + at.channel;
        if (row >= top.begin && row < top.end && column >= side.begin && column < side.end) {
          hand_over(load_pack<kPack, true>(x + position), position);
        } else {
          store_pack<true>(out + position, Pack<T, kPack>{});
        }
      }
    }
  }
}

// Windows that overlap: a thread for each position adds up what the windows over it hand to it, in their order.
template <class T>
__global__ void max_grad_positions(const T* grad, const T* x, const T* y, T* out, Pooling p, Pixels pixels) {
  for (int64_t i = first_item(); i < pixels.packs; i += item_stride()) {
    const Pixel at(pixels, i, 1);
    const Range rows = p.h.windows_at(at.row), columns = p.w.windows_at(at.column);
    const T value = x[p.source_at(at.image, at.row, at.column) + at.channel];
    T sum = 0;
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      for (int64_t column = columns.begin; column < columns.end; ++column) {
        const int64_t output = p.output_at(at.image, row, column) + at.channel;
        const T maximum = y[output];
        if (!is_hit(value, maximum)) continue;
        // Is it the first? Few positions ever ask.
        const Range top = p.h.window(row), side = p.w.window(column);
        bool first = true;
        for (int64_t r = top.begin; first && r <= at.row; ++r) {
          const int64_t end = r == at.row ? at.column : side.end;
          for (int64_t c = side.begin; first && c < end; ++c) {
            first = !is_hit(x[p.source_at(at.image, r, c) + at.channel], maximum);
          }
        }
        if (first) sum += grad[output];
      }
    }
    out[i] = sum;
  }
}

template <class T, int kPack>
__global__ void average_grad_positions(const T* grad, T* out, Pooling p, Pixels pixels) {
  for (int64_t i = first_item(); i < pixels.packs; i += item_stride()) {
    const Pixel at(pixels, i, kPack);
    const Range rows = p.h.windows_at(at.row), columns = p.w.windows_at(at.column);
    Pack<T, kPack> sum{};
    for (int64_t row = rows.begin; row < rows.end; ++row) {
      for (int64_t column = columns.begin; column < columns.end; ++column) {
        const T count = static_cast<T>(p.h.window(row).length() * p.w.window(column).length());
        const auto share = load_pack<kPack, true>(grad + p.output_at(at.image, row, column) + at.channel);
#pragma unroll
        for (int v = 0; v < kPack; ++v) sum.values[v] += share.values[v] / count;
      }
    }
    store_pack<true>(out + i * kPack, sum);
  }
}

// kPack elements of all operands may be read at once.
template <class T, int kPack>
bool packs_fit(const Pooling& p, std::initializer_list<const void*> operands) {
  bool fit = p.channels % kPack == 0;
  for (const void* data : operands) fit &= is_aligned(data, kPack * sizeof(T));
  return fit;
}

// (grad, x, y) -> gradient of x
template <class T>
void max_grad(const KernelArgs& args) {
  const View &x = args.in[1], &y = args.in[2], &out = args.out[0];
  const T *grad = args.in[0].as<const T>(), *from = x.as<const T>(), *maximum = y.as<const T>();
  T* const to = out.as<T>();
  const Pooling p(args.param<Pool2DParams>(), y);
  const auto start = [&](auto kernel, const Pixels& pixels) {
    launch(kernel, grid_for(pixels.packs), kBlockThreads, 0, stream_of(args), grad, from, maximum, to, p, pixels);
  };
  if (p.overlap()) return start(max_grad_positions<T>, Pixels(p, p.h.source, p.w.source, 1));
  const auto windows = [&](auto pack) {
    constexpr int kPack = decltype(pack)::value;
    start(p.square(2)   ? max_grad_windows<2, T, kPack>
          : p.square(3) ? max_grad_windows<3, T, kPack>
                        : max_grad_windows<0, T, kPack>,
          Pixels(p, p.h.outputs, p.w.outputs, kPack));
  };
  constexpr int kPack = 16 / static_cast<int>(sizeof(T));
  if (packs_fit<T, kPack>(p, {grad, from, maximum, to})) {
    windows(std::integral_constant<int, kPack>());
  } else {
    windows(std::integral_constant<int, 1>());
  }
}

// grad -> gradient of x
template <class T>
void average_grad(const KernelArgs& args) {
  const View &grad = args.in[0], &out = args.out[0];
  const Pooling p(args.param<Pool2DParams>(), grad);
  const auto positions = [&](auto pack) {
    constexpr int kPack = decltype(pack)::value;
    const Pixels pixels(p, p.h.source, p.w.source, kPack);
    launch(average_grad_positions<T, kPack>, grid_for(pixels.packs), kBlockThreads, 0, stream_of(args),
           grad.as<const T>(), out.as<T>(), p, pixels);
  };
  constexpr int kPack = 16 / static_cast<int>(sizeof(T));
  if (packs_fit<T, kPack>(p, {grad.data, out.data})) {
    positions(std::integral_constant<int, kPack>());
  } else {
    positions(std::integral_constant<int, 1>());
  }
}

void max_pool2d_grad(const KernelArgs& args) {
  if (args.out[0].size == 0) return;
  with_real(args.out[0].dtype, [&](auto zero) { max_grad<decltype(zero)>(args); });
}
void average_pool2d_grad(const KernelArgs& args) {
  if (args.out[0].size == 0) return;
  with_real(args.out[0].dtype, [&](auto zero) { average_grad<decltype(zero)>(args); });
}

}  // namespace

PN_KERNELS(pool2d_grad, {"max_pool2d_grad", max_pool2d_grad, nullptr},
           {"average_pool2d_grad", average_pool2d_grad, nullptr})
}  // namespace pyneural::cuda
