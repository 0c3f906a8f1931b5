#include "cpu/portable/arg_reduce.h"

#include <algorithm>

#include "cpu/portable/element_type.h"
#include "ops/reduce_params.h"
#include "threads/parallel.h"

namespace pyneural::cpu::portable {

namespace {

constexpr int64_t kColumns = 256;      // best values of a strip of columns: in L1
constexpr int64_t kGrain = 32 * 1024;  // elements of a parallel chunk

// The first of equals wins; the first NaN wins over numbers.
template <bool kMax, class T>
bool better(T candidate, T best) {
  return (kMax ? candidate > best : candidate < best) || (candidate != candidate && best == best);
}

template <bool kMax, class T>
void arg_reduce_as(const KernelArgs& args) {
  const View& x = args.in[0];
  const int axis = args.param<ArgReduceParams>().axis;
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < axis; ++i) outer *= x.dims[i];
  for (int i = axis + 1; i < x.rank; ++i) inner *= x.dims[i];
  const int64_t n = x.dims[axis], strips = (inner + kColumns - 1) / kColumns;
  const double elements = static_cast<double>(x.size);
  const int64_t cell = n * std::min(inner, kColumns);
  const auto reduce_strips = [&](int64_t begin, int64_t end) {
    for (int64_t strip = begin; strip < end; ++strip) {
      const int64_t o = strip / strips, column = strip % strips * kColumns, width = std::min(kColumns, inner - column);
      const T* from = x.as<T>() + o * n * inner + column;
      int32_t* index = args.out[0].as<int32_t>() + o * inner + column;
      T best[kColumns];
      std::copy_n(from, width, best);
      std::fill_n(index, width, 0);
      for (int64_t r = 1; r < n; ++r) {
        const T* row = from + r * inner;
        for (int64_t i = 0; i < width; ++i) {
          if (better<kMax>(row[i], best[i])) {
            best[i] = row[i];
            index[i] = static_cast<int32_t>(r);
          }
        }
      }
    }
  };
  parallel_range(outer * strips, kGrain / (cell + 1) + 1, threads_for(elements, elements * sizeof(T)), reduce_strips);
}

template <bool kMax>
void arg_reduce(const KernelArgs& args) {
  with_element(args.in[0].dtype, [&](auto element) { arg_reduce_as<kMax, decltype(element)>(args); });
}

}  // namespace

void argmax(const KernelArgs& args) { arg_reduce<true>(args); }
void argmin(const KernelArgs& args) { arg_reduce<false>(args); }

}  // namespace pyneural::cpu::portable
