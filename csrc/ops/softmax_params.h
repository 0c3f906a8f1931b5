#pragma once

#include "core/dtype.h"

namespace pyneural {

struct SoftmaxParams {
  int64_t axis = 0;  // counted from the front
};

}  // namespace pyneural
