#include "ops/unary.h"

#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/promote.h"

namespace pyneural::ops {

namespace {

// The gradient with respect to x of y = op(x); empty where it is zero.
Value gradient_of(ElementwiseOp op, const Value& x, const Value& y, const Value& grad) {
  const auto number = [&x](double value) { return scalar_like(value, x); };
  switch (op) {
    case ElementwiseOp::negative:
      return negative(grad);
    case ElementwiseOp::absolute:
      return multiply(grad, sign(x));
    case ElementwiseOp::square:
      return multiply(grad, multiply(x, number(2)));
    case ElementwiseOp::exp:
      return multiply(grad, y);
    case ElementwiseOp::expm1:
      return multiply(grad, add(y, number(1)));
    case ElementwiseOp::log:
      return divide(grad, x);
    case ElementwiseOp::log1p:
      return divide(grad, add(x, number(1)));
    case ElementwiseOp::sqrt:
      return divide(multiply(grad, number(0.5)), y);
    case ElementwiseOp::rsqrt:
      return multiply(multiply(grad, number(-0.5)), multiply(y, square(y)));
    case ElementwiseOp::reciprocal:
      return multiply(negative(grad), square(y));
    case ElementwiseOp::sin:
      return multiply(grad, cos(x));
    case ElementwiseOp::cos:
      return multiply(negative(grad), sin(x));
    case ElementwiseOp::tan:
      return multiply(grad, add(square(y), number(1)));
    case ElementwiseOp::sinh:
      return multiply(grad, cosh(x));
    case ElementwiseOp::cosh:
      return multiply(grad, sinh(x));
    case ElementwiseOp::arcsin:
      return multiply(grad, rsqrt(subtract(number(1), square(x))));
    case ElementwiseOp::arccos:
      return multiply(negative(grad), rsqrt(subtract(number(1), square(x))));
    case ElementwiseOp::arctan:
      return divide(grad, add(square(x), number(1)));
    case ElementwiseOp::erf:  // 2 / sqrt(pi) * exp(-x^2)
      return multiply(multiply(grad, number(1.12837916709551257390)), exp(negative(square(x))));
    default:
      return {};  // sign, floor, ceil, round: constant almost everywhere
  }
}

template <ElementwiseOp Op>
Values grad_unary(const GradCall& call) {
  return {gradient_of(Op, call.inputs[0], call.outputs[0], call.grads[0])};
}

}  // namespace

#define PN_DEF(op_name)                        \
  {.name = #op_name,                           \
   .infer = infer_unary,                       \
   .grad = grad_unary<ElementwiseOp::op_name>, \
   .fuse = fuse_elementwise,                   \
   .in_place = 1},
const OpDef unary_defs[] = {PN_UNARY_OPS(PN_DEF)};

namespace {

enum Predicate {
#define PN_ROW(name) row_##name,
  PN_UNARY_PREDICATES(PN_ROW)
};
#define PN_PREDICATE_DEF(op_name) {.name = #op_name, .infer = infer_predicate},
const OpDef kPredicates[] = {PN_UNARY_PREDICATES(PN_PREDICATE_DEF)};

const OpDef kLogicalNot{.name = "logical_not", .infer = infer_predicate, .in_place = 1};

Value apply_unary(ElementwiseOp op, const Value& x) { return apply1(unary_defs[static_cast<int>(op)], {}, {x}); }

}  // namespace

#define PN_ANY(name)                                                                               \
  Value name(const Value& x) {                                                                     \
    const Value y = apply_unary(ElementwiseOp::name, to_computed(#name, x));                       \
    return is_small_integer(x.dtype()) && x.dtype() != DType::boolean ? cast_to(y, x.dtype()) : y; \
  }
PN_UNARY_ANY(PN_ANY)

#define PN_ROUNDING(name)                                                    \
  Value name(const Value& x) {                                               \
    require_arithmetic(#name, x);                                            \
    return is_floating(x.dtype()) ? apply_unary(ElementwiseOp::name, x) : x; \
  }
PN_UNARY_ROUNDING(PN_ROUNDING)

#define PN_FLOAT(name) \
  Value name(const Value& x) { return apply_unary(ElementwiseOp::name, to_floating(#name, x)); }
PN_UNARY_FLOAT(PN_FLOAT)

#define PN_PREDICATE(name) \
  Value name(const Value& x) { return apply1(kPredicates[row_##name], {}, {to_floating(#name, x)}); }
PN_UNARY_PREDICATES(PN_PREDICATE)

Value logical_not(const Value& x) { return apply1(kLogicalNot, {}, {cast_to(x, DType::boolean)}); }

}  // namespace pyneural::ops
