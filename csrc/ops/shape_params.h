// Parameters of the ops that move elements without computing, shared with their kernels.
#pragma once

#include "core/kernel.h"

namespace pyneural {

struct ReshapeParams {
  int64_t dims[kMaxRank];
  int64_t rank;
};

struct TransposeParams {
  int32_t axes[kMaxRank];
};

struct BroadcastParams {
  int64_t dims[kMaxRank];
  int64_t rank;
};

// Element i of an axis is element begin + i * step of the other tensor.
struct SliceParams {
  int64_t begin[kMaxRank];
  int64_t step[kMaxRank];
  int64_t dims[kMaxRank];  // slice: of the output; slice_grad: of the tensor that was sliced
};
static_assert(sizeof(SliceParams) <= 192);

struct ConcatenateParams {
  int64_t axis;
};

struct PadParams {
  int64_t before[kMaxRank];
  int64_t after[kMaxRank];
  double value;
};

struct PackParams {
  int64_t total_bytes;
};

}  // namespace pyneural
