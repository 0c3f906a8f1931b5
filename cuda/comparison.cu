// Comparisons and logical functions of two operands.
#include "cuda/elementwise.cuh"
#include "cuda/functions.cuh"

namespace pyneural::cuda {
namespace {

template <class F>
void run_comparison(const KernelArgs& args) {
  with_number(args.in[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    run_elementwise<uint8_t, T, T>(args, F());
  });
}
template <class F>
void run_logical(const KernelArgs& args) {
  run_elementwise<uint8_t, uint8_t, uint8_t>(args, F());
}

}  // namespace

#define PN_ENTRY(name) {#name, run_comparison<functor::name>, nullptr},
PN_KERNELS(comparison, PN_COMPARISONS(PN_ENTRY){"logical_and", run_logical<functor::logical_and>, nullptr},
           {"logical_or", run_logical<functor::logical_or>, nullptr})

}  // namespace pyneural::cuda
