#pragma once

#include "graph/op.h"

namespace pyneural::ops {

Value stop_gradient(const Value& x);  // x, through which no gradient flows

}  // namespace pyneural::ops
