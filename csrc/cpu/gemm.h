// Matrix products for kernels. Functions of the SIMD level being compiled; defined in gemm.cpp.
#pragma once

#include "core/dtype.h"
#include "ops/activation_params.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {

// What happens to a sum before it is stored: C = activation(sum + (accumulate ? C : 0) + bias).
struct Epilogue {
  const void* bias = nullptr;  // one value per column of C, of C's type; or nullptr
  Activation activation = Activation::linear;
  bool accumulate = false;
};

// The element at (row, col) is data[row * row_stride + col * col_stride].
template <class T>
struct MatrixView {
  const T* data;
  int64_t row_stride;
  int64_t col_stride;
};

// C = activation(C + bias) on rows x columns of C, on the calling thread; bias may be nullptr.
void apply_epilogue(int64_t rows, int64_t columns, float* c, int64_t ldc, const float* bias, Activation activation);
void apply_epilogue(int64_t rows, int64_t columns, double* c, int64_t ldc, const double* bias, Activation activation);

// C[m x n] = epilogue(A[m x k] * B[k x n]) on up to max_threads threads (see threads_for). Same bits for any number.
// `workspace` holds gemm_workspace(m, n, k, sizeof(T), a.row_stride == 1) bytes, 64-byte aligned.
void gemm(int64_t m, int64_t n, int64_t k, const MatrixView<float>& a, const MatrixView<float>& b, float* c,
          int64_t ldc, const Epilogue& epilogue, int max_threads, void* workspace);
void gemm(int64_t m, int64_t n, int64_t k, const MatrixView<double>& a, const MatrixView<double>& b, double* c,
          int64_t ldc, const Epilogue& epilogue, int max_threads, void* workspace);
size_t gemm_workspace(int64_t m, int64_t n, int64_t k, size_t element_size, bool a_by_columns);

// C[m x n] (+)= A[m x k] * B[k x n] on the calling thread, of operands that lie in its caches: nothing is copied or cut
// into blocks.
void multiply_in_cache(int64_t m, int64_t n, int64_t k, const MatrixView<float>& a, const float* b, int64_t ldb,
                       float* c, int64_t ldc, bool accumulate);

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
