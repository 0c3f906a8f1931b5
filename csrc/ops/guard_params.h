#pragma once

#include "core/dtype.h"

namespace pyneural {

struct GuardFiniteParams {
  // Bit i: operand i is a product whose two factors come behind the `values` operands, in order.
  uint64_t products = 0;
  int64_t values = 0;
};

struct InRangeParams {
  int64_t lo = 0;  // lo <= x < hi
  int64_t hi = 0;
};

}  // namespace pyneural
