#pragma once

#include "core/dtype.h"

namespace pyneural {

// Rows first, then columns.
struct Pool2DParams {
  int64_t pool[2];
  int64_t stride[2];
  int64_t pad[2];    // positions of the first window outside the image
  int64_t image[2];  // of the input
  bool same;
};

}  // namespace pyneural
