// One step of an optimizer over flat buffers: parameters p, gradients g and the optimizer's own state, all of one
// shape. Each returns the new p and state; in a plan they are updated in place. `lr` is a scalar, so that a schedule
// or a callback can change it without another trace. State may be left out (empty)
// where a formula does without it: then its place in the results is empty too. weight_decay is decoupled: p -= p *
// weight_decay * lr comes first.
#pragma once

#include "graph/op.h"

namespace pyneural::ops {

// p - lr * g
Value sgd_update(const Value& p, const Value& g, const Value& lr, double weight_decay);

// m' = momentum * m - lr * g; p + m', or p + momentum * m' - lr * g with nesterov. Gives (p, m).
Values momentum_update(const Value& p, const Value& g, const Value& m, const Value& lr, double momentum, bool nesterov,
                       double weight_decay);

// Kingma and Ba 2014, in the form at the end of its section 2, where epsilon is added to the uncorrected root. v_hat is
// the running maximum of AMSGrad, or empty. `step` counts updates from 1. Gives (p, m, v, v_hat).
Values adam_update(const Value& p, const Value& g, const Value& m, const Value& v, const Value& v_hat, const Value& lr,
                   const Value& step, double beta_1, double beta_2, double epsilon, double weight_decay);

// v: mean of squares; m: momentum, or empty; mean: mean of gradients (the centered form), or empty. Gives
// (p, v, m, mean).
Values rmsprop_update(const Value& p, const Value& g, const Value& v, const Value& m, const Value& mean,
                      const Value& lr, double rho, double momentum, double epsilon, double weight_decay);

// Gives (p, accumulator).
Values adagrad_update(const Value& p, const Value& g, const Value& accumulator, const Value& lr, double epsilon,
                      double weight_decay);

// Gives (p, accumulated_grad, accumulated_delta).
Values adadelta_update(const Value& p, const Value& g, const Value& accumulated_grad, const Value& accumulated_delta,
                       const Value& lr, double rho, double epsilon, double weight_decay);

// Sum of squares, a scalar.
Value squared_norm(const Value& x);

// x * min(1, limit / sqrt(squared_norm)); all NaN if the norm is not finite. One norm may cover several tensors.
Value clip_by_norm(const Value& x, const Value& squared_norm, double limit);
Value clip_by_global_norm(const Value& flat, double limit);

}  // namespace pyneural::ops
