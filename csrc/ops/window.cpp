#include "ops/window.h"

namespace pyneural::ops {

bool is_same_padding(const std::string& padding) {
  if (padding == "same") return true;
  if (padding == "valid") return false;
  value_error("`padding` must be either `'valid'` or `'same'`. Received: padding='", padding, "'");
}

void check_positive(const char* argument, const Pair& values) {
  const auto usable = [](int64_t value) { return value > 0 && value <= INT32_MAX; };
  if (usable(values[0]) && usable(values[1])) return;
  value_error("The `", argument, "` argument must be a tuple of 2 positive integers. Received: ", argument, "=",
              pair_str(values.data()));
}

void check_images(const char* op, const Spec& inputs) {
  if (inputs.shape.rank() != 4) {
    value_error("`", op,
                "` expects inputs of rank 4, (batch, height, width, channels). Received: inputs.shape=", inputs.shape);
  }
  if (inputs.dtype != DType::float32 && inputs.dtype != DType::float64) {
    type_error("`", op, "` computes in float32 and float64, not ", dtype_name(inputs.dtype),
               ": cast to float32 first.");
  }
}

std::string pair_str(const int64_t* pair) { return concat("(", pair[0], ", ", pair[1], ")"); }

int64_t window_outputs(int64_t size, int64_t taps, int64_t stride, int64_t dilation, bool same) {
  if (same) return (size + stride - 1) / stride;
  const int64_t rest = size - (taps - 1) * dilation - 1;
  return rest < 0 ? 0 : rest / stride + 1;
}

int64_t window_pad(int64_t size, int64_t taps, int64_t stride, int64_t dilation, bool same) {
  if (!same) return 0;
  const int64_t outputs = window_outputs(size, taps, stride, dilation, same);
  const int64_t total = (outputs - 1) * stride + (taps - 1) * dilation + 1 - size;
  return total > 0 ? total / 2 : 0;
}

}  // namespace pyneural::ops
