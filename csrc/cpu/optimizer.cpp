// Optimizer steps over flat buffers: each reads and writes every element once, and may run in place.
#include "ops/optimizer_params.h"

#include "cpu/lanes.h"
#include "cpu/subnormals.h"
#include "threads/parallel.h"
#include "threads/shares.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

constexpr int64_t kGrain = 16384;     // elements of a chunk: 64 KB per buffer
constexpr int64_t kNormBlock = 4096;  // elements whose squares are summed in T; the blocks are added in double

double scalar(const View& view) {
  switch (view.dtype) {
    case DType::float32:
      return *view.as<float>();
    case DType::float64:
      return *view.as<double>();
    case DType::int32:
      return *view.as<int32_t>();
    default:
      return static_cast<double>(*view.as<int64_t>());
  }
}

// body(i, lanes) for all elements. `buffers` of them are read or written: what a thread costs is weighed against that.
// Each thread begins with its last chunk: gradients have been written and weights will be read from the beginning on,
// so that in this order caches still hold the end of the ones and will hold the beginning of the others.
template <class T, class Body>
PN_INLINE void update(int64_t size, int buffers, const Body& body) {
  const double bytes = static_cast<double>(size) * static_cast<double>(sizeof(T)) * buffers;
  const int64_t chunks = (size + kGrain - 1) / kGrain;
  const int wanted = threads_for(0, bytes), threads = chunks < wanted ? static_cast<int>(chunks) : wanted;
  parallel_range(chunks, 1, threads, [&](int64_t chunk, int64_t) PN_LAMBDA {
    const int64_t begin = mirrored_in_share(chunk, chunks, threads) * kGrain;
    const int64_t end = begin + kGrain < size ? begin + kGrain : size;
    // Averages of gradients that have become zero fade away, and would be subnormal for ever after.
    const SubnormalsAreZero scope;
    for_lanes<T>(begin, end, body);
  });
}

// The parameters after decoupled weight decay (decay == 0 leaves them bit for bit).
template <class T>
PN_INLINE Vec<T> decayed(Vec<T> p, T decay, T lr) {
  return p - p * decay * lr;
}

template <class T>
void sgd(const KernelArgs& args) {
  const T *p = args.in[0].as<T>(), *g = args.in[1].as<T>();
  T* p_out = args.out[0].as<T>();
  const T lr = static_cast<T>(scalar(args.in[2])), decay = static_cast<T>(args.param<SgdParams>().weight_decay);
  update<T>(args.in[0].size, 3, [=](int64_t i, auto lanes) PN_LAMBDA {
    lanes.store(p_out + i, decayed<T>(lanes.load(p + i), decay, lr) - lanes.load(g + i) * lr);
  });
}

template <class T>
void momentum(const KernelArgs& args) {
  const auto& params = args.param<MomentumParams>();
  const T *p = args.in[0].as<T>(), *m = args.in[1].as<T>(), *g = args.in[2].as<T>();
  T *p_out = args.out[0].as<T>(), *m_out = args.out[1].as<T>();
  const T lr = static_cast<T>(scalar(args.in[3])), decay = static_cast<T>(params.weight_decay);
  const T mu = static_cast<T>(params.momentum);
  const bool nesterov = params.nesterov != 0;
  update<T>(args.in[0].size, 5, [=](int64_t i, auto lanes) PN_LAMBDA {
    const Vec<T> step = lanes.load(g + i) * lr;
    const Vec<T> velocity = lanes.load(m + i) * mu - step;
    lanes.store(m_out + i, velocity);
    lanes.store(p_out + i, decayed<T>(lanes.load(p + i), decay, lr) + (nesterov ? velocity * mu - step : velocity));
  });
}

template <class T>
void adam(const KernelArgs& args) {
  const auto& params = args.param<AdamParams>();
  const T *p = args.in[0].as<T>(), *m = args.in[1].as<T>(), *v = args.in[2].as<T>(), *v_hat = args.in[3].as<T>();
  const T* g = args.in[4].as<T>();
  T *p_out = args.out[0].as<T>(), *m_out = args.out[1].as<T>(), *v_out = args.out[2].as<T>();
  T* v_hat_out = args.out[3].as<T>();
  const double rate = scalar(args.in[5]), step = scalar(args.in[6]);
  const T lr = static_cast<T>(rate), decay = static_cast<T>(params.weight_decay);
  // In double: 1 - beta^step loses all digits of a float near step 1.
  const T alpha = static_cast<T>(rate * __builtin_sqrt(1 - __builtin_pow(params.beta_2, step)) /
                                 (1 - __builtin_pow(params.beta_1, step)));
  const T rest_1 = static_cast<T>(1 - params.beta_1), rest_2 = static_cast<T>(1 - params.beta_2);
  const T epsilon = static_cast<T>(params.epsilon);
  update<T>(args.in[0].size, v_hat ? 9 : 7, [=](int64_t i, auto lanes) PN_LAMBDA {
    const Vec<T> grad = lanes.load(g + i);
    const Vec<T> m_old = lanes.load(m + i), v_old = lanes.load(v + i);
    const Vec<T> first = m_old + (grad - m_old) * rest_1;
    Vec<T> second = v_old + (grad * grad - v_old) * rest_2;
    lanes.store(m_out + i, first);
    lanes.store(v_out + i, second);
    if (v_hat) {
      second = vmax(lanes.load(v_hat + i), second);
      lanes.store(v_hat_out + i, second);
    }
    lanes.store(p_out + i, decayed<T>(lanes.load(p + i), decay, lr) - first * alpha / (vsqrt(second) + epsilon));
  });
}

template <class T>
void rmsprop(const KernelArgs& args) {
  const auto& params = args.param<RmspropParams>();
  const T *p = args.in[0].as<T>(), *v = args.in[1].as<T>(), *m = args.in[2].as<T>(), *mean = args.in[3].as<T>();
  const T* g = args.in[4].as<T>();
  T *p_out = args.out[0].as<T>(), *v_out = args.out[1].as<T>(), *m_out = args.out[2].as<T>();
  T* mean_out = args.out[3].as<T>();
  const T lr = static_cast<T>(scalar(args.in[5])), decay = static_cast<T>(params.weight_decay);
  const T rho = static_cast<T>(params.rho), rest = static_cast<T>(1 - params.rho);
  const T mu = static_cast<T>(params.momentum), epsilon = static_cast<T>(params.epsilon);
  update<T>(args.in[0].size, 5 + 2 * (m != nullptr) + 2 * (mean != nullptr), [=](int64_t i, auto lanes) PN_LAMBDA {
    const Vec<T> grad = lanes.load(g + i);
    const Vec<T> square = rho * lanes.load(v + i) + rest * (grad * grad);
    lanes.store(v_out + i, square);
    Vec<T> denominator = square + epsilon;
    if (mean) {
      const Vec<T> average = rho * lanes.load(mean + i) + rest * grad;
      lanes.store(mean_out + i, average);
      denominator = square - average * average + epsilon;
    }
    Vec<T> step = lr * grad / vsqrt(denominator);
    if (m) {
      step = mu * lanes.load(m + i) + step;
      lanes.store(m_out + i, step);
    }
    lanes.store(p_out + i, decayed<T>(lanes.load(p + i), decay, lr) - step);
  });
}

template <class T>
void adagrad(const KernelArgs& args) {
  const auto& params = args.param<AdagradParams>();
  const T *p = args.in[0].as<T>(), *accumulator = args.in[1].as<T>(), *g = args.in[2].as<T>();
  T *p_out = args.out[0].as<T>(), *accumulator_out = args.out[1].as<T>();
  const T lr = static_cast<T>(scalar(args.in[3])), decay = static_cast<T>(params.weight_decay);
  const T epsilon = static_cast<T>(params.epsilon);
  update<T>(args.in[0].size, 5, [=](int64_t i, auto lanes) PN_LAMBDA {
    const Vec<T> grad = lanes.load(g + i);
    const Vec<T> sum = lanes.load(accumulator + i) + grad * grad;
    lanes.store(accumulator_out + i, sum);
    lanes.store(p_out + i, decayed<T>(lanes.load(p + i), decay, lr) - lr * grad / vsqrt(sum + epsilon));
  });
}

template <class T>
void adadelta(const KernelArgs& args) {
  const auto& params = args.param<AdadeltaParams>();
  const T *p = args.in[0].as<T>(), *squares = args.in[1].as<T>(), *deltas = args.in[2].as<T>();
  const T* g = args.in[3].as<T>();
  T *p_out = args.out[0].as<T>(), *squares_out = args.out[1].as<T>(), *deltas_out = args.out[2].as<T>();
  const T lr = static_cast<T>(scalar(args.in[4])), decay = static_cast<T>(params.weight_decay);
  const T rho = static_cast<T>(params.rho), rest = static_cast<T>(1 - params.rho);
  const T epsilon = static_cast<T>(params.epsilon);
  update<T>(args.in[0].size, 7, [=](int64_t i, auto lanes) PN_LAMBDA {
    const Vec<T> grad = lanes.load(g + i), delta_old = lanes.load(deltas + i);
    const Vec<T> square = rho * lanes.load(squares + i) + rest * (grad * grad);
    lanes.store(squares_out + i, square);
    const Vec<T> delta = vsqrt(delta_old + epsilon) * grad / vsqrt(square + epsilon);
    lanes.store(deltas_out + i, rho * delta_old + rest * (delta * delta));
    lanes.store(p_out + i, decayed<T>(lanes.load(p + i), decay, lr) - lr * delta);
  });
}

size_t squared_norm_workspace(const KernelArgs& args) {
  return static_cast<size_t>((args.in[0].size + kNormBlock - 1) / kNormBlock) * sizeof(double);
}

template <class T>
void squared_norm(const KernelArgs& args) {
  const T* x = args.in[0].as<T>();
  const int64_t size = args.in[0].size;
  double* partial = static_cast<double*>(args.workspace);
  const double bytes = static_cast<double>(size) * static_cast<double>(sizeof(T));
  parallel_range(size, kNormBlock, threads_for(0, bytes), [=](int64_t begin, int64_t end) {
    partial[begin / kNormBlock] = sum_lanes<T>(begin, end, [=](int64_t i, auto lanes) PN_LAMBDA {
      const Vec<T> v = lanes.load(x + i);
      return v * v;
    });
  });
  double sum = 0;
  for (int64_t begin = 0; begin < size; begin += kNormBlock) sum += partial[begin / kNormBlock];
  *args.out[0].as<T>() = static_cast<T>(sum);
}

template <class T>
void clip_by_norm(const KernelArgs& args) {
  const T* x = args.in[0].as<T>();
  T* y = args.out[0].as<T>();
  const double limit = args.param<ClipByNormParams>().limit, norm = __builtin_sqrt(scalar(args.in[1]));
  // norm - norm: an infinite norm would scale everything to zero and hide the overflow.
  const T scale = static_cast<T>((norm > limit ? limit / norm : 1.0) + (norm - norm));
  update<T>(args.in[0].size, 2,
            [=](int64_t i, auto lanes) PN_LAMBDA { lanes.store(y + i, lanes.load(x + i) * scale); });
}

}  // namespace

PN_KERNELS(optimizer, {"sgd_update", by_dtype<sgd<float>, sgd<double>>, nullptr},
           {"momentum_update", by_dtype<momentum<float>, momentum<double>>, nullptr},
           {"adam_update", by_dtype<adam<float>, adam<double>>, nullptr},
           {"rmsprop_update", by_dtype<rmsprop<float>, rmsprop<double>>, nullptr},
           {"adagrad_update", by_dtype<adagrad<float>, adagrad<double>>, nullptr},
           {"adadelta_update", by_dtype<adadelta<float>, adadelta<double>>, nullptr},
           {"squared_norm", by_dtype<squared_norm<float>, squared_norm<double>>, squared_norm_workspace},
           {"clip_by_norm", by_dtype<clip_by_norm<float>, clip_by_norm<double>>, nullptr})
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
