#include "bindings/axes.h"
#include "bindings/bind.h"
#include "ops/shape.h"

namespace pyneural {

namespace {

using IntOrList = std::variant<int64_t, std::vector<int64_t>>;
// One width for all sides, one pair for all axes, or a pair per axis.
using PadWidth = std::variant<int64_t, std::vector<IntOrList>>;

ops::PadMode pad_mode(const std::string& mode) {
  if (mode == "constant") return ops::PadMode::constant;
  if (mode == "reflect") return ops::PadMode::reflect;
  if (mode == "symmetric") return ops::PadMode::symmetric;
  value_error("`pad`: mode must be \"constant\", \"reflect\" or \"symmetric\". Received: \"", mode, "\".");
}

std::vector<std::pair<int64_t, int64_t>> pad_widths(const PadWidth& width, int rank) {
  if (const int64_t* one = std::get_if<int64_t>(&width)) return {static_cast<size_t>(rank), {*one, *one}};
  const auto& list = std::get<std::vector<IntOrList>>(width);
  const auto pair_of = [](const IntOrList& entry) -> std::pair<int64_t, int64_t> {
    const std::vector<int64_t> sides = to_list(entry);
    if (sides.empty() || sides.size() > 2) value_error("`pad`: a width is one number or a pair (before, after).");
    return {sides.front(), sides.back()};
  };
  if (list.size() == 2 && std::holds_alternative<int64_t>(list[0]) && std::holds_alternative<int64_t>(list[1])) {
    return {static_cast<size_t>(rank), {std::get<int64_t>(list[0]), std::get<int64_t>(list[1])}};
  }
  std::vector<std::pair<int64_t, int64_t>> widths;
  for (const IntOrList& entry : list) widths.push_back(pair_of(entry));
  if (widths.size() == 1) widths.resize(rank, widths[0]);
  return widths;
}

Values split(const Value& x, const IntOrList& indices_or_sections, int64_t axis) {
  if (const int64_t* sections = std::get_if<int64_t>(&indices_or_sections)) return ops::split(x, *sections, axis);
  return ops::split(x, std::get<std::vector<int64_t>>(indices_or_sections), axis);
}

void bind_shape(py::module_& m) {
  m.def(
      "reshape", [](const Value& x, const IntOrList& shape) { return ops::reshape(x, to_list(shape)); }, "x"_a,
      "shape"_a, "x with another shape; one extent may be -1.");
  m.def(
      "expand_dims", [](const Value& x, const IntOrList& axis) { return ops::expand_dims(x, to_list(axis)); }, "x"_a,
      "axis"_a, "x with new axes of extent 1.");
  m.def(
      "squeeze", [](const Value& x, const AxisArgument& axis) { return ops::squeeze(x, to_axes(axis)); }, "x"_a,
      "axis"_a = py::none(), "x without axes of extent 1.");
  m.def(
      "transpose", [](const Value& x, const AxisArgument& axes) { return ops::transpose(x, to_axes(axes)); }, "x"_a,
      "axes"_a = py::none(), "x with its axes permuted, by default reversed.");
  m.def(
      "broadcast_to",
      [](const Value& x, const IntOrList& shape) { return ops::broadcast_to(x, Shape(to_list(shape))); }, "x"_a,
      "shape"_a, "x repeated to a shape.");
  m.def("concatenate", &ops::concatenate, "xs"_a, "axis"_a = -1, "Tensors joined along an axis.");
  m.def("stack", &ops::stack, "xs"_a, "axis"_a = 0, "Tensors joined along a new axis.");
  m.def("split", &split, "x"_a, "indices_or_sections"_a, "axis"_a = 0, "x cut into parts along an axis.");
  m.def("slice", &ops::slice, "x"_a, "start"_a, "shape"_a, "A block of x.");
  m.def("strided_slice", &ops::strided_slice, "x"_a, "begin"_a, "end"_a, "strides"_a = ops::Positions{},
        "x[begin:end:stride, ...] over the leading axes.");
  m.def(
      "flip", [](const Value& x, const AxisArgument& axis) { return ops::flip(x, to_axes(axis)); }, "x"_a,
      "axis"_a = py::none(), "x with the order of elements reversed along axes.");
  m.def(
      "tile", [](const Value& x, const IntOrList& repeats) { return ops::tile(x, to_list(repeats)); }, "x"_a,
      "repeats"_a, "x laid side by side.");
  m.def("repeat", &ops::repeat, "x"_a, "repeats"_a, "axis"_a = py::none(), "Each element repeated.");
  m.def(
      "pad",
      [](const Value& x, const PadWidth& pad_width, const std::string& mode, double value) {
        return ops::pad(x, pad_widths(pad_width, x.shape().rank()), pad_mode(mode), value);
      },
      "x"_a, "pad_width"_a, "mode"_a = "constant", "value"_a = 0.0, "x with a border.");
  m.def("pack", &ops::pack, "xs"_a, "offsets"_a, "total_bytes"_a, "Tensors at byte offsets of one flat tensor.");
}

PN_BIND_OPS(bind_shape);

}  // namespace

}  // namespace pyneural
