#pragma once

#include "core/dtype.h"

namespace pyneural {

struct LayerNormParams {
  double epsilon = 1e-3;
  int32_t axes = 1;        // how many trailing axes are normalized together
  int32_t parameters = 1;  // the gradient also gives those of gamma and beta
};

}  // namespace pyneural
