// The kernels of products whose operands are transposed in one way (matmul_product.cuh).
#pragma once

#include "cuda/matmul_product.cuh"

namespace pyneural::cuda {

template <class T, bool kTransposeA, bool kTransposeB>
void multiply_layout(const Product& p, const GemmPlan& plan, const GemmOutput<T>& out, bool aligned) {
  MatMulTiles::run<has_packs(kTransposeA, kTransposeB)>(MatMulProblem<T, kTransposeA, kTransposeB>(p), p.shape, 1, plan,
                                                        p.precision, out, aligned);
}

}  // namespace pyneural::cuda

#define PN_MATMUL_LAYOUT(transpose_a, transpose_b)                                                  \
  namespace pyneural::cuda {                                                                        \
  template void multiply_layout<float, transpose_a, transpose_b>(const Product&, const GemmPlan&,   \
                                                                 const GemmOutput<float>&, bool);   \
  template void multiply_layout<double, transpose_a, transpose_b>(const Product&, const GemmPlan&,  \
                                                                  const GemmOutput<double>&, bool); \
  }
