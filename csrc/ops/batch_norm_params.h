#pragma once

#include "core/dtype.h"

namespace pyneural {

struct BatchNormParams {
  double epsilon = 1e-3;
  int64_t axis = 0;  // of the channels, counted from the front
};

}  // namespace pyneural
