// What the element-wise op families share.
#pragma once

#include <optional>

#include "graph/op.h"
#include "ops/elementwise_params.h"

namespace pyneural::ops {

Specs infer_unary(const InferCall& call);       // spec of the operand
Specs infer_predicate(const InferCall& call);   // bool of the operand's shape
Specs infer_binary(const InferCall& call);      // broadcast shape, dtype of the operands
Specs infer_comparison(const InferCall& call);  // broadcast shape, bool

// An operand that is present and not float16 or bfloat16, which have no arithmetic.
void require_arithmetic(const char* op, const Value& x);
// Integers and booleans become float32.
Value to_floating(const char* op, const Value& x);
// float32, float64, int32 or int64: what the kernels compute in.
Value to_computed(const char* op, const Value& x);
bool is_small_integer(DType dtype);  // computed as int32 and cast back

// Applies an op of two operands in the dtype where they meet.
Value apply_binary(const OpDef& op, const Value& a, const Value& b);

// The opcode of an op that can be part of a fused chain.
std::optional<ElementwiseOp> fused_opcode(const OpDef& op);
// Fusion hook of such ops (ops/fused_elementwise.cpp).
Values fuse_elementwise(const FusionContext& context, const Node& node);

extern const OpDef unary_defs[];
extern const OpDef binary_defs[];
extern const OpDef activation_defs[];  // activations, then their gradients

}  // namespace pyneural::ops
