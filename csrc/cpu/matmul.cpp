#include "core/kernel.h"
#include "cpu/gemm.h"
#include "ops/matmul_params.h"
#include "threads/parallel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

struct Batch {
  int64_t m, n, k, count;
  int64_t a_stride[kMaxRank], b_stride[kMaxRank];  // of each leading axis of the output, 0 where broadcast
  int rank;                                        // leading axes
  bool small;                                      // threads share out the products, not each of them
};

// Strides of an operand's leading axes, aligned with those of the output.
PN_INLINE void leading_strides(const View& operand, const View& output, int64_t* strides) {
  int64_t stride = operand.dim(-1) * operand.dim(-2);
  for (int axis = output.rank - 3; axis >= 0; --axis) {
    const int own = axis - output.rank + operand.rank;
    const int64_t extent = own >= 0 ? operand.dims[own] : 1;
    strides[axis] = extent == 1 ? 0 : stride;
    stride *= extent;
  }
}

Batch batch_of(const KernelArgs& args) {
  constexpr double kSmallProduct = 4e6;  // flops
  const auto& p = args.param<MatMulParams>();
  const View &a = args.in[0], &out = args.out[0];
  Batch batch{};
  batch.m = out.dim(-2);
  batch.n = out.dim(-1);
  batch.k = a.dim(p.transpose_a ? -2 : -1);
  batch.rank = out.rank - 2;
  batch.count = 1;
  for (int axis = 0; axis < batch.rank; ++axis) batch.count *= out.dims[axis];
  leading_strides(a, out, batch.a_stride);
  leading_strides(args.in[1], out, batch.b_stride);
  const double flops = 2.0 * static_cast<double>(batch.m) * static_cast<double>(batch.n) * static_cast<double>(batch.k);
  batch.small = batch.count > 1 && flops < kSmallProduct;
  return batch;
}

// run(a, b, c, index) of every product, on up to max_threads threads.
template <class T, class Fn>
PN_INLINE void for_each_product(const KernelArgs& args, const Batch& batch, int max_threads, const Fn& run) {
  const View& out = args.out[0];
  parallel_range(batch.count, 1, max_threads, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const T* a = args.in[0].as<const T>();
      const T* b = args.in[1].as<const T>();
      int64_t rest = index;
      for (int axis = batch.rank - 1; axis >= 0; --axis) {
        const int64_t position = rest % out.dims[axis];
        rest /= out.dims[axis];
        a += position * batch.a_stride[axis];
        b += position * batch.b_stride[axis];
      }
      run(a, b, out.as<T>() + index * batch.m * batch.n, index);
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
  const Batch batch = batch_of(args);
  const double flops = 2.0 * static_cast<double>(args.out[0].size) * static_cast<double>(batch.k);
  const int threads = threads_for(flops, bytes_of(args));
  const size_t workspace = gemm_workspace(batch.m, batch.n, batch.k, sizeof(T), p.transpose_a);
  for_each_product<T>(args, batch, batch.small ? threads : 1, [&](const T* a, const T* b, T* c, int64_t index) {
    char* own = static_cast<char*>(args.workspace) + (batch.small ? index * static_cast<int64_t>(workspace) : 0);
    gemm(batch.m, batch.n, batch.k, matrix(a, args.in[0], p.transpose_a), matrix(b, args.in[1], p.transpose_b), c,
         batch.n, Epilogue{}, batch.small ? 1 : threads, own);
  });
}

// Integers wrap around; Word is unsigned, so that this is defined.
template <class Word>
void multiply_integers(const KernelArgs& args) {
  const auto& p = args.param<MatMulParams>();
  const Batch batch = batch_of(args);
  for_each_product<Word>(args, batch, 1, [&](const Word* a_data, const Word* b_data, Word* c, int64_t) {
    const MatrixView<Word> a = matrix(a_data, args.in[0], p.transpose_a);
    const MatrixView<Word> b = matrix(b_data, args.in[1], p.transpose_b);
    for (int64_t i = 0; i < batch.m; ++i) {
      Word* row = c + i * batch.n;
      for (int64_t j = 0; j < batch.n; ++j) row[j] = 0;
      for (int64_t k = 0; k < batch.k; ++k) {
        const Word x = a.data[i * a.row_stride + k * a.col_stride];
        const Word* from = b.data + k * b.row_stride;
        for (int64_t j = 0; j < batch.n; ++j) {
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
  const Batch batch = batch_of(args);
  for_each_product<uint8_t>(args, batch, 1, [&](const uint8_t* a_data, const uint8_t* b_data, uint8_t* c, int64_t) {
    const MatrixView<uint8_t> a = matrix(a_data, args.in[0], p.transpose_a);
    const MatrixView<uint8_t> b = matrix(b_data, args.in[1], p.transpose_b);
    for (int64_t i = 0; i < batch.m; ++i) {
      for (int64_t j = 0; j < batch.n; ++j) {
        uint8_t any = 0;
        for (int64_t k = 0; k < batch.k; ++k) {
          any |= a.data[i * a.row_stride + k * a.col_stride] & b.data[k * b.row_stride + j * b.col_stride];
        }
        c[i * batch.n + j] = any;
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
  const Batch batch = batch_of(args);
  const size_t one =
      gemm_workspace(batch.m, batch.n, batch.k, dtype_size(args.out[0].dtype), args.param<MatMulParams>().transpose_a);
  return batch.small ? one * static_cast<size_t>(batch.count) : one;
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
