// Layer normalization: three looks at rows that are in L1, mean first, so that the variance has no cancellation.
#include "ops/layer_norm_params.h"

#include "cpu/row_folds.h"
#include "cpu/workspace.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

constexpr int64_t kBlockElements = 32768;  // of x per block of rows
constexpr int64_t kMinBlockRows = 32;      // each block leaves a row of sums for gamma and beta

// Long rows that come from farther away than L2 are worked on one by one, so that reads and writes alternate quickly.
constexpr int64_t kShortRowBytes = 2048, kNearBytes = 512 * 1024;

constexpr int kScaledRows = PN_VECTOR_REGISTERS / 8;  // side by side: they share loads of gamma and beta

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

// y = (x - mean) * rstd * gamma + beta for kRows rows of n elements.
template <int kRows, class T>
PN_INLINE void scale_rows(const T* x, int64_t n, const T* means, const T* rstds, const T* gamma, const T* beta, T* y) {
  Vec<T> mean[kRows], rstd[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    mean[r] = broadcast(means[r]);
    rstd[r] = broadcast(rstds[r]);
  }
  for_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA {
    const Vec<T> scale = gamma ? lanes.load(gamma + i) : broadcast(T(1));
    const Vec<T> offset = beta ? lanes.load(beta + i) : Vec<T>{};
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const Vec<T> v = (lanes.load(x + r * n + i) - mean[r]) * rstd[r];
      lanes.store(y + r * n + i, fma(v, scale, offset));
    }
  });
}

template <class T>
PN_INLINE T rstd_of(T variance, double epsilon) {
  return static_cast<T>(1 / __builtin_sqrt(static_cast<double>(variance) + epsilon));
}

template <class T>
PN_INLINE void normalize_row(const T* x, int64_t n, double epsilon, const T* gamma, const T* beta, T* y, T* mean,
                             T* rstd) {
  const T share = T(1) / static_cast<T>(n);
  const T m = sum_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA { return lanes.load(x + i); }) * share;
  const T squares = sum_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA {
    const Vec<T> d = lanes.keep(lanes.load(x + i) - m, T(0));
    return d * d;
  });
  *mean = m;
  *rstd = rstd_of(squares * share, epsilon);
  scale_rows<1>(x, n, mean, rstd, gamma, beta, y);
}

// Rows that are worked on together. What is read back at once is kept here: loads would wait for masked stores.
template <class T>
struct RowBlock {
  const T* x;
  int64_t count, n;
  alignas(PN_VECTOR_BYTES) T mean[kLanes<T>];
  alignas(PN_VECTOR_BYTES) T rstd[kLanes<T>];
};

template <class T, class Term>
PN_INLINE Vec<T> mean_of_rows(const RowBlock<T>& block, const Term& term) {
  const EachRow<T> sums =
      fold_each<T>(block.count, Add{}, [&](int64_t r) PN_LAMBDA { return sum_vectors<T>(0, block.n, term(r)); });
  return load(sums.values) * (T(1) / static_cast<T>(block.n));
}

template <class T>
PN_INLINE void find_means(RowBlock<T>* block, T* means) {
  const int64_t n = block->n;
  const Vec<T> mean = mean_of_rows(*block, [=, x = block->x](int64_t r) PN_LAMBDA {
    return [=](int64_t i, auto lanes) PN_LAMBDA { return lanes.load(x + r * n + i); };
  });
  store(block->mean, mean);
  store_first(means, mean, static_cast<int>(block->count));
}

template <class T>
PN_INLINE void find_rstds(RowBlock<T>* block, double epsilon, T* rstds) {
  const int64_t n = block->n;
  const Vec<T> variance = mean_of_rows(*block, [=, x = block->x](int64_t r) PN_LAMBDA {
    return [=, mean = broadcast(block->mean[r])](int64_t i, auto lanes) PN_LAMBDA {
      const Vec<T> d = lanes.keep(lanes.load(x + r * n + i) - mean, T(0));
      return d * d;
    };
  });
  Vec<T> rstd;
  for (int r = 0; r < kLanes<T>; ++r) rstd[r] = rstd_of(variance[r], epsilon);
  store(block->rstd, rstd);
  store_first(rstds, rstd, static_cast<int>(block->count));
}

template <class T>
PN_INLINE void scale_block(const RowBlock<T>& block, const T* gamma, const T* beta, T* y) {
  const int64_t n = block.n;
  int64_t r = 0;
  for (; r + kScaledRows <= block.count; r += kScaledRows) {
    scale_rows<kScaledRows>(block.x + r * n, n, block.mean + r, block.rstd + r, gamma, beta, y + r * n);
  }
  for (; r < block.count; ++r) {
    scale_rows<1>(block.x + r * n, n, block.mean + r, block.rstd + r, gamma, beta, y + r * n);
  }
}

template <class T>
void layer_normalization(const KernelArgs& args) {
  const auto& p = args.param<LayerNormParams>();
  const Rows s = split_rows(args.in[0], p.axes);
  const T *x = args.in[0].as<T>(), *gamma = args.in[1].as<T>(), *beta = args.in[2].as<T>();
  T *y = args.out[0].as<T>(), *means = args.out[1].as<T>(), *rstds = args.out[2].as<T>();
  const int64_t n = s.columns, row_bytes = n * static_cast<int64_t>(sizeof(T));
  const int64_t together = row_bytes <= kShortRowBytes || s.rows * row_bytes <= kNearBytes ? rows_together<T>(n) : 1;
  const double epsilon = p.epsilon;
  parallel_range(s.rows, s.block_rows, threads_for_rows(s, 8, 2 * sizeof(T)), [=](int64_t begin, int64_t end) {
    if (together == 1) {
      for (int64_t r = begin; r < end; ++r) {
        normalize_row(x + r * n, n, epsilon, gamma, beta, y + r * n, means + r, rstds + r);
      }
      return;
    }
    RowBlock<T> blocks[2];
    const auto start = [=](RowBlock<T>* block, int64_t row) PN_LAMBDA {
      block->x = x + row * n;
      block->n = n;
      block->count = end - row < together ? end - row : together;
      find_means(block, means + row);
    };
    start(blocks, begin);
    for (int64_t row = begin, block = 0; row < end; row += together, block ^= 1) {
      // Between steps that depend on each other lies work on other rows: it hides the latency of folds and roots.
      find_rstds(blocks + block, epsilon, rstds + row);
      if (row + together < end) start(blocks + (block ^ 1), row + together);
      scale_block(blocks[block], gamma, beta, y + row * n);
    }
  });
}

template <class T>
struct RowMeans {
  T upstream, projection;  // of dy * gamma, and of its product with xhat
};

// One look at a row of dy and x; adds dy * xhat and dy to the sums of the row's block, if there are any.
template <class T, bool kParameters>
RowMeans<T> row_means(const T* dy, const T* x, T mean, T rstd, const T* gamma, int64_t n, T* dgamma, T* dbeta) {
  constexpr int64_t step = kLanes<T>;
  Vec<T> upstream[2] = {}, projection[2] = {};
  const auto add = [=, &upstream, &projection](int64_t i, int chain, auto lanes) PN_LAMBDA {
    const Vec<T> g = lanes.load(dy + i), xhat = (lanes.load(x + i) - mean) * rstd;
    if (kParameters) {
      lanes.store(dgamma + i, lanes.load(dgamma + i) + g * xhat);
      lanes.store(dbeta + i, lanes.load(dbeta + i) + g);
    }
    const Vec<T> scaled = gamma ? g * lanes.load(gamma + i) : g;
    upstream[chain] += scaled;
    projection[chain] += scaled * xhat;
  };
  int64_t i = 0;
  for (; i + 2 * step <= n; i += 2 * step) {
    add(i, 0, AllLanes{});
    add(i + step, 1, AllLanes{});
  }
  for (; i + step <= n; i += step) add(i, 0, AllLanes{});
  if (i < n) add(i, 1, FirstLanes{static_cast<int>(n - i)});
  const T share = T(1) / static_cast<T>(n);
  return {reduce_add(upstream[0] + upstream[1]) * share, reduce_add(projection[0] + projection[1]) * share};
}

template <class T>
void row_gradient(const T* dy, const T* x, T mean, T rstd, const T* gamma, int64_t n, RowMeans<T> means, T* dx) {
  for_lanes<T>(0, n, [=](int64_t i, auto lanes) PN_LAMBDA {
    const Vec<T> g = lanes.load(dy + i), xhat = (lanes.load(x + i) - mean) * rstd;
    const Vec<T> scaled = gamma ? g * lanes.load(gamma + i) : g;
    lanes.store(dx + i, rstd * (scaled - means.upstream - xhat * means.projection));
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
    T *dgamma = nullptr, *dbeta = nullptr;
    if (partial) {
      dgamma = partial + begin / s.block_rows * 2 * n;
      dbeta = dgamma + n;
      for (int64_t i = 0; i < 2 * n; ++i) dgamma[i] = 0;
    }
    for (int64_t r = begin; r < end; ++r) {
      const T *row_dy = dy + r * n, *row_x = x + r * n;
      const auto row_sums = partial ? row_means<T, true> : row_means<T, false>;
      const RowMeans<T> sums = row_sums(row_dy, row_x, means[r], rstds[r], gamma, n, dgamma, dbeta);
      row_gradient(row_dy, row_x, means[r], rstds[r], gamma, n, sums, dx + r * n);
    }
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
