// Batch normalization: one pass over x for the statistics, one for the result.
#include "ops/batch_norm_params.h"

#include "cuda/channels.cuh"
#include "cuda/reduce.cuh"

namespace pyneural::cuda {
namespace {

// Reduces over all axes but that of the channels.
uint32_t all_but(const View& x, int64_t axis) { return ((1u << x.rank) - 1) & ~(1u << axis); }

// Which channel results of a stage belong to: side by side in columns, or in turns from row to row.
struct ChannelOf {
  int64_t channels;
  __device__ __forceinline__ int64_t operator()(int64_t outer, int64_t column) const {
    return column > 0 ? column : outer % channels;
  }
};

template <class T>
__device__ __forceinline__ T value_or(const T* vector, int64_t i, T otherwise) {
  return vector ? vector[i] : otherwise;
}

// ---- the normalization of a channel

template <class T>
struct Normalization {
  T mean, factor, offset;
  __device__ __forceinline__ T of(T x) const { return std::fma(x - mean, factor, offset); }
};

template <class T>
struct Statistics {
  const T *mean, *variance, *offset, *scale;  // all but the variance may be missing
  double epsilon;
  __device__ __forceinline__ Normalization<T> of(int64_t c) const {
    const T inverse = 1 / std::sqrt(variance[c] + static_cast<T>(epsilon));
    return {value_or(mean, c, T(0)), value_or(scale, c, T(1)) * inverse, value_or(offset, c, T(0))};
  }
};

template <class T, bool kRelu>
struct Normalize {
  static constexpr int kOperands = 1;
  using Channel = Normalization<T>;
  Statistics<T> statistics;
  __device__ __forceinline__ Channel prepare(int64_t c) const { return statistics.of(c); }
  __device__ __forceinline__ T of(const T (&x)[1], const Channel& channel) const {
    const T y = channel.of(x[0]);
    return kRelu && y < 0 ? T(0) : y;
  }
};

template <class T>
void normalize(const KernelArgs& args, const Statistics<T>& statistics) {
  const auto& p = args.param<BatchNormParams>();
  const View& x = args.in[0];
  const Around s(x.dims, x.rank, p.axis);
  if (p.activation == Activation::relu) {
    const ChannelWork<Normalize<T, true>, T> work{{statistics}, {x.as<const T>()}, args.out[0].as<T>()};
    return for_channel_elements(stream_of(args), work, s);
  }
  const ChannelWork<Normalize<T, false>, T> work{{statistics}, {x.as<const T>()}, args.out[0].as<T>()};
  for_channel_elements(stream_of(args), work, s);
}

// ---- statistics

// The first element of each channel, if there is one: what double elements are taken relative to.
template <class T>
struct ChannelShift {
  const T* x;
  int64_t stride;
  __device__ __forceinline__ T operator()(int64_t c) const {
    return sizeof(T) == sizeof(double) && x ? x[c * stride] : T(0);
  }
};

template <class T>
struct ChannelElements {
  using Element = T;
  const T* x;
  ChannelShift<T> shift;
  ChannelOf channel_of;

  template <int kPack>
  struct Cursor {
    const T* x;
    T shift[kPack];
    template <int, bool kAligned, int kAlong>
    __device__ __forceinline__ Pack<T, kPack> load(int64_t at, int64_t) const {
      Pack<T, kPack> pack = load_pack<kPack, kAligned>(x + at);
#pragma unroll
      for (int v = 0; v < kPack; ++v) pack.values[v] -= shift[kAlong ? 0 : v];
      return pack;
    }
  };
  bool is_aligned_to(size_t bytes) const { return is_aligned(x, bytes); }
  template <int kPack>
  __device__ __forceinline__ Cursor<kPack> cursor(int64_t outer, int64_t column) const {
    Cursor<kPack> cursor{x, {}};
    const int64_t c = channel_of(outer, column);
#pragma unroll
    for (int v = 0; v < kPack; ++v) {
      if (c + v < channel_of.channels) cursor.shift[v] = shift(c + v);
    }
    return cursor;
  }
};

template <class T>
struct WriteStatistics {
  T *mean, *variance;
  ChannelShift<T> shift;
  double count;
  __device__ __forceinline__ void operator()(int64_t c, Pair<double> sums) const {
    const double shifted = sums.first / count, square = sums.second / count - shifted * shifted;
    mean[c] = static_cast<T>(shifted + shift(c));
    variance[c] = static_cast<T>(square < 0 ? 0 : square);  // rounding may leave a constant channel below zero
  }
};

template <class T>
void find_statistics(const KernelArgs& args, T* mean, T* variance, Scratch& scratch) {
  const View& x = args.in[0];
  const int64_t axis = args.param<BatchNormParams>().axis;
  const Around s(x.dims, x.rank, axis);
  const ChannelShift<T> shift{x.size > 0 ? x.as<const T>() : nullptr, s.inner};
  const ChannelElements<T> source{x.as<const T>(), shift, {s.count}};
  reduce_axes<Moments<T>>(stream_of(args), x, source, all_but(x, axis), s.count,
                          WriteStatistics<T>{mean, variance, shift, static_cast<double>(s.outer * s.inner)}, scratch);
}

void batch_norm_statistics(const KernelArgs& args, Scratch& scratch) {
  with_real(args.in[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    find_statistics(args, args.out[0].as<T>(), args.out[1].as<T>(), scratch);
  });
}

void batch_normalization(const KernelArgs& args) {
  with_real(args.in[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    normalize(args, Statistics<T>{args.in[1].as<const T>(), args.in[2].as<const T>(), args.in[3].as<const T>(),
                                  args.in[4].as<const T>(), args.param<BatchNormParams>().epsilon});
  });
}

void batch_norm_train(const KernelArgs& args, Scratch& scratch) {
  with_real(args.in[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    T *mean = args.out[1].as<T>(), *variance = args.out[2].as<T>();
    find_statistics(args, mean, variance, scratch);
    if (scratch.measures()) return;
    const T *gamma = args.in[1].as<const T>(), *beta = args.in[2].as<const T>();
    normalize(args, Statistics<T>{mean, variance, beta, gamma, args.param<BatchNormParams>().epsilon});
  });
}

// ---- gradients

// The gradient of the normalized value and its product with x - mean. kRelu: the slope at the normalized value is
// found again; the same expression gives the same bits as in the forward pass.
template <class T, bool kRelu>
struct GradientTerms {
  using Element = T;
  const T *dy, *x;
  Statistics<T> statistics;
  ChannelOf channel_of;

  template <int kPack>
  struct Cursor {
    const T *dy, *x;
    Normalization<T> channels[kPack];
    template <int, bool kAligned, int kAlong>
    __device__ __forceinline__ Pack<Pair<T>, kPack> load(int64_t at, int64_t) const {
      const Pack<T, kPack> gradients = load_pack<kPack, kAligned>(dy + at), values = load_pack<kPack, kAligned>(x + at);
      Pack<Pair<T>, kPack> result;
#pragma unroll
      for (int v = 0; v < kPack; ++v) {
        const Normalization<T>& channel = channels[kAlong ? 0 : v];
        const T value = values.values[v];
        const T g = kRelu && !(channel.of(value) > 0) ? gradients.values[v] * T(0) : gradients.values[v];
        result.values[v] = {g, g * (value - channel.mean)};
      }
      return result;
    }
  };
  bool is_aligned_to(size_t bytes) const { return is_aligned(dy, bytes) && is_aligned(x, bytes); }
  template <int kPack>
  __device__ __forceinline__ Cursor<kPack> cursor(int64_t outer, int64_t column) const {
    Cursor<kPack> cursor{dy, x, {}};
    const int64_t c = channel_of(outer, column);
#pragma unroll
    for (int v = 0; v < kPack; ++v) {
      if (c + v < channel_of.channels) cursor.channels[v] = statistics.of(c + v);
    }
    return cursor;
  }
};

template <class T, bool kRelu, class Write>
void gradient_sums(const KernelArgs& args, const T* dy, const Statistics<T>& statistics, const Write& write,
                   Scratch& scratch) {
  const View& x = args.in[1];
  const int64_t axis = args.param<BatchNormParams>().axis, channels = x.dims[axis];
  const GradientTerms<T, kRelu> source{dy, x.as<const T>(), statistics, {channels}};
  reduce_axes<PairSums<T>>(stream_of(args), x, source, all_but(x, axis), channels, write, scratch);
}

template <class T>
struct WriteParameterGradients {
  const T *variance, *scale;
  double epsilon;
  T *dmean, *dvariance, *doffset, *dscale;
  __device__ __forceinline__ void operator()(int64_t c, Pair<double> sums) const {
    const double inverse = 1 / std::sqrt(variance[c] + epsilon), factor = value_or(scale, c, T(1)) * inverse;
    dmean[c] = static_cast<T>(-sums.first * factor);
    dvariance[c] = static_cast<T>(-0.5 * sums.second * factor * inverse * inverse);
    doffset[c] = static_cast<T>(sums.first);
    dscale[c] = static_cast<T>(sums.second * inverse);
  }
};

void parameter_grad(const KernelArgs& args, Scratch& scratch) {
  with_real(args.in[1].dtype, [&](auto zero) {
    using T = decltype(zero);
    const double epsilon = args.param<BatchNormParams>().epsilon;
    const T *mean = args.in[2].as<const T>(), *variance = args.in[3].as<const T>(), *scale = args.in[4].as<const T>();
    const WriteParameterGradients<T> write{
        variance, scale, epsilon, args.out[0].as<T>(), args.out[1].as<T>(), args.out[2].as<T>(), args.out[3].as<T>()};
    gradient_sums<T, false>(args, args.in[0].as<const T>(), Statistics<T>{mean, variance, nullptr, scale, epsilon},
                            write, scratch);
  });
}

// dx is affine in the gradient and in x - mean, per channel.
template <class T>
struct WriteTrainGradients {
  const T *variance, *gamma, *dmean, *dvariance;
  double epsilon, count;
  bool has_dy;
  T *dgamma, *dbeta, *slope, *constant;  // the last two: the factor of x - mean, and what is added
  __device__ __forceinline__ void operator()(int64_t c, Pair<double> sums) const {
    const double inverse = 1 / std::sqrt(variance[c] + epsilon);
    const double beta_sum = has_dy ? sums.first : 0, gamma_sum = has_dy ? sums.second * inverse : 0;
    const double factor = has_dy ? value_or(gamma, c, T(1)) * inverse : 0;
    dgamma[c] = static_cast<T>(gamma_sum);
    dbeta[c] = static_cast<T>(beta_sum);
    slope[c] = static_cast<T>((2 * value_or(dvariance, c, T(0)) - factor * inverse * gamma_sum) / count);
    constant[c] = static_cast<T>((value_or(dmean, c, T(0)) - factor * beta_sum) / count);
  }
};

// Operands: dy, x.
template <class T, bool kRelu>
struct TrainGradient {
  static constexpr int kOperands = 2;
  struct Channel {
    Normalization<T> forward;
    T factor, slope, constant;
  };
  Statistics<T> statistics;
  const T *slope, *constant;
  bool has_dy;
  __device__ __forceinline__ Channel prepare(int64_t c) const {
    const Normalization<T> forward = statistics.of(c);
    return {forward, has_dy ? forward.factor : T(0), slope[c], constant[c]};
  }
  __device__ __forceinline__ T of(const T (&values)[2], const Channel& channel) const {
    const T x = values[1];
    const T g = kRelu && !(channel.forward.of(x) > 0) ? values[0] * T(0) : values[0];
    return g * channel.factor + ((x - channel.forward.mean) * channel.slope + channel.constant);
  }
};

template <class T, bool kRelu>
void train_grad(const KernelArgs& args, Scratch& scratch) {
  const auto& p = args.param<BatchNormParams>();
  const View& x = args.in[1];
  const Around s(x.dims, x.rank, p.axis);
  const bool has_dy = args.in[0].data != nullptr;
  const T* dy = has_dy ? args.in[0].as<const T>() : x.as<const T>();  // its factor is zero: any finite operand will do
  const T *mean = args.in[2].as<const T>(), *variance = args.in[3].as<const T>();
  const T *gamma = args.in[4].as<const T>(), *beta = args.in[5].as<const T>();
  const Statistics<T> statistics{mean, variance, beta, gamma, p.epsilon};
  const WriteTrainGradients<T> write{variance,
                                     gamma,
                                     args.in[6].as<const T>(),
                                     args.in[7].as<const T>(),
                                     p.epsilon,
                                     static_cast<double>(s.outer * s.inner),
                                     has_dy,
                                     args.out[1].as<T>(),
                                     args.out[2].as<T>(),
                                     scratch.take<T>(s.count),
                                     scratch.take<T>(s.count)};
  gradient_sums<T, kRelu>(args, dy, statistics, write, scratch);
  if (scratch.measures()) return;
  const ChannelWork<TrainGradient<T, kRelu>, T> work{
      {statistics, write.slope, write.constant, has_dy}, {dy, x.as<const T>()}, args.out[0].as<T>()};
  for_channel_elements(stream_of(args), work, s);
}

void batch_norm_train_grad(const KernelArgs& args, Scratch& scratch) {
  const bool relu = args.param<BatchNormParams>().activation == Activation::relu;
  with_real(args.in[1].dtype, [&](auto zero) {
    using T = decltype(zero);
    relu ? train_grad<T, true>(args, scratch) : train_grad<T, false>(args, scratch);
  });
}

}  // namespace

PN_KERNELS(batch_norm, {"batch_normalization", batch_normalization, nullptr},
           {"batch_normalization_parameter_grad", run_with_scratch<parameter_grad>, scratch_bytes<parameter_grad>},
           {"batch_norm_statistics", run_with_scratch<batch_norm_statistics>, scratch_bytes<batch_norm_statistics>},
           {"batch_norm_train", run_with_scratch<batch_norm_train>, scratch_bytes<batch_norm_train>},
           {"batch_norm_train_grad", run_with_scratch<batch_norm_train_grad>, scratch_bytes<batch_norm_train_grad>})
}  // namespace pyneural::cuda
