// Random numbers from a state: int64[2] = {seed, counter}. Element i of a draw depends on the state and on i alone, for
// every device, SIMD level and number of threads. The caller gives each draw its own counter.
#pragma once

#include "graph/op.h"

namespace pyneural::ops {

// [minval, maxval): 24 random bits for float32, 53 for float64.
Value random_uniform(const Value& state, const Shape& shape, double minval = 0, double maxval = 1,
                     DType dtype = DType::float32);
Value random_normal(const Value& state, const Shape& shape, double mean = 0, double stddev = 1,
                    DType dtype = DType::float32);
// The normal distribution within two standard deviations of its mean; stddev is that of the whole distribution.
Value truncated_normal(const Value& state, const Shape& shape, double mean = 0, double stddev = 1,
                       DType dtype = DType::float32);
Value randint(const Value& state, const Shape& shape, int64_t low, int64_t high, DType dtype = DType::int32);

// Zeroes elements with probability `rate` and scales the others by 1 / (1 - rate). No mask is stored: the gradient
// draws it again.
Value dropout(const Value& x, const Value& state, double rate);

Value random_permutation(const Value& state, int64_t count);  // of 0 ... count - 1; int32, or int64 from 2^31 on
Value shuffle(const Value& state, const Value& x, int64_t axis = 0);

}  // namespace pyneural::ops
