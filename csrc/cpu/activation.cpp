// Activations as ops of their own, and their gradients.
#include "cpu/activation.h"

#include "cpu/elementwise.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

template <Activation A>
struct Forward {
  static constexpr bool cheap = A == Activation::relu;
  template <class V>
  PN_INLINE V of(V x) {
    return activate<A>(x);
  }
};
template <Activation A>
struct Gradient {
  static constexpr bool cheap = A == Activation::relu || A == Activation::sigmoid || A == Activation::tanh;
  template <class V>
  PN_INLINE V of(V grad_output, V v) {
    return grad_output * activation_slope<A>(v);
  }
};

template <class T>
struct GeneralRelu {
  Vec<T> slope, max_value, threshold;
  explicit GeneralRelu(const void* params) {
    const ReluParams& p = *static_cast<const ReluParams*>(params);
    slope = broadcast(static_cast<T>(p.negative_slope));
    max_value = broadcast(static_cast<T>(p.max_value));
    threshold = broadcast(static_cast<T>(p.threshold));
  }
  // A slope of zero gives zero for minus infinity too.
  Vec<T> value(Vec<T> x) const {
    const Vec<T> below = slope == 0 ? Vec<T>{} : slope * (x - threshold);
    return x < threshold ? below : x > max_value ? max_value : x;
  }
  Vec<T> gradient(Vec<T> grad_output, Vec<T> x) const {
    const Vec<T> below = grad_output * slope;
    return x < threshold ? below : x >= max_value ? Vec<T>{} : grad_output;
  }
};

template <class T>
void general_relu_block(const void* const* in, void* out, int64_t n, const void* params) {
  const GeneralRelu<T> relu(params);
  const T* x = static_cast<const T*>(in[0]);
  T* y = static_cast<T*>(out);
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    const int count = n - i < kLanes<T> ? static_cast<int>(n - i) : kLanes<T>;
    store_first(y + i, relu.value(load_first(x + i, count)), count);
  }
}
template <class T>
void general_relu_grad_block(const void* const* in, void* out, int64_t n, const void* params) {
  const GeneralRelu<T> relu(params);
  const T* grad_output = static_cast<const T*>(in[0]);
  const T* x = static_cast<const T*>(in[1]);
  T* y = static_cast<T*>(out);
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    const int count = n - i < kLanes<T> ? static_cast<int>(n - i) : kLanes<T>;
    store_first(y + i, relu.gradient(load_first(grad_output + i, count), load_first(x + i, count)), count);
  }
}

enum Row {
#define PN_NAME(name) row_##name,
#define PN_GRAD_NAME(name) row_##name##_grad,
  PN_ACTIVATION_OPS(PN_NAME) PN_ACTIVATION_OPS(PN_GRAD_NAME)
};

template <class F>
constexpr double kFlops = 20;
template <class F>
  requires(F::cheap)
constexpr double kFlops<F> = 4;

template <class F, int R>
void run_activation(const KernelArgs& args) {
  run_elementwise(args, pick(activation_blocks[R], args.in[0].dtype), kFlops<F>);
}

constexpr BlockRow kGeneralRelu = {general_relu_block<float>, general_relu_block<double>, nullptr, nullptr, nullptr};
constexpr BlockRow kGeneralReluGrad = {general_relu_grad_block<float>, general_relu_grad_block<double>, nullptr,
                                       nullptr, nullptr};

void run_general_relu(const KernelArgs& args) { run_elementwise(args, pick(kGeneralRelu, args.in[0].dtype), 2); }
void run_general_relu_grad(const KernelArgs& args) {
  run_elementwise(args, pick(kGeneralReluGrad, args.in[0].dtype), 2);
}

}  // namespace

#define PN_ROW(name)                                                                                             \
  {unary_block<Forward<Activation::name>, float, float>, unary_block<Forward<Activation::name>, double, double>, \
   nullptr, nullptr, nullptr},
#define PN_GRAD_ROW(name)                                                                                            \
  {binary_block<Gradient<Activation::name>, float, float>, binary_block<Gradient<Activation::name>, double, double>, \
   nullptr, nullptr, nullptr},
const BlockRow activation_blocks[] = {PN_ACTIVATION_OPS(PN_ROW) PN_ACTIVATION_OPS(PN_GRAD_ROW)};

#define PN_ENTRY(name) {#name, run_activation<Forward<Activation::name>, row_##name>, nullptr},
#define PN_GRAD_ENTRY(name) {#name "_grad", run_activation<Gradient<Activation::name>, row_##name##_grad>, nullptr},
PN_KERNELS(activation,
           PN_ACTIVATION_OPS(PN_ENTRY) PN_ACTIVATION_OPS(PN_GRAD_ENTRY){"general_relu", run_general_relu, nullptr},
           {"general_relu_grad", run_general_relu_grad, nullptr})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
