#include "ops/optimizer.h"

#include "ops/cost.h"
#include "ops/optimizer_params.h"

namespace pyneural::ops {
namespace {

void check_scalar(const InferCall& call, size_t i, const char* what) {
  const Spec& spec = call.in(i);
  const bool readable = spec.dtype == DType::float32 || spec.dtype == DType::float64 || spec.dtype == DType::int32 ||
                        spec.dtype == DType::int64;
  if (spec.shape.size() != 1 || !readable) {
    value_error("`", call.op.name, "`: ", what,
                " must be a scalar of type float32, float64, int32 or int64. Received: ", "shape=", spec.shape,
                ", dtype=", dtype_name(spec.dtype));
  }
}

// Operands [0, buffers) have one shape and dtype: the outputs' (an empty one where the operand was left out).
Specs infer_buffers(const InferCall& call, size_t outputs, size_t buffers) {
  const Spec& p = call.in(0);
  if (p.dtype != DType::float32 && p.dtype != DType::float64) {
    type_error("`", call.op.name, "` updates float32 and float64, not ", dtype_name(p.dtype), ".");
  }
  for (size_t i = 1; i < buffers; ++i) {
    if (call.present(i) && !(call.in(i) == p)) {
      value_error("`", call.op.name, "`: all buffers must have the same shape and dtype. Received: ", p.shape, " ",
                  dtype_name(p.dtype), " and ", call.in(i).shape, " ", dtype_name(call.in(i).dtype));
    }
  }
  Specs out;
  for (size_t i = 0; i < outputs; ++i) out.push_back(call.present(i) ? p : Spec{Shape{0}, p.dtype});
  return out;
}

// Operands: the `kState` buffers that are updated, the gradient, the learning rate, then (adam) the step.
// Of the buffers, those from kRequired on may be left out.
template <int kState, int kRequired = kState>
Specs infer_update(const InferCall& call) {
  for (int i = 0; i < kRequired; ++i) call.in(i);  // throws if empty
  call.in(kState);
  check_scalar(call, kState + 1, "the learning rate");
  if (call.inputs.size() > kState + 2) check_scalar(call, kState + 2, "the step");
  return infer_buffers(call, kState, kState + 1);
}

Cost update_cost(const CostCall& call) { return streaming_cost(call, 10, call.inputs[0].shape().size()); }

// Outputs 0 to count - 1 may each occupy the memory of the operand of the same number.
constexpr uint64_t first_in_place(int count) {
  uint64_t pairs = 0;
  for (int i = 0; i < count; ++i) pairs |= in_place(i, i);
  return pairs;
}

const OpDef kSgd{.name = "sgd_update",
                 .infer = infer_update<1>,
                 .cost = update_cost,
                 .writes_variables = true,
                 .in_place = first_in_place(1)};
const OpDef kMomentum{.name = "momentum_update",
                      .infer = infer_update<2>,
                      .cost = update_cost,
                      .writes_variables = true,
                      .in_place = first_in_place(2)};
const OpDef kAdam{.name = "adam_update",
                  .infer = infer_update<4, 3>,
                  .cost = update_cost,
                  .writes_variables = true,
                  .in_place = first_in_place(4)};
const OpDef kRmsprop{.name = "rmsprop_update",
                     .infer = infer_update<4, 2>,
                     .cost = update_cost,
                     .writes_variables = true,
                     .in_place = first_in_place(4)};
const OpDef kAdagrad{.name = "adagrad_update",
                     .infer = infer_update<2>,
                     .cost = update_cost,
                     .writes_variables = true,
                     .in_place = first_in_place(2)};
const OpDef kAdadelta{.name = "adadelta_update",
                      .infer = infer_update<3>,
                      .cost = update_cost,
                      .writes_variables = true,
                      .in_place = first_in_place(3)};

Specs infer_squared_norm(const InferCall& call) { return {Spec{Shape{}, infer_buffers(call, 1, 1)[0].dtype}}; }

Specs infer_clip_by_norm(const InferCall& call) {
  check_scalar(call, 1, "the squared norm");
  return infer_buffers(call, 1, 1);
}

const OpDef kSquaredNorm{.name = "squared_norm", .infer = infer_squared_norm};
const OpDef kClipByNorm{.name = "clip_by_norm", .infer = infer_clip_by_norm, .in_place = first_in_place(1)};

// The outputs of optional state that was left out become empty again.
Values present_outputs(Values outputs, const Values& inputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!inputs[i]) outputs[i] = Value();
  }
  return outputs;
}

Values apply_update(const OpDef& op, const Params& params, const Values& inputs) {
  return present_outputs(apply(op, params, inputs), inputs);
}

}  // namespace

Value sgd_update(const Value& p, const Value& g, const Value& lr, double weight_decay) {
  return apply1(kSgd, SgdParams{weight_decay}, {p, g, lr});
}

Values momentum_update(const Value& p, const Value& g, const Value& m, const Value& lr, double momentum, bool nesterov,
                       double weight_decay) {
  return apply_update(kMomentum, MomentumParams{momentum, weight_decay, nesterov}, {p, m, g, lr});
}

Values adam_update(const Value& p, const Value& g, const Value& m, const Value& v, const Value& v_hat, const Value& lr,
                   const Value& step, double beta_1, double beta_2, double epsilon, double weight_decay) {
  return apply_update(kAdam, AdamParams{beta_1, beta_2, epsilon, weight_decay}, {p, m, v, v_hat, g, lr, step});
}

Values rmsprop_update(const Value& p, const Value& g, const Value& v, const Value& m, const Value& mean,
                      const Value& lr, double rho, double momentum, double epsilon, double weight_decay) {
  return apply_update(kRmsprop, RmspropParams{rho, momentum, epsilon, weight_decay}, {p, v, m, mean, g, lr});
}

Values adagrad_update(const Value& p, const Value& g, const Value& accumulator, const Value& lr, double epsilon,
                      double weight_decay) {
  return apply_update(kAdagrad, AdagradParams{epsilon, weight_decay}, {p, accumulator, g, lr});
}

Values adadelta_update(const Value& p, const Value& g, const Value& accumulated_grad, const Value& accumulated_delta,
                       const Value& lr, double rho, double epsilon, double weight_decay) {
  return apply_update(kAdadelta, AdadeltaParams{rho, epsilon, weight_decay},
                      {p, accumulated_grad, accumulated_delta, g, lr});
}

Value squared_norm(const Value& x) { return apply1(kSquaredNorm, {}, {x}); }

Value clip_by_norm(const Value& x, const Value& squared_norm, double limit) {
  if (!(limit > 0)) value_error("`clip_by_norm`: the limit must be positive. Received: ", limit);
  return apply1(kClipByNorm, ClipByNormParams{limit}, {x, squared_norm});
}

Value clip_by_global_norm(const Value& flat, double limit) { return clip_by_norm(flat, squared_norm(flat), limit); }

}  // namespace pyneural::ops
