// sort, argsort and top_k along the last axis.
#include <algorithm>
#include <numeric>

#include "cpu/portable/element_type.h"
#include "ops/index_params.h"
#include "threads/parallel.h"

namespace pyneural::cpu::portable {

namespace {

// Ascending, NaN last.
template <class T>
bool before(T a, T b) {
  return a < b || (b != b && a == a);
}

// fn(row, scratch) for every row of n elements.
template <class Fn>
void for_rows(const View& x, size_t scratch_bytes, const Fn& fn) {
  const int64_t n = x.dim(-1);
  if (x.size == 0) return;
  const int64_t rows = x.size / n, grain = 4096 / n + 1;
  const int threads = threads_for(30.0 * static_cast<double>(x.size), 0);
  parallel_chunks((rows + grain - 1) / grain, threads, scratch_bytes, [&](int64_t chunk, void* scratch) {
    for (int64_t row = chunk * grain; row < std::min(rows, (chunk + 1) * grain); ++row) fn(row, scratch);
  });
}

void sort(const KernelArgs& args) {
  const View& x = args.in[0];
  with_element(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_rows(x, 0, [&](int64_t row, void*) {
      const int64_t n = x.dim(-1);
      T* to = args.out[0].as<T>() + row * n;
      std::copy_n(x.as<T>() + row * n, n, to);
      std::sort(to, to + n, before<T>);
    });
  });
}

// Equal elements are ordered by position: a stable sort without extra memory.
void argsort(const KernelArgs& args) {
  const View& x = args.in[0];
  with_element(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_rows(x, 0, [&](int64_t row, void*) {
      const int64_t n = x.dim(-1);
      const T* from = x.as<T>() + row * n;
      int32_t* to = args.out[0].as<int32_t>() + row * n;
      std::iota(to, to + n, 0);
      std::sort(to, to + n, [from](int32_t i, int32_t j) {
        return before(from[i], from[j]) || (!before(from[j], from[i]) && i < j);
      });
    });
  });
}

void top_k(const KernelArgs& args) {
  const View& x = args.in[0];
  const int64_t k = args.param<TopKParams>().k;
  with_element(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_rows(x, static_cast<size_t>(x.dim(-1)) * sizeof(int32_t), [&](int64_t row, void* scratch) {
      const int64_t n = x.dim(-1);
      const T* from = x.as<T>() + row * n;
      int32_t* order = static_cast<int32_t*>(scratch);
      std::iota(order, order + n, 0);
      std::partial_sort(order, order + k, order + n, [from](int32_t i, int32_t j) {
        return before(from[j], from[i]) || (!before(from[i], from[j]) && i < j);
      });
      for (int64_t i = 0; i < k; ++i) {
        args.out[0].as<T>()[row * k + i] = from[order[i]];
        args.out[1].as<int32_t>()[row * k + i] = order[i];
      }
    });
  });
}

}  // namespace

PN_KERNELS(sort, {"sort", sort, nullptr}, {"argsort", argsort, nullptr}, {"top_k", top_k, nullptr})

}  // namespace pyneural::cpu::portable
