// Between NumPy and tensors.
#pragma once

#include <pybind11/numpy.h>

#include "bindings/bind.h"

namespace pyneural {

// What Python sees as `Tensor`.
struct PyTensor {
  Value value;
};

// A new Python object, and how it ends (tp_dealloc).
py::handle new_tensor(Value value);
void delete_tensor(PyObject* self);

// The tensor that a Python object is, or nullptr.
const PyTensor* find_tensor(py::handle object);

// op(a, b) of what to_operands() makes of two Python objects; tensors are not copied for it.
using BinaryOp = Value (*)(const Value&, const Value&);
Value apply_operands(BinaryOp op, py::handle a, py::handle b);

// The default dtype of Python floats (config.set_floatx).
DType& default_float();

// A tensor that owns its data.
Value copy_to_value(py::handle object, std::optional<DType> dtype);

// Read-only window on the tensor's memory; a copy where somebody else may write it. bfloat16 widens to float32.
py::array to_numpy(const Value& value);

// A C-contiguous array of exactly this dtype, or TypeError / ValueError naming `what`.
py::array contiguous_array(py::handle object, DType dtype, const std::string& what);

Shape to_shape(py::handle object);
py::tuple from_shape(const Shape& shape);

}  // namespace pyneural
