// Layer normalization: mean first, then the squares around it, so that the variance has no cancellation.
#include "ops/layer_norm_params.h"

#include "cuda/reduce.cuh"
#include "cuda/row.cuh"

namespace pyneural::cuda {
namespace {

template <class T>
struct Normalize {
  static constexpr int kOperands = 1;
  const T *gamma, *beta;
  T *y, *means, *rstds;
  T share;  // 1 / columns
  double epsilon;
  template <class Row>
  __device__ __forceinline__ void operator()(Row& x, int64_t r, int64_t base, bool real) const {
    const T mean = x.sum([](T value, T, int64_t) { return value; }) * share;
    const T variance = x.sum([=](T value, T, int64_t) { return (value - mean) * (value - mean); }) * share;
    const T rstd = static_cast<T>(1 / std::sqrt(static_cast<double>(variance) + epsilon));
    if (real && x.leads()) {
      means[r] = mean;
      rstds[r] = rstd;
    }
    x.write_with(y + base, gamma, beta,
                 [=](T value, T, T scale, T offset) { return (value - mean) * rstd * scale + offset; });
  }
};

// Operands: dy, x.
template <class T>
struct NormalizeGrad {
  static constexpr int kOperands = 2;
  const T *means, *rstds, *gamma;
  T* dx;
  T share;
  template <class Row>
  __device__ __forceinline__ void operator()(Row& row, int64_t r, int64_t base, bool real) const {
    const T mean = real ? means[r] : T(0), rstd = real ? rstds[r] : T(0);
    // The means of dy * gamma, and of its product with xhat.
    Pair<T> sums = row.sums_with(gamma, [=](T dy, T x, T scale) {
      const T scaled = dy * scale;
      return Pair<T>{scaled, scaled * ((x - mean) * rstd)};
    });
    sums.first *= share;
    sums.second *= share;
    row.write_with(dx + base, gamma, nullptr, [=](T dy, T x, T scale, T) {
      return rstd * (dy * scale - sums.first - (x - mean) * rstd * sums.second);
    });
  }
};

// dy * xhat and dy of [rows, columns].
template <class T>
struct ParameterGradients {
  using Element = T;
  const T *dy, *x, *means, *rstds;

  bool is_aligned_to(size_t bytes) const { return is_aligned(dy, bytes) && is_aligned(x, bytes); }
  template <int kPack>
  __device__ __forceinline__ ParameterGradients cursor(int64_t, int64_t) const {
    return *this;
  }
  template <int kPack, bool kAligned, int kAlong>
  __device__ __forceinline__ Pack<Pair<T>, kPack> load(int64_t at, int64_t row) const {
    const Pack<T, kPack> gradients = load_pack<kPack, kAligned>(dy + at), values = load_pack<kPack, kAligned>(x + at);
    Pack<Pair<T>, kPack> result;
#pragma unroll
    for (int v = 0; v < kPack; ++v) {
      const T xhat = (values.values[v] - means[row + kAlong * v]) * rstds[row + kAlong * v];
      result.values[v] = {gradients.values[v] * xhat, gradients.values[v]};
    }
    return result;
  }
};

template <class T>
struct WriteParameterGradients {
  T *dgamma, *dbeta;
  __device__ __forceinline__ void operator()(int64_t i, Pair<double> sums) const {
    dgamma[i] = static_cast<T>(sums.first);
    dbeta[i] = static_cast<T>(sums.second);
  }
};

struct Extents {
  int64_t rows = 1, columns = 1;
  Extents(const View& x, int axes) {
    for (int i = 0; i < x.rank; ++i) (i < x.rank - axes ? rows : columns) *= x.dims[i];
  }
};

void layer_normalization(const KernelArgs& args) {
  const auto& p = args.param<LayerNormParams>();
  const View &x = args.in[0], &gamma = args.in[1], &beta = args.in[2], &y = args.out[0];
  const Extents s(x, p.axes);
  with_real(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const Normalize<T> op{gamma.as<const T>(),
                          beta.as<const T>(),
                          y.as<T>(),
                          args.out[1].as<T>(),
                          args.out[2].as<T>(),
                          T(1) / static_cast<T>(s.columns),
                          p.epsilon};
    launch_rows(stream_of(args), op, x.as<const T>(), x.as<const T>(), s.rows, s.columns, 1,
                are_aligned({x.data, gamma.data, beta.data, y.data}));
  });
}

void layer_normalization_grad(const KernelArgs& args, Scratch& scratch) {
  const auto& p = args.param<LayerNormParams>();
  const View &dy = args.in[0], &x = args.in[1], &gamma = args.in[4], &dx = args.out[0];
  const Extents s(x, p.axes);
  with_real(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *means = args.in[2].as<const T>(), *rstds = args.in[3].as<const T>();
    // The gradient of x may take the place of dy: first what reads dy as well.
    if (p.parameters) {
      const ParameterGradients<T> source{dy.as<const T>(), x.as<const T>(), means, rstds};
      const WriteParameterGradients<T> write{args.out[1].as<T>(), args.out[2].as<T>()};
      const ReduceBlock block = x.size > 0 ? ReduceBlock{1, s.rows, s.columns} : ReduceBlock{s.columns, 0, 1};
      if (s.columns > 0) {
        reduce_block_of_axes<PairSums<T>>(stream_of(args), source, block, nullptr, write, scratch);
      }
    }
    if (scratch.measures()) return;
    const NormalizeGrad<T> op{means, rstds, gamma.as<const T>(), dx.as<T>(), T(1) / static_cast<T>(s.columns)};
    launch_rows(stream_of(args), op, dy.as<const T>(), x.as<const T>(), s.rows, s.columns, 1,
                are_aligned({dy.data, x.data, gamma.data, dx.data}));
  });
}

}  // namespace

PN_KERNELS(layer_norm, {"layer_normalization", layer_normalization, nullptr},
           {"layer_normalization_grad", run_with_scratch<layer_normalization_grad>,
            scratch_bytes<layer_normalization_grad>})
}  // namespace pyneural::cuda
