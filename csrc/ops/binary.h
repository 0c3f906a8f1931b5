// Element-wise functions of two tensors, broadcast against each other.
#pragma once

#include "graph/op.h"
#include "ops/elementwise_params.h"

namespace pyneural::ops {

// divide and arctan2 turn integers into float32; floor_divide and mod round towards minus infinity, as in Python.
#define PN_DECLARE(name) Value name(const Value& a, const Value& b);
PN_BINARY_OPS(PN_DECLARE)
PN_COMPARISONS(PN_DECLARE)
PN_LOGICAL_OPS(PN_DECLARE)
#undef PN_DECLARE

}  // namespace pyneural::ops
