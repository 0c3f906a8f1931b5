#pragma once

#include "graph/op.h"

namespace pyneural::ops {

// exp(x) / sum(exp(x)) along the axis, safe for any finite x.
Value softmax(const Value& x, int64_t axis);
// log(softmax(x)), without taking the logarithm of a rounded softmax.
Value log_softmax(const Value& x, int64_t axis);

}  // namespace pyneural::ops
