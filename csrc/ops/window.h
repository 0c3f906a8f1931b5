// Shapes of sliding windows over NHWC images, shared by convolutions and pooling.
#pragma once

#include <array>
#include <string>

#include "graph/op.h"

namespace pyneural::ops {

using Pair = std::array<int64_t, 2>;  // rows, columns

bool is_same_padding(const std::string& padding);  // throws ValueError unless "same" or "valid"

// Throws ValueError unless both are positive and fit into 32 bits, so that products of two cannot overflow.
void check_positive(const char* argument, const Pair& values);

// Throws TypeError unless it is float32 or float64, ValueError unless its rank is 4.
void check_images(const char* op, const Spec& inputs);

std::string pair_str(const int64_t* pair);  // "(2, 3)"

// TensorFlow's rule: "same" gives ceil(size / stride) outputs and puts odd padding at the end.
int64_t window_outputs(int64_t size, int64_t taps, int64_t stride, int64_t dilation, bool same);
int64_t window_pad(int64_t size, int64_t taps, int64_t stride, int64_t dilation,
                   bool same);  // before the first element

}  // namespace pyneural::ops
