#pragma once

#include "core/dtype.h"

namespace pyneural {

struct InRangeParams {
  int64_t lo = 0;  // lo <= x < hi
  int64_t hi = 0;
};

}  // namespace pyneural
