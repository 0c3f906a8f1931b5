// Optimizer steps over flat buffers: each reads and writes every element once, and may run in place.
#include "ops/optimizer_params.h"

#include <cmath>

#include "cuda/pack.cuh"

namespace pyneural::cuda {
namespace {

// A rule says how an element changes: `kState` buffers are read and written, a gradient is read. `prepare` computes in
// one thread of a block what is the same for all elements.
template <class T, int kState>
struct Buffers {
  const T* in[kState + 1];  // the gradient is the last one; nullptr: left out
  T* out[kState];
  int64_t size;
  bool aligned;
};

struct Scalar {
  const void* data;
  DType dtype;

  __device__ __forceinline__ double read() const { return read_scalar(data, dtype); }
};

template <class T, class Rule>
__global__ void __launch_bounds__(kBlockThreads)
    update_kernel(Buffers<T, Rule::kState> buffers, Rule rule, Scalar rate, Scalar step, const RunState* state) {
  constexpr int kIn = Rule::kState + 1, kPack = kPackBytes / static_cast<int>(sizeof(T));
  if (failed(state)) return;
  T in[kIn][kPack], out[Rule::kState][kPack];
  int64_t i = first_item() * kPack;
  const int64_t stride = item_stride() * kPack;
  int count = 0;
  const auto load = [&] {
    count = i >= buffers.size ? 0 : buffers.size - i < kPack ? static_cast<int>(buffers.size - i) : kPack;
#pragma unroll
    for (int b = 0; b < kIn; ++b) {
      if (buffers.in[b] && count) read_pack(buffers.in[b] + i, count, buffers.aligned, in[b]);
    }
  };
  load();  // on its way while one thread prepares
  PN_SHARED(prepared, typename Rule::Prepared);
  if (threadIdx.x == 0) prepared = rule.prepare(rate, step);
  __syncthreads();
  const auto constants = prepared;
  while (count) {
#pragma unroll
    for (int k = 0; k < kPack; ++k) {
      T before[kIn], after[Rule::kState];
#pragma unroll
      for (int b = 0; b < kIn; ++b) before[b] = in[b][k];
      rule.update(before, constants, after);
#pragma unroll
      for (int b = 0; b < Rule::kState; ++b) out[b][k] = after[b];
    }
#pragma unroll
    for (int b = 0; b < Rule::kState; ++b) {
      if (buffers.in[b]) write_pack(buffers.out[b] + i, count, buffers.aligned, out[b]);
    }
    i += stride;
    load();
  }
}

// The parameters after decoupled weight decay (decay == 0 leaves them bit for bit).
template <class T>
__device__ __forceinline__ T decayed(T p, T decay, T lr) {
  return p - p * decay * lr;
}

template <class T>
struct OnlyRate {
  T lr;
};

template <class T>
struct Sgd {
  static constexpr int kState = 1;
  using Prepared = OnlyRate<T>;
  T decay;

  explicit Sgd(const KernelArgs& args) : decay(static_cast<T>(args.param<SgdParams>().weight_decay)) {}
  __device__ __forceinline__ Prepared prepare(Scalar rate, Scalar) const { return {static_cast<T>(rate.read())}; }
  __device__ __forceinline__ void update(const T (&in)[2], Prepared c, T (&out)[1]) const {
    out[0] = decayed(in[0], decay, c.lr) - in[1] * c.lr;
  }
};

template <class T>
struct Momentum {
  static constexpr int kState = 2;
  using Prepared = OnlyRate<T>;
  T decay, mu;
  bool nesterov;

  explicit Momentum(const KernelArgs& args) {
    const auto& params = args.param<MomentumParams>();
    decay = static_cast<T>(params.weight_decay);
    mu = static_cast<T>(params.momentum);
    nesterov = params.nesterov != 0;
  }
  __device__ __forceinline__ Prepared prepare(Scalar rate, Scalar) const { return {static_cast<T>(rate.read())}; }
  __device__ __forceinline__ void update(const T (&in)[3], Prepared c, T (&out)[2]) const {
    const T step = in[2] * c.lr, velocity = in[1] * mu - step;
    out[0] = decayed(in[0], decay, c.lr) + (nesterov ? velocity * mu - step : velocity);
    out[1] = velocity;
  }
};

template <class T>
struct Adam {
  static constexpr int kState = 4;
  struct Prepared {
    T lr, alpha;
  };
  double log_beta_1, log_beta_2;
  T rest_1, rest_2, epsilon, decay;
  bool largest;  // AMSGrad

  explicit Adam(const KernelArgs& args) {
    const auto& params = args.param<AdamParams>();
    log_beta_1 = std::log(params.beta_1);
    log_beta_2 = std::log(params.beta_2);
    rest_1 = static_cast<T>(1 - params.beta_1);
    rest_2 = static_cast<T>(1 - params.beta_2);
    epsilon = static_cast<T>(params.epsilon);
    decay = static_cast<T>(params.weight_decay);
    largest = args.in[3].data != nullptr;
  }
  // In double: 1 - beta^step loses all digits of a float near step 1.
  __device__ __forceinline__ Prepared prepare(Scalar rate, Scalar step) const {
    const double lr = rate.read(), t = step.read();
    const double rest_of_v = -std::expm1(t * log_beta_2), rest_of_m = -std::expm1(t * log_beta_1);
    return {static_cast<T>(lr), static_cast<T>(lr * std::sqrt(rest_of_v) / rest_of_m)};
  }
  __device__ __forceinline__ void update(const T (&in)[5], Prepared c, T (&out)[4]) const {
    const T grad = in[4];
    out[1] = in[1] + (grad - in[1]) * rest_1;
    out[2] = in[2] + (grad * grad - in[2]) * rest_2;
    out[3] = largest && !(out[2] > in[3]) ? in[3] : out[2];
    out[0] = decayed(in[0], decay, c.lr) - out[1] * c.alpha / (std::sqrt(out[3]) + epsilon);
  }
};

template <class T>
struct Rmsprop {
  static constexpr int kState = 4;
  using Prepared = OnlyRate<T>;
  T decay, rho, rest, mu, epsilon;
  bool with_momentum, centered;

  explicit Rmsprop(const KernelArgs& args) {
    const auto& params = args.param<RmspropParams>();
    decay = static_cast<T>(params.weight_decay);
    rho = static_cast<T>(params.rho);
    rest = static_cast<T>(1 - params.rho);
    mu = static_cast<T>(params.momentum);
    epsilon = static_cast<T>(params.epsilon);
    with_momentum = args.in[2].data != nullptr;
    centered = args.in[3].data != nullptr;
  }
  __device__ __forceinline__ Prepared prepare(Scalar rate, Scalar) const { return {static_cast<T>(rate.read())}; }
  __device__ __forceinline__ void update(const T (&in)[5], Prepared c, T (&out)[4]) const {
    const T grad = in[4];
    out[1] = rho * in[1] + rest * (grad * grad);
    T denominator = out[1] + epsilon;
    if (centered) {
      out[3] = rho * in[3] + rest * grad;
      denominator = out[1] - out[3] * out[3] + epsilon;
    }
    out[2] = c.lr * grad / std::sqrt(denominator);
    if (with_momentum) out[2] = mu * in[2] + out[2];
    out[0] = decayed(in[0], decay, c.lr) - out[2];
  }
};

template <class T>
struct Adagrad {
  static constexpr int kState = 2;
  using Prepared = OnlyRate<T>;
  T decay, epsilon;

  explicit Adagrad(const KernelArgs& args) {
    const auto& params = args.param<AdagradParams>();
    decay = static_cast<T>(params.weight_decay);
    epsilon = static_cast<T>(params.epsilon);
  }
  __device__ __forceinline__ Prepared prepare(Scalar rate, Scalar) const { return {static_cast<T>(rate.read())}; }
  __device__ __forceinline__ void update(const T (&in)[3], Prepared c, T (&out)[2]) const {
    const T grad = in[2];
    out[1] = in[1] + grad * grad;
    out[0] = decayed(in[0], decay, c.lr) - c.lr * grad / std::sqrt(out[1] + epsilon);
  }
};

template <class T>
struct Adadelta {
  static constexpr int kState = 3;
  using Prepared = OnlyRate<T>;
  T decay, rho, rest, epsilon;

  explicit Adadelta(const KernelArgs& args) {
    const auto& params = args.param<AdadeltaParams>();
    decay = static_cast<T>(params.weight_decay);
    rho = static_cast<T>(params.rho);
    rest = static_cast<T>(1 - params.rho);
    epsilon = static_cast<T>(params.epsilon);
  }
  __device__ __forceinline__ Prepared prepare(Scalar rate, Scalar) const { return {static_cast<T>(rate.read())}; }
  __device__ __forceinline__ void update(const T (&in)[4], Prepared c, T (&out)[3]) const {
    const T grad = in[3];
    out[1] = rho * in[1] + rest * (grad * grad);
    const T delta = std::sqrt(in[2] + epsilon) * grad / std::sqrt(out[1] + epsilon);
    out[2] = rho * in[2] + rest * (delta * delta);
    out[0] = decayed(in[0], decay, c.lr) - c.lr * delta;
  }
};

template <class T, class Rule>
void launch_update(const KernelArgs& args) {
  constexpr int kState = Rule::kState, kPack = kPackBytes / static_cast<int>(sizeof(T));
  Buffers<T, kState> buffers{};
  buffers.size = args.in[0].size;
  if (buffers.size == 0) return;
  buffers.aligned = true;
  for (int i = 0; i <= kState; ++i) {
    buffers.in[i] = args.in[i].as<const T>();
    buffers.aligned &= is_aligned(buffers.in[i], kPackBytes);
  }
  for (int i = 0; i < kState; ++i) {
    buffers.out[i] = args.out[i].as<T>();
    buffers.aligned &= !buffers.in[i] || is_aligned(buffers.out[i], kPackBytes);
  }
  const View &rate = args.in[kState + 1], &last = args.in[args.num_in - 1];  // the step, if there is one
  launch(update_kernel<T, Rule>, grid_for(ceil_div(buffers.size, kPack)), kBlockThreads, 0, stream_of(args), buffers,
         Rule(args), Scalar{rate.data, rate.dtype}, Scalar{last.data, last.dtype}, args.state);
}

template <template <class> class Rule>
void update(const KernelArgs& args) {
  with_real(args.in[0].dtype, [&](auto zero) { launch_update<decltype(zero), Rule<decltype(zero)>>(args); });
}

}  // namespace

PN_KERNELS(optimizer, {"sgd_update", update<Sgd>, nullptr}, {"momentum_update", update<Momentum>, nullptr},
           {"adam_update", update<Adam>, nullptr}, {"rmsprop_update", update<Rmsprop>, nullptr},
           {"adagrad_update", update<Adagrad>, nullptr}, {"adadelta_update", update<Adadelta>, nullptr})

}  // namespace pyneural::cuda
