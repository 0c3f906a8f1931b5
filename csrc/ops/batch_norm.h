// Batch normalization (Ioffe and Szegedy 2015). Statistics and coefficients are vectors, one element per channel.
#pragma once

#include "graph/op.h"

namespace pyneural::ops {

// (x - mean) / sqrt(variance + epsilon) * scale + offset with given statistics. offset and scale may be empty.
Value batch_normalization(const Value& x, const Value& mean, const Value& variance, int64_t axis, const Value& offset,
                          const Value& scale, double epsilon);

// Normalizes with the statistics of x itself. gamma and beta may be empty. Gives (y, mean, variance); the variance is
// the biased one.
Values batch_norm_train(const Value& x, const Value& gamma, const Value& beta, int64_t axis, double epsilon);

}  // namespace pyneural::ops
