#include "core/kernel.h"
#include "cpu/gemm.h"
#include "ops/matmul_shape.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

// Whether threads share out the products, not each of them.
bool is_small(const MatMulShape& shape) {
  constexpr double kSmallProduct = 4e6;  // flops
  const double flops = 2.0 * static_cast<double>(shape.m) * static_cast<double>(shape.n) * static_cast<double>(shape.k);
  return shape.count > 1 && flops < kSmallProduct;
}

// run(a, b, c, index) of every product, on up to max_threads threads.
template <class T, class Fn>
PN_INLINE void for_each_product(const KernelArgs& args, const MatMulShape& shape, int max_threads, const Fn& run) {
  const View& out = args.out[0];
  const LeadingAxes& leading = shape.leading;
  parallel_range(shape.count, 1, max_threads, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const T* a = args.in[0].as<const T>();
      const T* b = args.in[1].as<const T>();
      int64_t rest = index;
      for (int axis = leading.rank - 1; axis >= 0; --axis) {
        const int64_t position = rest % leading.dims[axis];
        rest /= leading.dims[axis];
        a += position * leading.a_stride[axis];
        b += position * leading.b_stride[axis];
      }
      run(a, b, out.as<T>() + index * shape.m * shape.n, index);
    }
  });
}

template <class T>
PN_INLINE MatrixView<T> matrix(const T* data, const View& view, bool transposed) {
  const int64_t columns = view.dim(-1);
  return transposed ? MatrixView<T>{data, 1, columns} : MatrixView<T>{data, columns, 1};
}

// Of the matrices: a product with a vector takes as long as they take to arrive.
double bytes_of(const KernelArgs& args) {
  const double elements = static_cast<double>(args.in[0].size + args.in[1].size + args.out[0].size);
  return elements * static_cast<double>(dtype_size(args.out[0].dtype));
}

template <class T>
void multiply(const KernelArgs& args) {
  const auto& p = args.param<MatMulParams>();
  const MatMulShape shape = matmul_shape(args);
  const double flops = 2.0 * static_cast<double>(args.out[0].size) * static_cast<double>(shape.k);
  const bool small = is_small(shape);
  const int threads = threads_for(flops, bytes_of(args));
  const size_t workspace = small ? gemm_workspace(shape.m, shape.n, shape.k, sizeof(T), p.transpose_a) : 0;
  for_each_product<T>(args, shape, small ? threads : 1, [&](const T* a, const T* b, T* c, int64_t index) {
    char* own = static_cast<char*>(args.workspace) + index * static_cast<int64_t>(workspace);
    gemm(shape.m, shape.n, shape.k, matrix(a, args.in[0], p.transpose_a), matrix(b, args.in[1], p.transpose_b), c,
         shape.n, Epilogue{}, small ? 1 : threads, own);
  });
}

// Integers wrap around; Word is unsigned, so that this is defined.
template <class Word>
void multiply_integers(const KernelArgs& args) {
  const auto& p = args.param<MatMulParams>();
  const MatMulShape shape = matmul_shape(args);
  for_each_product<Word>(args, shape, 1, [&](const Word* a_data, const Word* b_data, Word* c, int64_t) {
    const MatrixView<Word> a = matrix(a_data, args.in[0], p.transpose_a);
    const MatrixView<Word> b = matrix(b_data, args.in[1], p.transpose_b);
    for (int64_t i = 0; i < shape.m; ++i) {
      Word* row = c + i * shape.n;
      for (int64_t j = 0; j < shape.n; ++j) row[j] = 0;
      for (int64_t k = 0; k < shape.k; ++k) {
        const Word x = a.data[i * a.row_stride + k * a.col_stride];
        const Word* from = b.data + k * b.row_stride;
        for (int64_t j = 0; j < shape.n; ++j) {
          const Word product = static_cast<Word>(x * from[j * b.col_stride]);
          row[j] = static_cast<Word>(row[j] + product);
        }
      }
    }
  });
}

// As in NumPy: whether any pair of elements is true.
void multiply_booleans(const KernelArgs& args) {
  const auto& p = args.param<MatMulParams>();
  const MatMulShape shape = matmul_shape(args);
  for_each_product<uint8_t>(args, shape, 1, [&](const uint8_t* a_data, const uint8_t* b_data, uint8_t* c, int64_t) {
    const MatrixView<uint8_t> a = matrix(a_data, args.in[0], p.transpose_a);
    const MatrixView<uint8_t> b = matrix(b_data, args.in[1], p.transpose_b);
    for (int64_t i = 0; i < shape.m; ++i) {
      for (int64_t j = 0; j < shape.n; ++j) {
        uint8_t any = 0;
        for (int64_t k = 0; k < shape.k; ++k) {
          any |= a.data[i * a.row_stride + k * a.col_stride] & b.data[k * b.row_stride + j * b.col_stride];
        }
        c[i * shape.n + j] = any;
      }
    }
  });
}

void matmul(const KernelArgs& args) {
  switch (args.out[0].dtype) {
    case DType::float32:
      return multiply<float>(args);
    case DType::float64:
      return multiply<double>(args);
    case DType::boolean:
      return multiply_booleans(args);
    case DType::uint8:
    case DType::int8:
      return multiply_integers<uint8_t>(args);
    case DType::int16:
      return multiply_integers<uint16_t>(args);
    case DType::int32:
      return multiply_integers<uint32_t>(args);
    default:
      return multiply_integers<uint64_t>(args);
  }
}

size_t matmul_workspace(const KernelArgs& args) {
  if (!is_floating(args.out[0].dtype)) return 0;
  const MatMulShape shape = matmul_shape(args);
  const size_t one =
      gemm_workspace(shape.m, shape.n, shape.k, dtype_size(args.out[0].dtype), args.param<MatMulParams>().transpose_a);
  return is_small(shape) ? one * static_cast<size_t>(shape.count) : one;
}

template <class T>
void linear_as(const KernelArgs& args) {
  const View &kernel = args.in[1], &bias = args.in[2], &out = args.out[0];
  const int64_t k = kernel.dims[0], n = kernel.dims[1];
  if (out.size == 0) return;
  const Epilogue epilogue{bias.data, args.param<LinearParams>().activation, false};
  const double flops = 2.0 * static_cast<double>(out.size) * static_cast<double>(k);
  gemm(out.size / n, n, k, MatrixView<T>{args.in[0].as<const T>(), k, 1}, MatrixView<T>{kernel.as<const T>(), n, 1},
       out.as<T>(), n, epilogue, threads_for(flops, bytes_of(args)), args.workspace);
}

void linear(const KernelArgs& args) {
  args.out[0].dtype == DType::float64 ? linear_as<double>(args) : linear_as<float>(args);
}

size_t linear_workspace(const KernelArgs& args) {
  const int64_t n = args.in[1].dims[1];
  return n == 0 ? 0 : gemm_workspace(args.out[0].size / n, n, args.in[1].dims[0], dtype_size(args.out[0].dtype), false);
}

}  // namespace

PN_KERNELS(matmul, {"matmul", matmul, matmul_workspace}, {"linear", linear, linear_workspace})

}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
