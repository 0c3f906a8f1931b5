// Parameters of the ops that look elements up, shared with their kernels.
#pragma once

#include "core/kernel.h"

namespace pyneural {

struct TakeParams {
  int64_t axis;
};

struct TakeGradParams {
  int64_t axis;
  int64_t rank;
  int64_t dims[kMaxRank];  // of the tensor that was taken from
};

struct OneHotParams {
  int64_t axis;  // of the output
  int64_t num_classes;
  int64_t dtype;
};

struct TopKParams {
  int64_t k;
};

}  // namespace pyneural
