#include "ops/binary.h"

#include <utility>

#include "graph/node.h"
#include "ops/elementwise.h"
#include "ops/promote.h"
#include "ops/reduce.h"
#include "ops/select.h"
#include "ops/unary.h"

namespace pyneural::ops {

namespace {

// log(a) where a > 0; elsewhere the power's gradient with respect to its exponent is taken as zero.
Value log_of_base(const Value& a) {
  const Value positive = greater(a, scalar_like(0, a));
  return where(positive, log(where(positive, a, scalar_like(1, a))), scalar_like(0, a));
}

using Pair = std::pair<Value, Value>;

// Gradients with respect to a and b of y = op(a, b), in the shape of y.
Pair gradients_of(ElementwiseOp op, const GradCall& call, const Value& grad) {
  const Value &a = call.inputs[0], &b = call.inputs[1], &y = call.outputs[0];
  const bool need_a = call.needs(0), need_b = call.needs(1);
  const auto number = [&a](double value) { return scalar_like(value, a); };
  const auto keep_if = [&](const Value& condition) { return where(condition, grad, number(0)); };
  switch (op) {
    case ElementwiseOp::add:
      return {grad, grad};
    case ElementwiseOp::subtract:
      return {grad, need_b ? negative(grad) : Value()};
    case ElementwiseOp::multiply:
      return {need_a ? multiply(grad, b) : Value(), need_b ? multiply(grad, a) : Value()};
    case ElementwiseOp::divide: {
      const Value scaled = divide(grad, b);
      return {scaled, need_b ? negative(multiply(scaled, y)) : Value()};
    }
    case ElementwiseOp::mod:
      return {grad, need_b ? negative(multiply(grad, floor_divide(a, b))) : Value()};
    case ElementwiseOp::power:
      return {need_a ? multiply(grad, multiply(b, power(a, subtract(b, number(1))))) : Value(),
              need_b ? multiply(grad, multiply(y, log_of_base(a))) : Value()};
    // Where both are equal, all of it goes to the first.
    case ElementwiseOp::maximum:
      return {need_a ? keep_if(greater_equal(a, b)) : Value(), need_b ? keep_if(less(a, b)) : Value()};
    case ElementwiseOp::minimum:
      return {need_a ? keep_if(less_equal(a, b)) : Value(), need_b ? keep_if(greater(a, b)) : Value()};
    case ElementwiseOp::arctan2: {
      const Value scaled = divide(grad, add(square(a), square(b)));
      return {need_a ? multiply(scaled, b) : Value(), need_b ? negative(multiply(scaled, a)) : Value()};
    }
    case ElementwiseOp::squared_difference: {
      const Value twice = multiply(grad, number(2));
      if (!need_a) return {Value(), multiply(twice, subtract(b, a))};  // as for a loss, of its targets and outputs
      const Value slope = multiply(twice, subtract(a, b));
      return {slope, need_b ? negative(slope) : Value()};
    }
    default:
      return {};  // floor_divide is constant almost everywhere
  }
}

template <ElementwiseOp Op>
Values grad_binary(const GradCall& call) {
  const auto [a, b] = gradients_of(Op, call, call.grads[0]);
  return {a && call.needs(0) ? sum_to(a, call.inputs[0].shape()) : Value(),
          b && call.needs(1) ? sum_to(b, call.inputs[1].shape()) : Value()};
}

}  // namespace

#define PN_DEF(op_name)                         \
  {.name = #op_name,                            \
   .infer = infer_binary,                       \
   .grad = grad_binary<ElementwiseOp::op_name>, \
   .fuse = fuse_elementwise,                    \
   .in_place = 1},
const OpDef binary_defs[] = {PN_BINARY_OPS(PN_DEF)};

namespace {

enum Row {
#define PN_ROW(name) row_##name,
  PN_COMPARISONS(PN_ROW) PN_LOGICAL_OPS(PN_ROW)
};
#define PN_COMPARISON_DEF(op_name) {.name = #op_name, .infer = infer_comparison},
#define PN_LOGICAL_DEF(op_name) {.name = #op_name, .infer = infer_comparison, .in_place = 1},
const OpDef kBoolean[] = {PN_COMPARISONS(PN_COMPARISON_DEF) PN_LOGICAL_OPS(PN_LOGICAL_DEF)};

const OpDef& def_of(ElementwiseOp op) {
  return binary_defs[static_cast<int>(op) - static_cast<int>(ElementwiseOp::add)];
}

// int8, int16 and uint8 are computed as int32 and cast back, which wraps around as their own arithmetic would.
Value arithmetic(ElementwiseOp op, const Value& a, const Value& b) {
  Value y = apply_binary(def_of(op), a, b);
  const DType dtype = promote(a.dtype(), b.dtype());
  const bool ordered = op == ElementwiseOp::maximum || op == ElementwiseOp::minimum;
  if (is_small_integer(dtype) && (dtype != DType::boolean || ordered)) return cast_to(y, dtype);
  return y;
}

// A constant exponent that has a cheaper form with the same result.
Value power_by_constant(const Value& a, const Value& b) {
  if (b.symbolic() || b.node()->tracked || b.shape().rank() != 0 || b.dtype() != a.dtype()) return {};
  const double exponent = b.dtype() == DType::float32   ? *b.tensor().to({}).as<float>()
                          : b.dtype() == DType::float64 ? *b.tensor().to({}).as<double>()
                                                        : 0;
  return exponent == 2 ? square(a) : exponent == 1 ? a : exponent == -1 ? reciprocal(a) : Value();
}

}  // namespace

#define PN_ARITHMETIC(name) \
  Value name(const Value& a, const Value& b) { return arithmetic(ElementwiseOp::name, a, b); }
PN_ARITHMETIC(add)
PN_ARITHMETIC(subtract)
PN_ARITHMETIC(multiply)
PN_ARITHMETIC(floor_divide)
PN_ARITHMETIC(mod)
PN_ARITHMETIC(maximum)
PN_ARITHMETIC(minimum)
PN_ARITHMETIC(squared_difference)

Value power(const Value& a, const Value& b) {
  require_arithmetic("power", a);
  require_arithmetic("power", b);
  const Value cheaper = power_by_constant(a, b);
  return cheaper ? cheaper : arithmetic(ElementwiseOp::power, a, b);
}

#define PN_FLOATING(name)                                                                           \
  Value name(const Value& a, const Value& b) {                                                      \
    require_arithmetic(#name, a);                                                                   \
    require_arithmetic(#name, b);                                                                   \
    const bool floating = is_floating(promote(a.dtype(), b.dtype()));                               \
    return apply_binary(def_of(ElementwiseOp::name), floating ? a : cast_to(a, DType::float32), b); \
  }
PN_FLOATING(divide)
PN_FLOATING(arctan2)

#define PN_COMPARISON(name) \
  Value name(const Value& a, const Value& b) { return apply_binary(kBoolean[row_##name], a, b); }
PN_COMPARISONS(PN_COMPARISON)

#define PN_LOGICAL(name)                                                                               \
  Value name(const Value& a, const Value& b) {                                                         \
    return apply1(kBoolean[row_##name], {}, {cast_to(a, DType::boolean), cast_to(b, DType::boolean)}); \
  }
PN_LOGICAL_OPS(PN_LOGICAL)

}  // namespace pyneural::ops

namespace pyneural {

Value accumulate(const Value& a, const Value& b) { return ops::add(a, b); }

}  // namespace pyneural
