#include "bindings/pair.h"
#include "ops/activation.h"
#include "ops/conv2d.h"
#include "ops/depthwise_conv2d.h"

namespace pyneural {

namespace {

void bind_conv2d(py::module_& m) {
  const PairArgument one = int64_t{1};
  m.def(
      "conv2d",
      [](const Value& x, const Value& kernel, const Value& bias, const PairArgument& strides,
         const std::string& padding, const PairArgument& dilation_rate, int64_t groups, const std::string& activation) {
        return ops::conv2d(x, kernel, bias, to_pair(strides), padding, to_pair(dilation_rate), groups,
                           ops::activation_from_name(activation));
      },
      "x"_a, "kernel"_a, "bias"_a = py::none(), "strides"_a = one, "padding"_a = "valid", "dilation_rate"_a = one,
      "groups"_a = 1, "activation"_a = "linear",
      "Convolution of NHWC images with an HWIO kernel; bias and activation are applied to the result.");
  m.def(
      "depthwise_conv2d",
      [](const Value& x, const Value& kernel, const Value& bias, const PairArgument& strides,
         const std::string& padding, const PairArgument& dilation_rate, const std::string& activation) {
        return ops::depthwise_conv2d(x, kernel, bias, to_pair(strides), padding, to_pair(dilation_rate),
                                     ops::activation_from_name(activation));
      },
      "x"_a, "kernel"_a, "bias"_a = py::none(), "strides"_a = one, "padding"_a = "valid", "dilation_rate"_a = one,
      "activation"_a = "linear",
      "Convolution of each channel of NHWC images with its own filters, kernel (rows, columns, channels, multiplier).");
}

PN_BIND_OPS(bind_conv2d);

}  // namespace

}  // namespace pyneural
