#include "bindings/convert.h"

#include "bindings/gpu_arrays.h"

#include <cstring>

#include "graph/node.h"
#include "graph/trace.h"
#include "graph/variable.h"
#include "ops/promote.h"

namespace pyneural {

namespace {

// Looked up once: by way of the C++ type it would take longer than a small op.
const py::detail::type_info& tensor_type() {
  static const py::detail::type_info* type = py::detail::get_type_info(typeid(PyTensor), /*throw_if_missing=*/true);
  return *type;
}

// Of the type itself, not of one derived from it.
bool is_plain_tensor(py::handle object) { return Py_TYPE(object.ptr()) == tensor_type().type; }

// nullptr for what Tensor.__new__ made.
const PyTensor* held_tensor(py::handle plain) {
  const auto* instance = reinterpret_cast<py::detail::instance*>(plain.ptr());
  return static_cast<const PyTensor*>(instance->simple_value_holder[0]);
}

struct NumpyDType {
  char kind;
  int size;
  DType dtype;
};
constexpr NumpyDType kNumpyDTypes[] = {{'b', 1, DType::boolean}, {'u', 1, DType::uint8},   {'i', 1, DType::int8},
                                       {'i', 2, DType::int16},   {'i', 4, DType::int32},   {'i', 8, DType::int64},
                                       {'f', 2, DType::float16}, {'f', 4, DType::float32}, {'f', 8, DType::float64}};

DType dtype_of(const py::array& array) {
  const char kind = array.dtype().kind();
  for (const NumpyDType& entry : kNumpyDTypes) {
    if (entry.kind == kind && entry.size == array.itemsize()) return entry.dtype;
  }
  // Unsigned integers wider than a byte have no type of their own here: int64 holds them.
  if (kind == 'u') return DType::int64;
  type_error("Arrays of dtype ", py::str(array.dtype()).cast<std::string>(),
             " are not supported. Expected bool, an integer or a float dtype.");
}

py::dtype numpy_dtype(DType dtype) {
  for (const NumpyDType& entry : kNumpyDTypes) {
    if (entry.dtype == dtype)
      return py::dtype(std::string(1, entry.kind == 'b' ? '?' : entry.kind) +
                       (entry.kind == 'b' ? "" : std::to_string(entry.size)));
  }
  return py::dtype("f4");
}

// Any array-like as a C-contiguous NumPy array in native byte order, whose dtype we have.
py::array as_array(py::handle object) {
  if (py::isinstance<py::str>(object) || py::isinstance<py::bytes>(object) || py::isinstance<py::dict>(object)) {
    type_error("Expected an array, a tensor or a number. Received: ", py::repr(object).cast<std::string>(),
               " (of type ", py::str(py::type::of(object).attr("__name__")).cast<std::string>(), ")");
  }
  const auto numpy = py::module_::import("numpy");
  py::array array;
  if (!py::isinstance<py::array>(object) && !py::hasattr(object, "__array__") && py::hasattr(object, "__dlpack__")) {
    array = numpy.attr("from_dlpack")(object);
  } else {
    array = numpy.attr("asarray")(object);
  }
  const char kind = array.dtype().kind();
  if (kind == 'O' || kind == 'U' || kind == 'S' || kind == 'c' || kind == 'M' || kind == 'm' || kind == 'V') {
    type_error("Arrays of dtype ", py::str(array.dtype()).cast<std::string>(),
               " are not supported. Expected bool, an integer or a float dtype.");
  }
  const py::dtype wanted = numpy_dtype(dtype_of(array));
  return numpy.attr("ascontiguousarray")(array, "dtype"_a = wanted)
      .attr("reshape")(array.attr("shape"))
      .cast<py::array>();
}

Spec spec_of(const py::array& array) {
  Shape shape;
  for (py::ssize_t i = 0; i < array.ndim(); ++i) shape.push_back(array.shape(i));
  return {shape, dtype_of(array)};
}

// The array lives as long as the tensor does.
Tensor borrow(const py::array& array) {
  auto owner = std::shared_ptr<void>(new py::array(array), [](void* held) {
    const py::gil_scoped_acquire lock;
    delete static_cast<py::array*>(held);
  });
  const Spec spec = spec_of(array);
  return {Storage::borrow(const_cast<void*>(array.data()), spec.bytes(), std::move(owner)), 0, spec};
}

Tensor copy(const py::array& array) {
  Tensor tensor = Tensor::empty(spec_of(array));
  if (tensor.spec.bytes()) std::memcpy(tensor.data(), array.data(), tensor.spec.bytes());
  return tensor;
}

int64_t to_int64(py::handle object) {
  int overflow = 0;
  const py::object index = py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
  if (!index) throw py::error_already_set();
  const long long number = PyLong_AsLongLongAndOverflow(index.ptr(), &overflow);
  if (overflow) value_error("The integer ", py::str(index).cast<std::string>(), " does not fit into int64.");
  return number;
}

template <class T>
Value scalar(DType dtype, T number) {
  Tensor tensor = Tensor::empty({Shape{}, dtype});
  switch (dtype) {
    case DType::boolean:
    case DType::uint8:
      *tensor.as<uint8_t>() = static_cast<uint8_t>(number);
      break;
    case DType::int8:
      *tensor.as<int8_t>() = static_cast<int8_t>(number);
      break;
    case DType::int16:
      *tensor.as<int16_t>() = static_cast<int16_t>(number);
      break;
    case DType::int32:
      *tensor.as<int32_t>() = static_cast<int32_t>(number);
      break;
    case DType::int64:
      *tensor.as<int64_t>() = static_cast<int64_t>(number);
      break;
    case DType::float64:
      *tensor.as<double>() = static_cast<double>(number);
      break;
    case DType::float32:
      *tensor.as<float>() = static_cast<float>(number);
      break;
    default:
      return ops::cast_to(scalar(DType::float32, number), dtype);
  }
  return Value(std::move(tensor));
}

Value scalar_value(py::handle object, std::optional<DType> like) {
  if (PyBool_Check(object.ptr())) return scalar(DType::boolean, static_cast<int>(object.ptr() == Py_True));
  if (PyFloat_Check(object.ptr())) {
    return scalar(like && is_floating(*like) ? *like : default_float(), PyFloat_AS_DOUBLE(object.ptr()));
  }
  const int64_t number = to_int64(object);
  if (like && *like != DType::boolean && *like >= DType::int32) return scalar(*like, number);
  const bool narrow = number >= INT32_MIN && number <= INT32_MAX;
  return scalar(narrow ? DType::int32 : DType::int64, number);
}

}  // namespace

const PyTensor* find_tensor(py::handle object) {
  if (is_plain_tensor(object)) return held_tensor(object);
  return py::isinstance<PyTensor>(object) ? &object.cast<const PyTensor&>() : nullptr;
}

// pybind11 would list the object in a table by its address, where nobody looks for it.
py::handle new_tensor(Value value) {
  PyTypeObject* const type = tensor_type().type;
  PyObject* const self = type->tp_alloc(type, 0);
  if (!self) throw py::error_already_set();
  auto* instance = reinterpret_cast<py::detail::instance*>(self);
  instance->simple_layout = true;
  instance->owned = true;
  instance->simple_value_holder[0] = new PyTensor{std::move(value)};
  return self;
}

void delete_tensor(PyObject* self) {
  PyTypeObject* const type = Py_TYPE(self);
  auto* instance = reinterpret_cast<py::detail::instance*>(self);
  delete static_cast<PyTensor*>(instance->simple_value_holder[0]);
  if (instance->weakrefs) PyObject_ClearWeakRefs(self);
  type->tp_free(self);
  Py_DECREF(type);
}

DType& default_float() {
  static DType dtype = DType::float32;
  return dtype;
}

bool is_python_scalar(py::handle object) { return PyFloat_Check(object.ptr()) || PyLong_Check(object.ptr()); }

DType dtype_from_name(const std::string& name) {
  for (int i = 0; i < kDTypeCount; ++i) {
    if (name == dtype_name(static_cast<DType>(i))) return static_cast<DType>(i);
  }
  value_error("Unknown dtype: '", name,
              "'. Expected one of: bool, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64.");
}

Value to_value(py::handle object, std::optional<DType> like) {
  if (object.is_none()) return {};
  if (is_python_scalar(object)) return scalar_value(object, like);  // quick to see: before the types of pybind11
  if (const PyTensor* tensor = find_tensor(object)) return tensor->value;
  if (py::isinstance<Variable>(object)) return object.cast<Variable&>().read();
  const bool foreign = py::isinstance<py::array>(object);
  if (!foreign && !py::isinstance<py::list>(object) && !py::isinstance<py::tuple>(object)) {
    if (const std::optional<Value> value = from_gpu_array(object)) {
      if (!Recording::active() && !Trace::current()) return *value;
      return Value(value->tensor().clone(value->tensor().device()));
    }
  }
  const py::array array = as_array(object);
  // A list of Python floats follows floatx, as a single one does.
  if (!foreign && dtype_of(array) == DType::float64 &&
      (py::isinstance<py::list>(object) || py::isinstance<py::tuple>(object))) {
    return ops::cast_to(Value(copy(array)), default_float());
  }
  // What is remembered for later must not change under our hands.
  if (Recording::active() || Trace::current()) return Value(copy(array));
  Value value(borrow(array));
  value.node()->shared_memory = true;
  return value;
}

std::pair<Value, Value> to_operands(py::handle a, py::handle b) {
  const bool scalar_a = is_python_scalar(a), scalar_b = is_python_scalar(b);
  if (scalar_a && !scalar_b) {
    const Value right = to_value(b);
    return {to_value(a, right.dtype()), right};
  }
  const Value left = to_value(a);
  return {left, to_value(b, scalar_b && !scalar_a ? std::optional<DType>(left.dtype()) : std::nullopt)};
}

Value apply_operands(BinaryOp op, py::handle a, py::handle b) {
  const PyTensor* const left = is_plain_tensor(a) ? held_tensor(a) : nullptr;
  const PyTensor* const right = is_plain_tensor(b) ? held_tensor(b) : nullptr;
  if (left && right) return op(left->value, right->value);
  const auto [x1, x2] = to_operands(a, b);
  return op(x1, x2);
}

Value copy_to_value(py::handle object, std::optional<DType> dtype) {
  Value value = to_value(object, dtype);
  if (!value) type_error("Expected an array, a tensor or a number. Received: None");
  if (dtype && value.dtype() != *dtype) return ops::cast_to(value, *dtype);
  if (value.symbolic() || !value.node()->shared_memory) return value;
  return Value(value.tensor().clone(value.tensor().device()));
}

py::array to_numpy(const Value& value) {
  if (value.dtype() == DType::bfloat16) return to_numpy(ops::cast_to(value, DType::float32));
  const Tensor tensor = value.tensor().to({});
  std::vector<py::ssize_t> shape(tensor.shape().begin(), tensor.shape().end());
  const bool shared = value.node()->shared_memory && tensor.storage == value.tensor().storage;
  if (shared) return py::array(numpy_dtype(tensor.dtype()), shape, tensor.data());
  auto* held = new std::shared_ptr<Storage>(tensor.storage);
  const py::capsule owner(held, [](void* storage) { delete static_cast<std::shared_ptr<Storage>*>(storage); });
  py::array array(numpy_dtype(tensor.dtype()), shape, tensor.data(), owner);
  array.attr("flags").attr("writeable") = false;
  return array;
}

py::array contiguous_array(py::handle object, DType dtype, const std::string& what) {
  if (const PyTensor* tensor = find_tensor(object)) return contiguous_array(to_numpy(tensor->value), dtype, what);
  if (!py::isinstance<py::array>(object)) type_error(what, ": expected a NumPy array.");
  auto array = py::reinterpret_borrow<py::array>(object);
  const bool exact = array.dtype().kind() == numpy_dtype(dtype).kind() &&
                     array.itemsize() == static_cast<py::ssize_t>(dtype_size(dtype));
  if (!exact || dtype == DType::bfloat16) {
    type_error(what, ": expected dtype ", dtype_name(dtype), ", received ", py::str(array.dtype()).cast<std::string>(),
               ".");
  }
  if (!(array.flags() & py::array::c_style)) value_error(what, ": expected a C-contiguous array.");
  return array;
}

Shape to_shape(py::handle object) {
  if (py::isinstance<py::int_>(object)) return Shape{to_int64(object)};
  Shape shape;
  for (py::handle dim : object) shape.push_back(to_int64(dim));
  return shape;
}

py::tuple from_shape(const Shape& shape) {
  py::tuple dims(shape.rank());
  for (int i = 0; i < shape.rank(); ++i) dims[i] = shape[i];
  return dims;
}

}  // namespace pyneural

pybind11::handle pybind11::detail::type_caster<pyneural::Value>::cast(pyneural::Value value, return_value_policy,
                                                                      handle) {
  return value ? pyneural::new_tensor(std::move(value)) : pybind11::none().release();
}
