// Tensor and Variable as Python sees them.
#include "bindings/convert.h"
#include "bindings/gpu_arrays.h"
#include "graph/node.h"
#include "graph/variable.h"
#include "ops/binary.h"
#include "ops/index.h"
#include "ops/promote.h"
#include "ops/shape.h"
#include "ops/stop_gradient.h"
#include "ops/unary.h"

namespace pyneural {

namespace {

constexpr int kArrayPriority = 100;

// Symbolic tensors of the model API say with a high __array_priority__ that their own reflected operators come first.
bool is_operand(py::handle object) {
  if (is_python_scalar(object) || find_tensor(object) || py::isinstance<Variable>(object) ||
      py::isinstance<py::array>(object) || py::isinstance<py::list>(object) || py::isinstance<py::tuple>(object)) {
    return true;
  }
  if (!py::hasattr(object, "__array__")) return false;
  return py::getattr(object, "__array_priority__", py::int_(0)).cast<double>() < kArrayPriority;
}

template <class Class>
void add_operator(Class& type, const char* name, const char* reflected, BinaryOp op) {
  type.def(
      name,
      [op](py::handle self, py::handle other) -> py::object {
        if (!is_operand(other)) return py::reinterpret_borrow<py::object>(Py_NotImplemented);
        return py::cast(apply_operands(op, self, other));
      },
      py::is_operator());
  if (!reflected) return;
  type.def(
      reflected,
      [op](py::handle self, py::handle other) -> py::object {
        if (!is_operand(other)) return py::reinterpret_borrow<py::object>(Py_NotImplemented);
        return py::cast(apply_operands(op, other, self));
      },
      py::is_operator());
}

// x[...]: integers, slices, None, Ellipsis; or a tensor of indices along the first axis.
Value get_item(const Value& x, py::handle key) {
  const py::tuple items = py::isinstance<py::tuple>(key) ? py::reinterpret_borrow<py::tuple>(key) : py::make_tuple(key);
  if (items.size() == 1 && !py::isinstance<py::int_>(items[0]) && !py::isinstance<py::slice>(items[0]) &&
      !items[0].is_none() && !py::isinstance<py::ellipsis>(items[0])) {
    return ops::take(x, to_value(items[0]), 0);
  }
  size_t indexed = 0;
  for (py::handle item : items) indexed += !item.is_none() && !py::isinstance<py::ellipsis>(item);
  const int rank = x.shape().rank();
  if (indexed > static_cast<size_t>(rank)) {
    index_error("Too many indices for a tensor of shape ", x.shape(), ".");
  }
  ops::Dims begin, count, step, shape;
  int axis = 0;
  const auto take_range = [&](int64_t first, int64_t length, int64_t stride) {
    begin.push_back(first);
    count.push_back(length);
    step.push_back(stride);
    ++axis;
  };
  const auto keep = [&] {
    shape.push_back(x.shape()[axis]);
    take_range(0, x.shape()[axis], 1);
  };
  for (py::handle item : items) {
    if (item.is_none()) {
      shape.push_back(1);
    } else if (py::isinstance<py::ellipsis>(item)) {
      for (size_t i = indexed; i < static_cast<size_t>(rank); ++i) keep();
    } else if (py::isinstance<py::slice>(item)) {
      py::ssize_t start, stop, stride, length;
      if (!py::reinterpret_borrow<py::slice>(item).compute(x.shape()[axis], &start, &stop, &stride, &length)) {
        throw py::error_already_set();
      }
      shape.push_back(length);
      take_range(length ? start : 0, length, stride);
    } else {
      int64_t index = 0;
      try {
        index = item.cast<int64_t>();
      } catch (const py::cast_error&) {
        type_error(
            "Tensors are indexed by integers, slices, None and Ellipsis, or by one tensor of integers. Received: ",
            py::repr(item).cast<std::string>());
      }
      const int64_t size = x.shape()[axis];
      if (index < -size || index >= size) {
        index_error("Index ", index, " is out of range for axis ", axis, " of size ", size, ".");
      }
      take_range(index < 0 ? index + size : index, 1, 1);
    }
  }
  while (axis < rank) keep();
  return ops::reshape(ops::slice_steps(x, begin, count, step), shape);
}

template <class Class>
void add_array_interface(Class& type) {
  add_operator(type, "__add__", "__radd__", ops::add);
  add_operator(type, "__sub__", "__rsub__", ops::subtract);
  add_operator(type, "__mul__", "__rmul__", ops::multiply);
  add_operator(type, "__truediv__", "__rtruediv__", ops::divide);
  add_operator(type, "__floordiv__", "__rfloordiv__", ops::floor_divide);
  add_operator(type, "__mod__", "__rmod__", ops::mod);
  add_operator(type, "__pow__", "__rpow__", ops::power);
  add_operator(type, "__lt__", nullptr, ops::less);
  add_operator(type, "__le__", nullptr, ops::less_equal);
  add_operator(type, "__gt__", nullptr, ops::greater);
  add_operator(type, "__ge__", nullptr, ops::greater_equal);
  add_operator(type, "__eq__", nullptr, ops::equal);
  add_operator(type, "__ne__", nullptr, ops::not_equal);
  type.def("__neg__", [](const Value& self) { return ops::negative(self); });
  type.def("__abs__", [](const Value& self) { return ops::absolute(self); });
  type.def("__matmul__", [](py::handle self, py::handle other) {
    return py::module_::import("pyneural._core").attr("matmul")(self, other);
  });
  type.def("__rmatmul__", [](py::handle self, py::handle other) {
    return py::module_::import("pyneural._core").attr("matmul")(other, self);
  });
  type.def("__getitem__", [](const Value& self, py::handle key) { return get_item(self, key); });
  type.def("__len__", [](const Value& self) {
    if (self.shape().rank() == 0) type_error("A scalar tensor has no length.");
    return self.shape()[0];
  });
  type.def("__iter__", [](py::object self) {
    const py::ssize_t length = py::len(self);
    py::list rows;
    for (py::ssize_t i = 0; i < length; ++i) rows.append(self[py::int_(i)]);
    return py::iter(rows);
  });
  type.def("numpy", [](const Value& self) { return to_numpy(self); }, "The values as a NumPy array.");
  type.def(
      "__array__",
      [](const Value& self, py::object dtype, py::object copy) -> py::object {
        py::object array = to_numpy(self);
        if (!dtype.is_none()) array = array.attr("astype")(dtype, "copy"_a = false);
        if (!copy.is_none() && copy.cast<bool>()) array = array.attr("copy")();
        return array;
      },
      "dtype"_a = py::none(), "copy"_a = py::none());
  type.def("item", [](const Value& self) { return to_numpy(self).attr("item")(); });
  type.def("__float__", [](const Value& self) { return to_numpy(self).attr("item")().cast<double>(); });
  type.def("__int__", [](const Value& self) { return py::int_(to_numpy(self).attr("item")()); });
  type.def("__index__", [](const Value& self) -> py::object {
    if (is_floating(self.dtype())) type_error("Only integer tensors can be used as an index.");
    return py::int_(to_numpy(self).attr("item")());
  });
  type.def("__bool__", [](const Value& self) -> bool {
    if (self.symbolic()) {
      type_error(
          "A symbolic tensor has no truth value: Python's `if` and `while` can't depend on it inside a traced "
          "function. Use "
          "`ops.where` instead.");
    }
    return py::bool_(to_numpy(self).attr("__bool__")());
  });
  type.def("__dlpack__", [](const Value& self, const py::kwargs& options) -> py::object {
    if (!self.tensor().device().is_cpu()) return gpu_dlpack(self, options);
    // A tensor never changes, and DLPack has no way to say so to older readers: they get a copy.
    return to_numpy(self).attr("copy")().attr("__dlpack__")(**options);
  });
  type.def("__dlpack_device__", [](const Value& self) {
    const Device device = self.tensor().device();
    constexpr int kDLCpu = 1, kDLCuda = 2;
    return py::make_tuple(device.is_cpu() ? kDLCpu : kDLCuda, device.index);
  });
  // On the CPU there is no such attribute: that is how libraries ask.
  type.def_property_readonly("__cuda_array_interface__", [](const Value& self) {
    if (self.symbolic() || self.tensor().device().is_cpu()) throw py::attribute_error("__cuda_array_interface__");
    return cuda_array_interface(self);
  });
  type.def_property_readonly("shape", [](const Value& self) { return from_shape(self.shape()); });
  type.def_property_readonly(
      "device", [](const Value& self) { return device_name(self.symbolic() ? Device{} : self.tensor().device()); },
      "Where the values are: 'cpu' or 'cuda:<number>'.");
  type.def_property_readonly("dtype", [](const Value& self) { return std::string(dtype_name(self.dtype())); });
  type.def_property_readonly("ndim", [](const Value& self) { return self.shape().rank(); });
  type.def_property_readonly("size", [](const Value& self) { return self.shape().size(); });
  type.attr("__array_priority__") = kArrayPriority;
  type.attr("__array_ufunc__") = py::none();  // ndarray + tensor is a tensor
}

void bind_tensor(py::module_& m) {
  py::class_<PyTensor> tensor(
      m, "Tensor", "An immutable array of numbers; in a trace, a symbol for one.",
      py::custom_type_setup([](PyHeapTypeObject* type) { type->ht_type.tp_dealloc = delete_tensor; }));
  add_array_interface(tensor);
  tensor.def_property_readonly("is_symbolic", [](const PyTensor& self) { return self.value.symbolic(); });
  tensor.def("__hash__", [](const PyTensor& self) {
    return reinterpret_cast<size_t>(self.value.node().get()) / 16 + static_cast<size_t>(self.value.index());
  });
  tensor.def("__repr__", [](const PyTensor& self) {
    const Value& value = self.value;
    const std::string head = concat("shape=", value.shape(), ", dtype=", dtype_name(value.dtype()));
    if (value.symbolic()) return concat("<Tensor ", head, ", symbolic>");
    const auto text = py::module_::import("numpy").attr("array2string")(to_numpy(value), "separator"_a = ", ");
    return concat("<Tensor ", head, ", value=", text.cast<std::string>(), ">");
  });

  m.def(
      "tensor",
      [](py::handle object, std::optional<DType> dtype) {
        const Device device = current_device();
        if (device.is_cpu()) return copy_to_value(object, dtype);
        const Value value = to_value(object, dtype);
        if (!value || value.symbolic()) return copy_to_value(object, dtype);
        const Value moved =
            value.tensor().device() == device ? copy_to_value(object, dtype) : Value(value.tensor().to(device));
        return dtype && moved.dtype() != *dtype ? ops::cast_to(moved, *dtype) : moved;
      },
      "object"_a, "dtype"_a = py::none(),
      "A tensor that owns its data; Python floats become floatx, arrays keep their dtype.");
  m.def("stop_gradient", &ops::stop_gradient, "x"_a, "x, through which no gradient flows.");

  py::class_<Variable, std::shared_ptr<Variable>> variable(m, "Variable", py::dynamic_attr(),
                                                           "Memory that is read and assigned.");
  variable.def(py::init([](py::handle initial, std::optional<DType> dtype) {
                 return std::make_shared<Variable>(copy_to_value(initial, dtype).tensor(), current_device());
               }),
               "initial"_a, "dtype"_a = py::none());
  add_array_interface(variable);
  variable.def("__hash__", [](const Variable& self) { return reinterpret_cast<size_t>(&self) / 16; });
  variable.def_property_readonly("value", [](Variable& self) { return self.read(); });
  variable.def("assign", [](py::object self, py::handle value) {
    auto& variable = self.cast<Variable&>();
    variable.assign(copy_to_value(value, variable.spec().dtype));
    return self;
  });
  variable.def("assign_add", [](py::object self, py::handle value) {
    const auto [a, b] = to_operands(self, value);
    auto& variable = self.cast<Variable&>();
    variable.assign(copy_to_value(py::cast(ops::add(a, b)), variable.spec().dtype));
    return self;
  });
  variable.def("assign_sub", [](py::object self, py::handle value) {
    const auto [a, b] = to_operands(self, value);
    auto& variable = self.cast<Variable&>();
    variable.assign(copy_to_value(py::cast(ops::subtract(a, b)), variable.spec().dtype));
    return self;
  });
  variable.def(
      "move_to", [](Variable& self, const std::string& device) { self.move_to(parse_device(device)); }, "device"_a,
      "Moves the memory to a device; a window on a flat variable takes that, and so all its windows, along.");
  m.def("flatten_variables", &Variable::flatten, "variables"_a,
        "One flat variable (64-byte aligned slots, zero padding); the given variables become windows on it.");
  m.def(
      "pack_like",
      [](const Variable& flat, const Values& parts) {
        return ops::pack(parts, flat.offsets(), static_cast<int64_t>(flat.spec().bytes()));
      },
      "flat"_a, "parts"_a, "Lays tensors out as the windows of a flat variable.");
}

PN_BIND_OPS(bind_tensor);

}  // namespace

}  // namespace pyneural
