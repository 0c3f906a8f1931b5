// Parameters of the reductions, shared with their kernels.
#pragma once

#include "core/kernel.h"

namespace pyneural {

struct ReduceParams {
  uint32_t axes;     // bit i: axis i is reduced
  uint32_t dropped;  // bit i: axis i is missing from the output's shape
};

struct ArgReduceParams {
  int32_t axis;
  int32_t keepdims;
};

struct CumulativeParams {
  int32_t axis;
  int32_t reverse;
};

}  // namespace pyneural
