// Element-wise functions of one tensor. The float functions turn integers and booleans into float32.
#pragma once

#include "graph/op.h"
#include "ops/elementwise_params.h"

namespace pyneural::ops {

#define PN_DECLARE(name) Value name(const Value& x);
PN_UNARY_OPS(PN_DECLARE)
PN_UNARY_PREDICATES(PN_DECLARE)
#undef PN_DECLARE
Value logical_not(const Value& x);

}  // namespace pyneural::ops
