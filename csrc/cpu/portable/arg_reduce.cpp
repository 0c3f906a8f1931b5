#include "cpu/portable/arg_reduce.h"

#include <algorithm>

#include "cpu/portable/element_type.h"
#include "ops/reduce_params.h"

namespace pyneural::cpu::portable {

namespace {

constexpr int64_t kColumns = 256;  // best values of a strip of columns: in L1

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
  const int64_t n = x.dims[axis];
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t column = 0; column < inner; column += kColumns) {
      const int64_t width = std::min(kColumns, inner - column);
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
  }
}

template <bool kMax>
void arg_reduce(const KernelArgs& args) {
  with_element(args.in[0].dtype, [&](auto element) { arg_reduce_as<kMax, decltype(element)>(args); });
}

}  // namespace

void argmax(const KernelArgs& args) { arg_reduce<true>(args); }
void argmin(const KernelArgs& args) { arg_reduce<false>(args); }

}  // namespace pyneural::cpu::portable
