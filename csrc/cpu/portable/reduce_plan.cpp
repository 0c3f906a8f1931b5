#include "cpu/reduce_plan.h"

namespace pyneural::cpu {

ReducePlan plan_reduction(const View& x, uint32_t axes) {
  int64_t dims[kMaxRank + 1];
  bool reduced[kMaxRank + 1];
  int n = 0;
  for (int i = 0; i < x.rank; ++i) {
    const bool flag = (axes >> i) & 1;
    if (x.dims[i] == 1) continue;
    if (n > 0 && reduced[n - 1] == flag) {
      dims[n - 1] *= x.dims[i];
    } else {
      dims[n] = x.dims[i];
      reduced[n++] = flag;
    }
  }
  ReducePlan plan{};
  for (int i = n - 1; i >= 0; --i) {
    if (!reduced[i]) continue;
    ReduceBlock block{1, dims[i], 1};
    for (int j = 0; j < i; ++j) block.outer *= dims[j];
    for (int j = i + 1; j < n; ++j) block.inner *= reduced[j] ? 1 : dims[j];
    plan.stage[plan.stages++] = block;
  }
  if (plan.stages == 0) {
    plan.stages = 1;
    plan.stage[0] = {1, 1, x.size};
  }
  return plan;
}

}  // namespace pyneural::cpu
