// Activations as ops of their own, and their gradients.
#include "cuda/activation.cuh"

#include "cuda/elementwise.cuh"
#include "cuda/functions.cuh"

namespace pyneural::cuda {
namespace {

template <class F>
void run_activation(const KernelArgs& args) {
  with_real(args.in[0].dtype, [&](auto zero) { run_elementwise<decltype(zero), decltype(zero)>(args, F()); });
}
template <class F>
void run_gradient(const KernelArgs& args) {
  with_real(args.in[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    run_elementwise<T, T, T>(args, F());
  });
}

template <class T>
struct GeneralRelu {
  T slope, max_value, threshold;
  explicit GeneralRelu(const ReluParams& params)
      : slope(static_cast<T>(params.negative_slope)),
        max_value(static_cast<T>(params.max_value)),
        threshold(static_cast<T>(params.threshold)) {}
  // A slope of zero gives zero for minus infinity too.
  __device__ __forceinline__ T of(T x) const {
    const T below = slope == 0 ? T(0) : slope * (x - threshold);
    return x < threshold ? below : x > max_value ? max_value : x;
  }
  __device__ __forceinline__ T of(T grad_output, T x) const {
    return x < threshold ? grad_output * slope : x >= max_value ? T(0) : grad_output;
  }
};

void run_general_relu(const KernelArgs& args) {
  with_real(args.in[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    run_elementwise<T, T>(args, GeneralRelu<T>(args.param<ReluParams>()));
  });
}
void run_general_relu_grad(const KernelArgs& args) {
  with_real(args.in[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    run_elementwise<T, T, T>(args, GeneralRelu<T>(args.param<ReluParams>()));
  });
}

}  // namespace

#define PN_ENTRY(name) {#name, run_activation<functor::name>, nullptr},
#define PN_GRAD_ENTRY(name) {#name "_grad", run_gradient<functor::name##_grad>, nullptr},
PN_KERNELS(activation,
           PN_ACTIVATION_OPS(PN_ENTRY) PN_ACTIVATION_OPS(PN_GRAD_ENTRY){"general_relu", run_general_relu, nullptr},
           {"general_relu_grad", run_general_relu_grad, nullptr})

}  // namespace pyneural::cuda
