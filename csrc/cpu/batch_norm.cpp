// Batch normalization. The statistics are those of a corrected two-pass algorithm inside blocks that fit L2 (Chan,
// Golub and LeVeque 1983); the blocks are joined in double. So x comes from memory once for the statistics, once for y.
#include "ops/batch_norm_params.h"

#include "cpu/activation.h"
#include "cpu/channels.h"
#include "cpu/workspace.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

int threads_for_channels(const ChannelSplit& s, double flops_per_element, int64_t bytes_per_element) {
  return threads_for(s.elements() * flops_per_element, s.elements() * static_cast<double>(bytes_per_element));
}

template <class T>
PN_INLINE T value_or(const T* vector, int64_t i, T otherwise) {
  return vector ? vector[i] : otherwise;
}

// Per part: a mean, rounded, and the sums of the deviations from it and of their squares. The sum of deviations is what
// rounding cost, so that the join knows the mean to more digits than T has.
template <class T>
void part_moments(const ChannelSplit& s, const T* x, T* means, T* errors, T* squares) {
  constexpr int64_t lanes_count = kLanes<T>;
  for_channel_parts<T>(
      s, threads_for_channels(s, 4, sizeof(T)),
      [=](auto vectors, auto lanes, int64_t first, int64_t rows, int64_t stride, int64_t sum) PN_LAMBDA {
        constexpr int n = decltype(vectors)::count;
        Vec<T> mean[n] = {}, error[n] = {}, square[n] = {};
        for (int64_t r = 0; r < rows; ++r) {
          for (int v = 0; v < n; ++v) mean[v] += lanes.load(x + first + r * stride + v * lanes_count);
        }
        const T share = T(1) / static_cast<T>(rows);
        for (int v = 0; v < n; ++v) mean[v] *= share;
        for (int64_t r = 0; r < rows; ++r) {
          for (int v = 0; v < n; ++v) {
            const Vec<T> deviation = lanes.load(x + first + r * stride + v * lanes_count) - mean[v];
            error[v] += deviation;
            square[v] += deviation * deviation;
          }
        }
        for (int v = 0; v < n; ++v) {
          lanes.store(means + sum + v * lanes_count, mean[v]);
          lanes.store(errors + sum + v * lanes_count, error[v]);
          lanes.store(squares + sum + v * lanes_count, square[v]);
        }
      },
      [=](int64_t first, int64_t count, int64_t sum) PN_LAMBDA {
        const T* run = x + first;
        const T share = T(1) / static_cast<T>(count);
        const T mean =
            sum_lanes<T>(0, count, [=](int64_t i, auto lanes) PN_LAMBDA { return lanes.load(run + i); }) * share;
        const auto deviation = [=](int64_t i, auto lanes)
                                   PN_LAMBDA { return lanes.keep(lanes.load(run + i) - mean, T(0)); };
        squares[sum] = sum_lanes<T>(0, count, [=](int64_t i, auto lanes) PN_LAMBDA {
          const Vec<T> d = deviation(i, lanes);
          return d * d;
        });
        means[sum] = mean;
        errors[sum] = sum_lanes<T>(0, count, deviation);
      });
}

// Joins the parts: mean and biased variance per channel. NaN where there are no elements, as in NumPy.
template <class T>
void join_moments(const ChannelSplit& s, const T* means, const T* errors, const T* squares, double* mean,
                  double* variance) {
  const int64_t channels = s.channels;
  const double total = static_cast<double>(s.per_channel());
  for (int64_t c = 0; c < channels; ++c) mean[c] = variance[c] = 0;
  for (int64_t part = 0; part < s.parts; ++part) {
    const double count = static_cast<double>(s.count(part));
    const int64_t first = part * channels;
    for (int64_t c = 0; c < channels; ++c) mean[c] += count * means[first + c] + errors[first + c];
  }
  for (int64_t c = 0; c < channels; ++c) mean[c] /= total;
  for (int64_t part = 0; part < s.parts; ++part) {
    const double count = static_cast<double>(s.count(part));
    const int64_t first = part * channels;
    // sum (x - mean)^2 with x - mean = (x - m) + shift
    for (int64_t c = 0; c < channels; ++c) {
      const double shift = means[first + c] - mean[c];
      variance[c] += squares[first + c] + shift * (2.0 * errors[first + c] + count * shift);
    }
  }
  for (int64_t c = 0; c < channels; ++c) {
    variance[c] /= total;
    if (variance[c] < 0) variance[c] = 0;  // a constant channel may leave a rounding error below zero
  }
}

// Table rows of both passes: mean, factor, offset. `inverse` (one per channel) keeps 1 / sqrt(variance + epsilon).
template <class T>
void fill_normalization(const ChannelSplit& s, const T* mean, const T* variance, const T* offset, const T* scale,
                        double epsilon, double* inverse, T* table) {
  for (int64_t c = 0; c < s.channels; ++c) inverse[c] = 1 / __builtin_sqrt(variance[c] + epsilon);
  for (int64_t c = 0; c < s.channels; ++c) {
    table[c] = value_or(mean, c, T(0));
    table[s.width + c] = static_cast<T>(value_or(scale, c, T(1)) * inverse[c]);
    table[2 * s.width + c] = value_or(offset, c, T(0));
  }
}

// `c` are the coefficients of a table as above. The gradient asks for the sign of this value again: the same expression
// gives the same bits.
template <class T>
PN_INLINE Vec<T> normalized(Vec<T> x, const Vec<T>* c) {
  return (x - c[0]) * c[1] + c[2];
}

template <class T>
void normalize(const ChannelSplit& s, const T* x, const T* table, Activation activation, T* y) {
  const int threads = threads_for_channels(s, 3, 2 * sizeof(T));
  if (activation == Activation::relu) {
    return for_channel_elements<T, 3>(s, threads, table, [=](int64_t i, auto lanes, const Vec<T>* c) PN_LAMBDA {
      lanes.store(y + i, activate<Activation::relu>(normalized<T>(lanes.load(x + i), c)));
    });
  }
  for_channel_elements<T, 3>(s, threads, table, [=](int64_t i, auto lanes, const Vec<T>* c) PN_LAMBDA {
    lanes.store(y + i, normalized<T>(lanes.load(x + i), c));
  });
}

template <class T>
size_t batch_normalization_workspace(const KernelArgs& args) {
  const ChannelSplit s = split_channels<T>(args.in[0], args.param<BatchNormParams>().axis);
  Workspace workspace(nullptr);
  workspace.take<T>(3 * s.width);
  workspace.take<double>(s.channels);
  return workspace.used();
}

template <class T>
void batch_normalization(const KernelArgs& args) {
  const auto& p = args.param<BatchNormParams>();
  const ChannelSplit s = split_channels<T>(args.in[0], p.axis);
  const T *mean = args.in[1].as<T>(), *variance = args.in[2].as<T>();
  const T *offset = args.in[3].as<T>(), *scale = args.in[4].as<T>();
  Workspace workspace(args.workspace);
  T* table = workspace.take<T>(3 * s.width);
  fill_normalization(s, mean, variance, offset, scale, p.epsilon, workspace.take<double>(s.channels), table);
  repeat_coefficients(s, table, 3);
  normalize(s, args.in[0].as<T>(), table, p.activation, args.out[0].as<T>());
}

constexpr int kTableRows = 5;

template <class T>
struct TrainSpace {
  TrainSpace(const ChannelSplit& s, void* base)
      : space(base),
        first(space.take<T>(s.parts * s.channels)),
        second(space.take<T>(s.parts * s.channels)),
        third(space.take<T>(s.parts * s.channels)),
        first_total(space.take<double>(s.channels)),
        second_total(space.take<double>(s.channels)),
        inverse(space.take<double>(s.channels)),
        table(space.take<T>(kTableRows * s.width)) {}
  Workspace space;
  T *first, *second, *third;
  double *first_total, *second_total, *inverse;
  T* table;
};

// x is operand kX.
template <class T, int kX>
size_t train_workspace(const KernelArgs& args) {
  return TrainSpace<T>(split_channels<T>(args.in[kX], args.param<BatchNormParams>().axis), nullptr).space.used();
}

template <class T>
void find_statistics(const ChannelSplit& s, const T* x, const TrainSpace<T>& space, T* mean, T* variance) {
  part_moments(s, x, space.first, space.second, space.third);
  join_moments(s, space.first, space.second, space.third, space.first_total, space.second_total);
  for (int64_t c = 0; c < s.channels; ++c) {
    mean[c] = static_cast<T>(space.first_total[c]);
    variance[c] = static_cast<T>(space.second_total[c]);
  }
}

template <class T>
void batch_norm_statistics(const KernelArgs& args) {
  const ChannelSplit s = split_channels<T>(args.in[0], args.param<BatchNormParams>().axis);
  find_statistics(s, args.in[0].as<T>(), TrainSpace<T>(s, args.workspace), args.out[0].as<T>(), args.out[1].as<T>());
}

template <class T>
void batch_norm_train(const KernelArgs& args) {
  const auto& p = args.param<BatchNormParams>();
  const ChannelSplit s = split_channels<T>(args.in[0], p.axis);
  const T *x = args.in[0].as<T>(), *gamma = args.in[1].as<T>(), *beta = args.in[2].as<T>();
  T *mean = args.out[1].as<T>(), *variance = args.out[2].as<T>();
  TrainSpace<T> space(s, args.workspace);
  find_statistics(s, x, space, mean, variance);
  fill_normalization(s, mean, variance, beta, gamma, p.epsilon, space.inverse, space.table);
  repeat_coefficients(s, space.table, 3);
  normalize(s, x, space.table, p.activation, args.out[0].as<T>());
}

// The gradient of the normalized value from that of the result.
template <class T, Activation A>
PN_INLINE Vec<T> before_activation(Vec<T> dy, Vec<T> x, const Vec<T>* c) {
  if constexpr (A == Activation::linear) return dy;
  return dy * activation_slope<A>(normalized<T>(x, c));
}

// Per part: the sums of the gradient and of its product with x - mean. Table rows: mean, factor, offset.
template <class T, Activation A>
void part_gradient_sums(const ChannelSplit& s, const T* dy, const T* x, const T* table, T* sums, T* products) {
  constexpr int64_t lanes_count = kLanes<T>;
  constexpr int kCount = A == Activation::linear ? 1 : 3;
  for_channel_parts<T>(
      s, threads_for_channels(s, 4, 2 * sizeof(T)),
      [=, &s](auto vectors, auto lanes, int64_t first, int64_t rows, int64_t stride, int64_t sum) PN_LAMBDA {
        constexpr int n = decltype(vectors)::count;
        Vec<T> plain[n] = {}, product[n] = {}, c[n][kCount];
        for (int v = 0; v < n; ++v) {
          const T* column = table + sum % s.width + v * lanes_count;
          for (int k = 0; k < kCount; ++k) c[v][k] = lanes.load(column + k * s.width);
        }
        for (int64_t r = 0; r < rows; ++r) {
          for (int v = 0; v < n; ++v) {
            const int64_t i = first + r * stride + v * lanes_count;
            const Vec<T> value = lanes.load(x + i), g = before_activation<T, A>(lanes.load(dy + i), value, c[v]);
            plain[v] += g;
            product[v] += g * (value - c[v][0]);
          }
        }
        for (int v = 0; v < n; ++v) {
          lanes.store(sums + sum + v * lanes_count, plain[v]);
          lanes.store(products + sum + v * lanes_count, product[v]);
        }
      },
      [=, &s](int64_t first, int64_t count, int64_t sum) PN_LAMBDA {
        const T *g = dy + first, *run = x + first;
        Vec<T> c[kCount];
        for (int k = 0; k < kCount; ++k) c[k] = broadcast(table[k * s.width + sum % s.channels]);
        sums[sum] = sum_lanes<T>(0, count, [=](int64_t i, auto lanes) PN_LAMBDA {
          return before_activation<T, A>(lanes.load(g + i), lanes.load(run + i), c);
        });
        products[sum] = sum_lanes<T>(0, count, [=](int64_t i, auto lanes) PN_LAMBDA {
          const Vec<T> value = lanes.load(run + i);
          return before_activation<T, A>(lanes.load(g + i), value, c) * (value - c[0]);
        });
      });
}

template <class T>
void join_sums(const ChannelSplit& s, const T* parts, double* total) {
  for (int64_t c = 0; c < s.channels; ++c) total[c] = 0;
  for (int64_t part = 0; part < s.parts; ++part) {
    for (int64_t c = 0; c < s.channels; ++c) total[c] += parts[part * s.channels + c];
  }
}

// Sums of the gradient and of its product with x - mean, per channel.
template <class T, Activation A>
void gradient_sums(const ChannelSplit& s, const T* dy, const T* x, const TrainSpace<T>& space) {
  part_gradient_sums<T, A>(s, dy, x, space.table, space.first, space.second);
  join_sums(s, space.first, space.first_total);
  join_sums(s, space.second, space.second_total);
}

template <class T>
void parameter_grad(const KernelArgs& args) {
  const auto& p = args.param<BatchNormParams>();
  const ChannelSplit s = split_channels<T>(args.in[1], p.axis);
  const T *variance = args.in[3].as<T>(), *scale = args.in[4].as<T>();
  TrainSpace<T> space(s, args.workspace);
  for (int64_t c = 0; c < s.channels; ++c) space.table[c] = value_or(args.in[2].as<T>(), c, T(0));
  repeat_coefficients(s, space.table, 1);
  gradient_sums<T, Activation::linear>(s, args.in[0].as<T>(), args.in[1].as<T>(), space);
  for (int64_t c = 0; c < s.channels; ++c) {
    const double inverse = 1 / __builtin_sqrt(variance[c] + p.epsilon), factor = value_or(scale, c, T(1)) * inverse;
    args.out[0].as<T>()[c] = static_cast<T>(-space.first_total[c] * factor);
    args.out[1].as<T>()[c] = static_cast<T>(-0.5 * space.second_total[c] * factor * inverse * inverse);
    args.out[2].as<T>()[c] = static_cast<T>(space.first_total[c]);
    args.out[3].as<T>()[c] = static_cast<T>(space.second_total[c] * inverse);
  }
}

template <class T, Activation A>
void train_grad(const KernelArgs& args) {
  const auto& p = args.param<BatchNormParams>();
  const ChannelSplit s = split_channels<T>(args.in[1], p.axis);
  const T *x = args.in[1].as<T>(), *mean = args.in[2].as<T>(), *variance = args.in[3].as<T>();
  const T *gamma = args.in[4].as<T>(), *beta = args.in[5].as<T>();
  const T *dmean = args.in[6].as<T>(), *dvariance = args.in[7].as<T>();
  const bool has_dy = args.in[0].data != nullptr;
  const T* dy = has_dy ? args.in[0].as<T>() : x;  // without dy its factor is zero, any finite operand will do
  TrainSpace<T> space(s, args.workspace);
  fill_normalization(s, mean, variance, beta, gamma, p.epsilon, space.inverse, space.table);
  repeat_coefficients(s, space.table, 3);
  gradient_sums<T, A>(s, dy, x, space);
  const double count = static_cast<double>(s.per_channel());
  // dx is affine in the gradient and in x - mean, per channel. Table rows: mean, factor of the gradient (which is that
  // of the normalization), offset, factor of x - mean, constant.
  for (int64_t c = 0; c < s.channels; ++c) {
    const double inverse = space.inverse[c];
    const double dbeta = has_dy ? space.first_total[c] : 0;
    const double dgamma = has_dy ? space.second_total[c] * inverse : 0;
    const double factor = has_dy ? value_or(gamma, c, T(1)) * inverse : 0;
    args.out[1].as<T>()[c] = static_cast<T>(dgamma);
    args.out[2].as<T>()[c] = static_cast<T>(dbeta);
    T* row = space.table + c;
    if (!has_dy) row[s.width] = 0;
    row[3 * s.width] = static_cast<T>((2 * value_or(dvariance, c, T(0)) - factor * inverse * dgamma) / count);
    row[4 * s.width] = static_cast<T>((value_or(dmean, c, T(0)) - factor * dbeta) / count);
  }
  repeat_coefficients(s, space.table, kTableRows);
  T* dx = args.out[0].as<T>();
  for_channel_elements<T, kTableRows>(s, threads_for_channels(s, 5, 3 * sizeof(T)), space.table,
                                      [=](int64_t i, auto lanes, const Vec<T>* c) PN_LAMBDA {
                                        const Vec<T> value = lanes.load(x + i);
                                        const Vec<T> g = before_activation<T, A>(lanes.load(dy + i), value, c);
                                        lanes.store(dx + i, g * c[1] + ((value - c[0]) * c[3] + c[4]));
                                      });
}

template <class T>
void batch_norm_train_grad(const KernelArgs& args) {
  args.param<BatchNormParams>().activation == Activation::relu ? train_grad<T, Activation::relu>(args)
                                                               : train_grad<T, Activation::linear>(args);
}

}  // namespace

PN_KERNELS(batch_norm,
           {"batch_normalization", by_dtype<batch_normalization<float>, batch_normalization<double>, 0>,
            by_dtype<batch_normalization_workspace<float>, batch_normalization_workspace<double>, 0>},
           {"batch_normalization_parameter_grad", by_dtype<parameter_grad<float>, parameter_grad<double>, 1>,
            by_dtype<train_workspace<float, 1>, train_workspace<double, 1>, 1>},
           {"batch_norm_statistics", by_dtype<batch_norm_statistics<float>, batch_norm_statistics<double>, 0>,
            by_dtype<train_workspace<float, 0>, train_workspace<double, 0>, 0>},
           {"batch_norm_train", by_dtype<batch_norm_train<float>, batch_norm_train<double>, 0>,
            by_dtype<train_workspace<float, 0>, train_workspace<double, 0>, 0>},
           {"batch_norm_train_grad", by_dtype<batch_norm_train_grad<float>, batch_norm_train_grad<double>, 1>,
            by_dtype<train_workspace<float, 1>, train_workspace<double, 1>, 1>})
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
