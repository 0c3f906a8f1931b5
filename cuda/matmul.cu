// Matrix products.
#include "core/error.h"
#include "cuda/matmul_product.cuh"

namespace pyneural::cuda {
namespace {

Product product_of(const KernelArgs& args) {
  const auto& p = args.param<MatMulParams>();
  const View &a = args.in[0], &b = args.in[1];
  const MatMulShape s = matmul_shape(args);
  const bool packs = has_packs(p.transpose_a, p.transpose_b) && a.dim(-1) % 4 == 0 && b.dim(-1) % 4 == 0;
  return {a.data, b.data, p.transpose_a, p.transpose_b, p.precision, {s.m, s.n, s.k, s.count, packs}, s.leading};
}

Product linear_product(const KernelArgs& args) {
  const View &x = args.in[0], &kernel = args.in[1];
  const int64_t k = kernel.dims[0], n = kernel.dims[1], rows = n == 0 ? 0 : args.out[0].size / n;
  const GemmShape shape{rows, n, k, 1, k % 4 == 0 && n % 4 == 0};
  return {x.data, kernel.data, false, false, args.param<LinearParams>().precision, shape, {}};
}

GemmPlan plan_of(const Product& p, DType dtype) {
  if (p.shape.m > INT32_MAX || p.shape.n > INT32_MAX || p.shape.k > INT32_MAX) {
    value_error("A matrix product on a GPU takes fewer than 2^31 rows and columns and a depth below that. Received: ",
                p.shape.m, " x ", p.shape.k, " times ", p.shape.k, " x ", p.shape.n);
  }
  return MatMulTiles::plan(p.shape, dtype, p.precision);
}

template <class T>
void multiply(const KernelArgs& args, const Product& p, const T* bias, Activation activation) {
  const View& c = args.out[0];
  if (c.size == 0) return;
  const GemmOutput<T> out{c.as<T>(), c.size, bias, p.shape.n, activation, args.workspace, stream_of(args)};
  if (is_narrow(p)) return multiply_few_columns(p, out);
  const GemmPlan plan = plan_of(p, c.dtype);
  const auto layout = p.transpose_a   ? p.transpose_b ? multiply_layout<T, true, true> : multiply_layout<T, true, false>
                      : p.transpose_b ? multiply_layout<T, false, true>
                                      : multiply_layout<T, false, false>;
  layout(p, plan, out, is_aligned(p.a, kPackBytes) && is_aligned(p.b, kPackBytes));
  add_splits(plan, out);
}

// Types without floating point: an element to a thread. Integers wrap around, which is defined for unsigned ones; of
// booleans, as in NumPy, whether any pair of them is true.
template <class Word, bool kBoolean>
__global__ void multiply_integers(const MatMulProblem<Word, false, false> problem, bool transpose_a, bool transpose_b,
                                  Word* out, int64_t size) {
  const int64_t m = problem.m, n = problem.n, k = problem.k;
  for (int64_t i = first_item(); i < size; i += item_stride()) {
    const int64_t column = i % n, row = i / n % m;
    const auto part = problem.part(static_cast<int>(i / (m * n)), 0);
    const Word* a = part.a.data + row * (transpose_a ? 1 : k);
    const Word* b = part.b.data + column * (transpose_b ? k : 1);
    Word sum = 0;
    for (int64_t depth = 0; depth < k; ++depth) {
      const Word left = a[depth * (transpose_a ? m : 1)], right = b[depth * (transpose_b ? 1 : n)];
      sum = static_cast<Word>(kBoolean ? sum | (left & right) : sum + left * right);
    }
    out[i] = sum;
  }
}

template <class Word, bool kBoolean = false>
void multiply_all(const KernelArgs& args) {
  const Product p = product_of(args);
  const MatMulProblem<Word, false, false> problem(p);
  launch(multiply_integers<Word, kBoolean>, grid_for(args.out[0].size), kBlockThreads, 0, stream_of(args), problem,
         p.transpose_a, p.transpose_b, args.out[0].as<Word>(), args.out[0].size);
}

void matmul(const KernelArgs& args) {
  switch (args.out[0].dtype) {
    case DType::float32:
      return multiply<float>(args, product_of(args), nullptr, Activation::linear);
    case DType::float64:
      return multiply<double>(args, product_of(args), nullptr, Activation::linear);
    case DType::boolean:
      return multiply_all<uint8_t, true>(args);
    case DType::uint8:
    case DType::int8:
      return multiply_all<uint8_t>(args);
    case DType::int16:
      return multiply_all<uint16_t>(args);
    case DType::int32:
      return multiply_all<uint32_t>(args);
    default:
      return multiply_all<uint64_t>(args);
  }
}

void linear(const KernelArgs& args) {
  with_real(args.out[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    multiply<T>(args, linear_product(args), args.in[2].as<const T>(), args.param<LinearParams>().activation);
  });
}

size_t workspace_of(const KernelArgs& args, const Product& product) {
  const View& out = args.out[0];
  if (!is_floating(out.dtype) || out.size == 0 || is_narrow(product)) return 0;
  return partials_bytes(plan_of(product, out.dtype), out);
}
size_t matmul_workspace(const KernelArgs& args) { return workspace_of(args, product_of(args)); }
size_t linear_workspace(const KernelArgs& args) { return workspace_of(args, linear_product(args)); }

}  // namespace

PN_KERNELS(matmul, {"matmul", matmul, matmul_workspace}, {"linear", linear, linear_workspace})
}  // namespace pyneural::cuda
