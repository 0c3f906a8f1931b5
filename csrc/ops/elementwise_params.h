// The element-wise ops, listed once: their kernels, definitions, bindings and the programs of fused chains are made
// from these lists.
#pragma once

#include "core/dtype.h"

// One operand, result of the same dtype.
#define PN_UNARY_ANY(X) X(negative) X(absolute) X(sign) X(square)
#define PN_UNARY_ROUNDING(X) X(floor) X(ceil) X(round)
#define PN_UNARY_FLOAT(X) \
  X(exp)                  \
  X(expm1)                \
  X(log)                  \
  X(log1p) X(sqrt) X(rsqrt) X(reciprocal) X(sin) X(cos) X(tan) X(sinh) X(cosh) X(arcsin) X(arccos) X(arctan) X(erf)
#define PN_UNARY_OPS(X) PN_UNARY_ANY(X) PN_UNARY_ROUNDING(X) PN_UNARY_FLOAT(X)
// One operand, boolean result.
#define PN_UNARY_PREDICATES(X) X(isnan) X(isinf) X(isfinite)

// Two operands of one dtype, result of that dtype.
#define PN_BINARY_OPS(X) \
  X(add)                 \
  X(subtract)            \
  X(multiply) X(divide) X(floor_divide) X(mod) X(power) X(maximum) X(minimum) X(arctan2) X(squared_difference)
// Two operands of one dtype, boolean result.
#define PN_COMPARISONS(X) X(equal) X(not_equal) X(less) X(less_equal) X(greater) X(greater_equal)
#define PN_LOGICAL_OPS(X) X(logical_and) X(logical_or)

// Activations of ops/activation_params.h that have an op of the same name. Each has a gradient op: <name>_grad(dy, v),
// where v is the output y, or the input x.
#define PN_ACTIVATIONS_FROM_OUTPUT(X) \
  X(relu) X(relu6) X(sigmoid) X(tanh) X(elu) X(selu) X(softplus) X(softsign) X(hard_sigmoid)
#define PN_ACTIVATIONS_FROM_INPUT(X) X(silu) X(gelu) X(gelu_tanh) X(hard_silu) X(mish)
#define PN_ACTIVATION_OPS(X) PN_ACTIVATIONS_FROM_OUTPUT(X) PN_ACTIVATIONS_FROM_INPUT(X)

namespace pyneural {

// Opcodes of fused chains, in the order of the block tables of cpu/elementwise.h.
enum class ElementwiseOp : uint8_t {
#define PN_NAME(name) name,
#define PN_GRAD_NAME(name) name##_grad,
  PN_UNARY_OPS(PN_NAME) PN_BINARY_OPS(PN_NAME) PN_ACTIVATION_OPS(PN_NAME) PN_ACTIVATION_OPS(PN_GRAD_NAME) count
#undef PN_NAME
#undef PN_GRAD_NAME
};

PN_INLINE constexpr int operand_count(ElementwiseOp op) {
  const bool unary = op < ElementwiseOp::add || (op >= ElementwiseOp::relu && op < ElementwiseOp::relu_grad);
  return unary ? 1 : 2;
}

constexpr int kFusedMaxInputs = 12;
constexpr int kFusedMaxInstructions = 44;

// A chain of element-wise ops. Register r < num_inputs is input r; register num_inputs + i is the result of
// instruction i, kept in temporary block `slot` until its last reader. The last instruction gives the output.
struct FusedParams {
  struct Instruction {
    ElementwiseOp op;
    uint8_t operands[2];
    uint8_t slot;
  };
  uint8_t num_inputs, num_instructions, num_slots;
  Instruction instructions[kFusedMaxInstructions];
};

}  // namespace pyneural
