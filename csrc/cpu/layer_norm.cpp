// Layer normalization: two passes over a row that is in L1, mean first, so that the variance has no cancellation.
#include "ops/layer_norm_params.h"

#include "cpu/lanes.h"
#include "cpu/workspace.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

constexpr int64_t kBlockElements = 32768;  // of x per block of rows
constexpr int64_t kMinBlockRows = 32;      // each block leaves a row of sums for gamma and beta

struct Rows {
  int64_t rows = 1, columns = 1, block_rows = 1, blocks = 0;
};

Rows split_rows(const View& x, int axes) {
  Rows s;
  for (int i = 0; i < x.rank; ++i) (i < x.rank - axes ? s.rows : s.columns) *= x.dims[i];
  const int64_t fitting = kBlockElements / (s.columns > 0 ? s.columns : 1);
  s.block_rows = fitting > kMinBlockRows ? fitting : kMinBlockRows;
  s.blocks = (s.rows + s.block_rows - 1) / s.block_rows;
  return s;
}

int threads_for_rows(const Rows& s, double flops_per_element, int64_t bytes_per_element) {
  const double elements = static_cast<double>(s.rows) * static_cast<double>(s.columns);
  return threads_for(elements * flops_per_element, elements * static_cast<double>(bytes_per_element));
}

template <class T>
void layer_normalization(const KernelArgs& args) {
  const auto& p = args.param<LayerNormParams>();
  const Rows s = split_rows(args.in[0], p.axes);
  const T *x = args.in[0].as<T>(), *gamma = args.in[1].as<T>(), *beta = args.in[2].as<T>();
  T *y = args.out[0].as<T>(), *means = args.out[1].as<T>(), *rstds = args.out[2].as<T>();
  const int64_t n = s.columns;
  const T share = T(1) / static_cast<T>(n);
  parallel_range(s.rows, s.block_rows, threads_for_rows(s, 8, 2 * sizeof(T)), [=](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const T* row = x + r * n;
      T* out = y + r * n;
      const T mean = sum_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA { return lanes.load(row + i); }) * share;
      const T variance = sum_lanes<T>(0, n,
                                      [=](int64_t i, auto lanes) PN_LAMBDA {
                                        const Vec<T> d = lanes.keep(lanes.load(row + i) - mean, T(0));
                                        return d * d;
                                      }) *
                         share;
      const T rstd = static_cast<T>(1 / __builtin_sqrt(static_cast<double>(variance) + p.epsilon));
      means[r] = mean;
      rstds[r] = rstd;
      for_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA {
        Vec<T> v = (lanes.load(row + i) - mean) * rstd;
        if (gamma) v *= lanes.load(gamma + i);
        if (beta) v += lanes.load(beta + i);
        lanes.store(out + i, v);
      });
    }
  });
}

// Sums over rows [begin, end) of dy * xhat and of dy.
template <class T>
void parameter_sums(const T* dy, const T* x, const T* means, const T* rstds, int64_t n, int64_t begin, int64_t end,
                    T* dgamma, T* dbeta) {
  constexpr int64_t step = kLanes<T>;
  const auto columns = [=](auto vectors, int64_t j, auto lanes) PN_LAMBDA {
    constexpr int count = decltype(vectors)::count;
    Vec<T> products[count] = {}, sums[count] = {};
    for (int64_t r = begin; r < end; ++r) {
      for (int v = 0; v < count; ++v) {
        const int64_t i = r * n + j + v * step;
        const Vec<T> g = lanes.load(dy + i);
        sums[v] += g;
        products[v] += g * ((lanes.load(x + i) - means[r]) * rstds[r]);
      }
    }
    for (int v = 0; v < count; ++v) {
      lanes.store(dgamma + j + v * step, products[v]);
      lanes.store(dbeta + j + v * step, sums[v]);
    }
  };
  int64_t j = 0;
  for (; j + 4 * step <= n; j += 4 * step) columns(Vectors<4>{}, j, AllLanes{});
  for_lanes<T>(j, n, [=](int64_t i, auto lanes) PN_LAMBDA { columns(Vectors<1>{}, i, lanes); });
}

template <class T>
void row_gradient(const T* dy, const T* x, T mean, T rstd, const T* gamma, int64_t n, T* dx) {
  const T share = T(1) / static_cast<T>(n);
  const auto upstream = [=](int64_t i, auto lanes) PN_LAMBDA {
    const Vec<T> g = lanes.load(dy + i);
    return gamma ? g * lanes.load(gamma + i) : g;
  };
  const auto normalized = [=](int64_t i, auto lanes) PN_LAMBDA { return (lanes.load(x + i) - mean) * rstd; };
  const T mean_upstream = sum_lanes<T>(0, n, upstream) * share;
  const T projection =
      sum_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA { return upstream(i, lanes) * normalized(i, lanes); }) *
      share;
  for_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA {
    lanes.store(dx + i, rstd * (upstream(i, lanes) - mean_upstream - normalized(i, lanes) * projection));
  });
}

template <class T>
size_t grad_workspace(const KernelArgs& args) {
  const auto& p = args.param<LayerNormParams>();
  if (!p.parameters) return 0;
  const Rows s = split_rows(args.in[1], p.axes);
  Workspace space(nullptr);
  space.take<T>(s.blocks * 2 * s.columns);
  space.take<double>(s.columns);
  return space.used();
}

// total[j] = sum over blocks of partial[block * stride + j], written as T.
template <class T>
void join_blocks(const Rows& s, const T* partial, double* total, T* out) {
  for (int64_t j = 0; j < s.columns; ++j) total[j] = 0;
  for (int64_t block = 0; block < s.blocks; ++block) {
    for (int64_t j = 0; j < s.columns; ++j) total[j] += partial[block * 2 * s.columns + j];
  }
  for (int64_t j = 0; j < s.columns; ++j) out[j] = static_cast<T>(total[j]);
}

template <class T>
void layer_normalization_grad(const KernelArgs& args) {
  const auto& p = args.param<LayerNormParams>();
  const Rows s = split_rows(args.in[1], p.axes);
  const T *dy = args.in[0].as<T>(), *x = args.in[1].as<T>(), *means = args.in[2].as<T>(), *rstds = args.in[3].as<T>();
  const T* gamma = args.in[4].as<T>();
  T* dx = args.out[0].as<T>();
  const int64_t n = s.columns;
  Workspace space(args.workspace);
  T* partial = p.parameters ? space.take<T>(s.blocks * 2 * n) : nullptr;
  parallel_range(s.rows, s.block_rows, threads_for_rows(s, 14, 3 * sizeof(T)), [=](int64_t begin, int64_t end) {
    // Before dx, which may lie where dy does.
    if (partial) {
      T* sums = partial + begin / s.block_rows * 2 * n;
      parameter_sums(dy, x, means, rstds, n, begin, end, sums, sums + n);
    }
    for (int64_t r = begin; r < end; ++r) row_gradient(dy + r * n, x + r * n, means[r], rstds[r], gamma, n, dx + r * n);
  });
  if (!partial) return;
  double* total = space.take<double>(n);
  join_blocks(s, partial, total, args.out[1].as<T>());
  join_blocks(s, partial + n, total, args.out[2].as<T>());
}

}  // namespace

PN_KERNELS(layer_norm,
           {"layer_normalization", by_dtype<layer_normalization<float>, layer_normalization<double>, 0>, nullptr},
           {"layer_normalization_grad", by_dtype<layer_normalization_grad<float>, layer_normalization_grad<double>, 1>,
            by_dtype<grad_workspace<float>, grad_workspace<double>, 1>})
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
