// What every bindings file needs: pybind11, and how tensors, dtypes and paddings cross the border.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <vector>

#include "graph/op.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace pyneural {

// Tensor, Variable, ndarray, list, Python scalar or anything with __array__; None gives an empty Value. `like` is the
// dtype that a Python scalar adopts. Throws TypeError for anything else.
Value to_value(py::handle object, std::optional<DType> like = std::nullopt);
bool is_python_scalar(py::handle object);
// Two operands of a binary op: a Python scalar adopts the dtype of the other one; dtypes are not promoted here.
std::pair<Value, Value> to_operands(py::handle a, py::handle b);

DType dtype_from_name(const std::string& name);

using OpBinder = void (*)(py::module_&);
bool register_op_binder(OpBinder binder);  // called by module.cpp when Python imports the module

}  // namespace pyneural

#define PN_BIND_OPS(binder) \
  [[maybe_unused]] static const bool binder##_registered = ::pyneural::register_op_binder(binder)

namespace pybind11::detail {

template <>
struct type_caster<pyneural::Value> {
  PYBIND11_TYPE_CASTER(pyneural::Value, const_name("Tensor"));
  bool load(handle source, bool) {
    value = pyneural::to_value(source);
    return true;
  }
  static handle cast(pyneural::Value value, return_value_policy, handle parent);
};

template <>
struct type_caster<pyneural::DType> {
  PYBIND11_TYPE_CASTER(pyneural::DType, const_name("str"));
  bool load(handle source, bool) {
    if (!isinstance<str>(source)) return false;
    value = pyneural::dtype_from_name(source.cast<std::string>());
    return true;
  }
  static handle cast(pyneural::DType dtype, return_value_policy, handle) {
    return str(pyneural::dtype_name(dtype)).release();
  }
};

}  // namespace pybind11::detail
