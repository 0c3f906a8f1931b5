// Cross-entropies from logits, fused with softmax or sigmoid: no probability is rounded before its logarithm is taken.
#pragma once

#include "graph/op.h"

namespace pyneural::ops {

// -log(softmax(logits)[label]) for each row of logits [..., classes]. labels: any integer type, of shape [...] or
// [..., 1]. A label outside [0, classes) is an IndexError.
Value sparse_softmax_cross_entropy(const Value& labels, const Value& logits);

// -sum(targets * log_softmax(logits)) for each row; targets and logits have one shape and dtype.
Value softmax_cross_entropy(const Value& targets, const Value& logits);

// -targets * log(sigmoid(logits)) - (1 - targets) * log(1 - sigmoid(logits)), for each element.
Value sigmoid_cross_entropy(const Value& targets, const Value& logits);

}  // namespace pyneural::ops
