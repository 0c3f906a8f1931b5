// Element-wise functions of one operand.
#include "cuda/elementwise.cuh"
#include "cuda/functions.cuh"

namespace pyneural::cuda {
namespace {

template <class F>
void run_any(const KernelArgs& args) {
  with_number(args.in[0].dtype, [&](auto zero) { run_elementwise<decltype(zero), decltype(zero)>(args, F()); });
}
template <class F>
void run_real(const KernelArgs& args) {
  with_real(args.in[0].dtype, [&](auto zero) { run_elementwise<decltype(zero), decltype(zero)>(args, F()); });
}
template <class F>
void run_predicate(const KernelArgs& args) {
  with_real(args.in[0].dtype, [&](auto zero) { run_elementwise<uint8_t, decltype(zero)>(args, F()); });
}
void run_logical_not(const KernelArgs& args) { run_elementwise<uint8_t, uint8_t>(args, functor::logical_not()); }

}  // namespace

#define PN_ANY(name) {#name, run_any<functor::name>, nullptr},
#define PN_REAL(name) {#name, run_real<functor::name>, nullptr},
#define PN_PREDICATE(name) {#name, run_predicate<functor::name>, nullptr},
PN_KERNELS(unary, PN_UNARY_ANY(PN_ANY) PN_UNARY_ROUNDING(PN_REAL) PN_UNARY_FLOAT(PN_REAL)
                      PN_UNARY_PREDICATES(PN_PREDICATE){"logical_not", run_logical_not, nullptr})

}  // namespace pyneural::cuda
