// Element-wise functions of two operands.
#include "cuda/elementwise.cuh"
#include "cuda/functions.cuh"

namespace pyneural::cuda {
namespace {

template <class F>
void run_binary(const KernelArgs& args) {
  with_number(args.in[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    run_elementwise<T, T, T>(args, F());
  });
}
template <class F>
void run_real(const KernelArgs& args) {
  with_real(args.in[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    run_elementwise<T, T, T>(args, F());
  });
}

}  // namespace

#define PN_ENTRY(name) {#name, run_binary<functor::name>, nullptr}
#define PN_REAL_ENTRY(name) {#name, run_real<functor::name>, nullptr}
PN_KERNELS(binary, PN_ENTRY(add), PN_ENTRY(subtract), PN_ENTRY(multiply), PN_REAL_ENTRY(divide), PN_ENTRY(floor_divide),
           PN_ENTRY(mod), PN_ENTRY(power), PN_ENTRY(maximum), PN_ENTRY(minimum), PN_REAL_ENTRY(arctan2),
           PN_ENTRY(squared_difference))

}  // namespace pyneural::cuda
