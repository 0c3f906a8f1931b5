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

template <class T>
struct WriteParameterGradients {
  T *dgamma, *dbeta;
  __device__ __forceinline__ void operator()(int64_t i, Pair<double> sums) const {
    dgamma[i] = static_cast<T>(sums.first);
    dbeta[i] = static_cast<T>(sums.second);
  }
};

// Rows that fit into few registers: while they are there, each lane adds dy * xhat and dy to the sums of its columns.
// A block leaves a row of sums.
template <class T, int kPack>
__global__ void normalize_grad_with_sums(NormalizeGrad<T> op, const T* dy, const T* x, int64_t rows, int64_t n,
                                         int lane_bits, bool aligned, Pair<T>* partial,
                                         WriteParameterGradients<T> write) {
  PN_SHARED(joined, Pair<T>[kFewSlots * kPack * kBlockThreads]);
  const RowLanes lanes{static_cast<int>(threadIdx.x) & ((1 << lane_bits) - 1), lane_bits};
  const int groups = kBlockThreads >> lane_bits, group = threadIdx.x >> lane_bits;
  Pair<T> own[kFewSlots][kPack] = {};
  for (int64_t first = static_cast<int64_t>(blockIdx.x) * groups; first < rows; first += gridDim.x * groups) {
    const int64_t r = first + group;
    const bool real = r < rows;
    Row<T, kPack, kFewSlots, 2> row(dy + r * n, x + r * n, real ? n : 0, 1, lanes, aligned);
    op(row, r, r * n, real);
    const T mean = real ? op.means[r] : T(0), rstd = real ? op.rstds[r] : T(0);
    row.for_slots([&](int slot, int v, T gradient, T value) {
      own[slot][v].first += gradient * ((value - mean) * rstd);
      own[slot][v].second += gradient;
    });
  }
  const int width = kFewSlots * kPack << lane_bits;  // of a group, in columns
#pragma unroll
  for (int s = 0; s < kFewSlots; ++s) {
#pragma unroll
    for (int v = 0; v < kPack; ++v) joined[group * width + (lanes.lane + (s << lane_bits)) * kPack + v] = own[s][v];
  }
  __syncthreads();
  for (int column = threadIdx.x; column < n; column += kBlockThreads) {
    Pair<T> sum = joined[column];
    for (int g = 1; g < groups; ++g) sum = PairSums<T>::join(sum, joined[g * width + column]);
    if (gridDim.x == 1) {
      write(column, PairSums<T>::widen(sum));
    } else {
      partial[blockIdx.x * n + column] = sum;
    }
  }
}

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

// All three gradients in one pass over dy and x; false: the rows are too long for that.
template <class T, int kPack>
bool grad_in_one_pass(const KernelArgs& args, const Extents& s, const NormalizeGrad<T>& op,
                      const WriteParameterGradients<T>& write, bool aligned, Scratch& scratch) {
  if ((int64_t{kFewSlots} << kBlockBits) < s.columns / kPack || s.rows * s.columns == 0) return false;
  const int bits = lane_bits_for(s.columns / kPack);
  const int64_t groups = kBlockThreads >> bits;
  int64_t blocks = ceil_div(s.rows, 2 * groups);
  if (blocks > kFullGrid / 2) blocks = kFullGrid / 2;  // that many fit, with what they keep in registers
  Pair<T>* const partial = blocks > 1 ? scratch.take<Pair<T>>(blocks * s.columns) : nullptr;
  if (!scratch.measures()) {
    launch(normalize_grad_with_sums<T, kPack>, static_cast<unsigned>(blocks), kBlockThreads, 0, stream_of(args), op,
           args.in[0].as<const T>(), args.in[1].as<const T>(), s.rows, s.columns, bits, aligned, partial, write);
  }
  if (blocks == 1) return true;
  reduce_block_of_axes<PairSums<T>>(stream_of(args), Elements<Pair<T>>{partial}, {1, blocks, s.columns}, nullptr, write,
                                    scratch);
  return true;
}

template <class T>
void grad_as(const KernelArgs& args, Scratch& scratch) {
  const auto& p = args.param<LayerNormParams>();
  const View &dy = args.in[0], &x = args.in[1], &gamma = args.in[4], &dx = args.out[0];
  const Extents s(x, p.axes);
  const T *means = args.in[2].as<const T>(), *rstds = args.in[3].as<const T>();
  const NormalizeGrad<T> op{means, rstds, gamma.as<const T>(), dx.as<T>(), T(1) / static_cast<T>(s.columns)};
  const bool aligned = are_aligned({dy.data, x.data, gamma.data, dx.data});
  if (p.parameters && s.columns > 0) {
    const WriteParameterGradients<T> write{args.out[1].as<T>(), args.out[2].as<T>()};
    constexpr int kPack = 16 / static_cast<int>(sizeof(T));
    if (s.columns % kPack == 0 ? grad_in_one_pass<T, kPack>(args, s, op, write, aligned, scratch)
                               : grad_in_one_pass<T, 1>(args, s, op, write, true, scratch)) {
      return;
    }
    // The gradient of x may take the place of dy: first what reads dy as well.
    const ParameterGradients<T> source{dy.as<const T>(), x.as<const T>(), means, rstds};
    const ReduceBlock block = x.size > 0 ? ReduceBlock{1, s.rows, s.columns} : ReduceBlock{s.columns, 0, 1};
    reduce_block_of_axes<PairSums<T>>(stream_of(args), source, block, nullptr, write, scratch);
  }
  if (scratch.measures()) return;
  launch_rows(stream_of(args), op, dy.as<const T>(), x.as<const T>(), s.rows, s.columns, 1, aligned);
}

void layer_normalization_grad(const KernelArgs& args, Scratch& scratch) {
  with_real(args.in[1].dtype, [&](auto zero) { grad_as<decltype(zero)>(args, scratch); });
}

}  // namespace

PN_KERNELS(layer_norm, {"layer_normalization", layer_normalization, nullptr},
           {"layer_normalization_grad", run_with_scratch<layer_normalization_grad>,
            scratch_bytes<layer_normalization_grad>})
}  // namespace pyneural::cuda
