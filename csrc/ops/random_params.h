// Parameters of the random ops, shared with their kernels.
#pragma once

#include "core/kernel.h"

namespace pyneural {

struct RandomParams {
  int64_t dims[kMaxRank];
  int64_t rank;
  int64_t dtype;
  double first;   // minval or mean
  double second;  // maxval or stddev
};

struct RandintParams {
  int64_t dims[kMaxRank];
  int64_t rank;
  int64_t dtype;
  int64_t low;
  int64_t high;
};

struct DropoutParams {
  double rate;
};

struct PermutationParams {
  int64_t count;
};

}  // namespace pyneural
