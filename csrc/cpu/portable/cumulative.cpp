// cumsum, and the gradient of prod: running sums and products along an axis.
#include <algorithm>
#include <type_traits>

#include "cpu/reduce_plan.h"
#include "ops/reduce_params.h"
#include "threads/parallel.h"

namespace pyneural::cpu::portable {

namespace {

constexpr int64_t kColumns = 256;      // running values of a strip of columns: in L1
constexpr int64_t kGrain = 32 * 1024;  // elements of a parallel chunk

// strip(outer, first column, columns) for all of [outer, n, inner].
template <class Strip>
void for_strips(int64_t outer, int64_t n, int64_t inner, size_t bytes_per_element, const Strip& strip) {
  const int64_t strips = (inner + kColumns - 1) / kColumns, cell = n * std::min(inner, kColumns);
  const double elements = static_cast<double>(outer) * static_cast<double>(n * inner);
  const int threads = threads_for(elements, elements * static_cast<double>(bytes_per_element));
  parallel_range(outer * strips, kGrain / (cell + 1) + 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t column = i % strips * kColumns;
      strip(i / strips, column, std::min(kColumns, inner - column));
    }
  });
}

// Floats run in double, so that long sums stay accurate; integers wrap around.
template <class T>
using Running = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;

template <class T, class Out>
void cumsum_as(const KernelArgs& args) {
  const View& x = args.in[0];
  const auto& params = args.param<CumulativeParams>();
  if (x.size == 0) return;
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < params.axis; ++i) outer *= x.dims[i];
  for (int i = params.axis + 1; i < x.rank; ++i) inner *= x.dims[i];
  const int64_t n = x.dims[params.axis], step = params.reverse ? -inner : inner;
  for_strips(outer, n, inner, sizeof(T), [&](int64_t o, int64_t column, int64_t width) {
    int64_t at = o * n * inner + column + (params.reverse ? (n - 1) * inner : 0);
    Running<T> total[kColumns] = {};
    for (int64_t r = 0; r < n; ++r, at += step) {
      const T* from = x.as<T>() + at;
      Out* to = args.out[0].as<Out>() + at;
      for (int64_t i = 0; i < width; ++i) {
        total[i] += static_cast<Running<T>>(from[i]);
        to[i] = static_cast<Out>(total[i]);
      }
    }
  });
}

void cumsum(const KernelArgs& args) {
  switch (args.in[0].dtype) {
    case DType::boolean:
      return cumsum_as<uint8_t, int32_t>(args);
    case DType::uint8:
      return cumsum_as<uint8_t, uint8_t>(args);
    case DType::int8:
      return cumsum_as<int8_t, int8_t>(args);
    case DType::int16:
      return cumsum_as<int16_t, int16_t>(args);
    case DType::int32:
      return cumsum_as<int32_t, int32_t>(args);
    case DType::int64:
      return cumsum_as<int64_t, int64_t>(args);
    case DType::float32:
      return cumsum_as<float, float>(args);
    default:
      return cumsum_as<double, double>(args);
  }
}

// grad of x[r] = grad_y * (product before r) * (product after r): no division, so zeros do no harm.
template <class T>
void prod_grad_as(const KernelArgs& args) {
  const View& x = args.in[0];
  if (x.size == 0) return;
  const ReduceBlock b = plan_reduction(x, args.param<ReduceParams>().axes).stage[0];
  for_strips(b.outer, b.reduce, b.inner, 2 * sizeof(T), [&](int64_t o, int64_t column, int64_t width) {
    const int64_t first = o * b.reduce * b.inner + column;
    const T* grad = args.in[1].as<T>() + o * b.inner + column;
    T running[kColumns];
    std::fill_n(running, width, T{1});
    for (int64_t r = 0; r < b.reduce; ++r) {
      const T* from = x.as<T>() + first + r * b.inner;
      T* to = args.out[0].as<T>() + first + r * b.inner;
      for (int64_t i = 0; i < width; ++i) {
        to[i] = running[i];
        running[i] *= from[i];
      }
    }
    std::copy_n(grad, width, running);
    for (int64_t r = b.reduce - 1; r >= 0; --r) {
      const T* from = x.as<T>() + first + r * b.inner;
      T* to = args.out[0].as<T>() + first + r * b.inner;
      for (int64_t i = 0; i < width; ++i) {
        to[i] *= running[i];
        running[i] *= from[i];
      }
    }
  });
}

void prod_grad(const KernelArgs& args) {
  args.in[0].dtype == DType::float32 ? prod_grad_as<float>(args) : prod_grad_as<double>(args);
}

}  // namespace

PN_KERNELS(cumulative, {"cumsum", cumsum, nullptr}, {"prod_grad", prod_grad, nullptr})

}  // namespace pyneural::cpu::portable
