#include "bindings/gpu_arrays.h"

#include <cstring>

#include "bindings/convert.h"
#include "core/backend.h"
#include "graph/node.h"

namespace pyneural {

namespace {

// The structures of DLPack's header, as its documentation gives them.
constexpr int32_t kDLCuda = 2;
constexpr uint64_t kReadOnly = 1;
enum DLCode : uint8_t { kDLInt = 0, kDLUInt = 1, kDLFloat = 2, kDLBfloat = 4, kDLBool = 6 };

struct DLDevice {
  int32_t type, id;
};
struct DLDataType {
  uint8_t code, bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void* context;
  void (*deleter)(DLManagedTensor*);
};
struct DLManagedTensorVersioned {
  uint32_t major, minor;
  void* context;
  void (*deleter)(DLManagedTensorVersioned*);
  uint64_t flags;
  DLTensor tensor;
};

struct Entry {
  DType dtype;
  DLCode code;
  const char* typestr;
};
constexpr Entry kEntries[] = {
    {DType::boolean, kDLBool, "|b1"},  {DType::uint8, kDLUInt, "|u1"},      {DType::int8, kDLInt, "|i1"},
    {DType::int16, kDLInt, "<i2"},     {DType::int32, kDLInt, "<i4"},       {DType::int64, kDLInt, "<i8"},
    {DType::float16, kDLFloat, "<f2"}, {DType::bfloat16, kDLBfloat, "<V2"}, {DType::float32, kDLFloat, "<f4"},
    {DType::float64, kDLFloat, "<f8"},
};

const Entry& entry_of(DType dtype) {
  for (const Entry& entry : kEntries) {
    if (entry.dtype == dtype) return entry;
  }
  type_error("No array of dtype ", dtype_name(dtype), " can be handed to another library.");
}

DType dtype_of(const DLDataType& type) {
  for (const Entry& entry : kEntries) {
    if (entry.code == type.code && 8 * dtype_size(entry.dtype) == type.bits && type.lanes == 1) return entry.dtype;
  }
  type_error("An array of another library has DLPack type code ", int{type.code}, " with ", int{type.bits},
             " bits, which is not supported.");
}

// What a capsule of ours keeps alive.
template <class Managed>
struct Exported {
  Managed managed{};
  Tensor tensor;
  std::vector<int64_t> shape, strides;
};

template <class Managed>
py::object export_capsule(const Tensor& tensor, const char* name, void (*fill)(Managed&)) {
  auto* exported = new Exported<Managed>;
  exported->tensor = tensor;
  exported->shape.assign(tensor.shape().begin(), tensor.shape().end());
  exported->strides.resize(exported->shape.size());
  int64_t stride = 1;
  for (size_t i = exported->shape.size(); i-- > 0;) {
    exported->strides[i] = stride;
    stride *= exported->shape[i];
  }
  DLTensor& target = exported->managed.tensor;
  target.data = tensor.data();
  target.device = {kDLCuda, tensor.device().index};
  target.ndim = static_cast<int32_t>(exported->shape.size());
  target.dtype = {entry_of(tensor.dtype()).code, static_cast<uint8_t>(8 * dtype_size(tensor.dtype())), 1};
  target.shape = exported->shape.data();
  target.strides = exported->strides.data();
  exported->managed.context = exported;
  exported->managed.deleter = [](Managed* managed) { delete static_cast<Exported<Managed>*>(managed->context); };
  fill(exported->managed);
  // Whoever takes the tensor renames the capsule; one that nobody took frees it.
  PyObject* capsule = PyCapsule_New(&exported->managed, name, [](PyObject* object) {
    constexpr const char* kName = std::is_same_v<Managed, DLManagedTensor> ? "dltensor" : "dltensor_versioned";
    if (!PyCapsule_IsValid(object, kName)) return;
    auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(object, kName));
    managed->deleter(managed);
  });
  if (!capsule) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(capsule);
}

Shape contiguous_shape(const int64_t* dims, const int64_t* strides, int32_t rank) {
  Shape shape;
  int64_t stride = 1;
  for (int32_t i = rank; strides && i-- > 0;) {
    if (dims[i] != 1 && strides[i] != stride) {
      value_error("An array of another library on a GPU must be C-contiguous; make a contiguous copy of it there.");
    }
    stride *= dims[i];
  }
  for (int32_t i = 0; i < rank; ++i) shape.push_back(dims[i]);
  return shape;
}

template <class Managed>
Value import_managed(Managed* managed) {
  const std::shared_ptr<void> owner(managed, [](void* held) {
    auto* tensor = static_cast<Managed*>(held);
    if (!tensor->deleter) return;
    const py::gil_scoped_acquire lock;  // the deleter may free Python objects
    tensor->deleter(tensor);
  });
  const DLTensor& source = managed->tensor;
  const Spec spec{contiguous_shape(source.shape, source.strides, source.ndim), dtype_of(source.dtype)};
  const Device device{DeviceKind::cuda, source.device.id};
  auto storage = Storage::borrow(static_cast<char*>(source.data) + source.byte_offset, spec.bytes(), owner, device);
  return Value(Tensor{std::move(storage), 0, spec});
}

Value import_dlpack(py::handle object, int device) {
  const auto stream = reinterpret_cast<uintptr_t>(backend({DeviceKind::cuda, device}).stream());
  const py::object capsule = object.attr("__dlpack__")("stream"_a = stream);
  const char* name = PyCapsule_GetName(capsule.ptr());
  if (name && !std::strcmp(name, "dltensor_versioned")) {
    auto* managed = static_cast<DLManagedTensorVersioned*>(PyCapsule_GetPointer(capsule.ptr(), name));
    PyCapsule_SetName(capsule.ptr(), "used_dltensor_versioned");
    return import_managed(managed);
  }
  auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
  if (!managed) throw py::error_already_set();
  PyCapsule_SetName(capsule.ptr(), "used_dltensor");
  return import_managed(managed);
}

Value import_interface(py::handle object) {
  const py::dict interface = object.attr("__cuda_array_interface__");
  const auto typestr = interface["typestr"].cast<std::string>();
  const Entry* found = nullptr;
  for (const Entry& entry : kEntries) {
    if (typestr == entry.typestr) found = &entry;
  }
  if (!found) type_error("An array of another library has the type '", typestr, "', which is not supported.");
  const auto shape = interface["shape"].cast<std::vector<int64_t>>();
  std::vector<int64_t> strides;  // in elements
  if (interface.contains("strides") && !interface["strides"].is_none()) {
    strides = interface["strides"].cast<std::vector<int64_t>>();
    for (int64_t& stride : strides) stride /= static_cast<int64_t>(dtype_size(found->dtype));
  }
  const auto rank = static_cast<int32_t>(shape.size());
  const Spec spec{contiguous_shape(shape.data(), strides.empty() ? nullptr : strides.data(), rank), found->dtype};
  auto* data = reinterpret_cast<void*>(interface["data"].cast<py::tuple>()[0].cast<uintptr_t>());
  // Version 3: data may still be computed on that stream; without one they are there.
  const bool pending = interface.contains("stream") && !interface["stream"].is_none();
  const int device = spec.bytes() ? cuda_device_of(data) : 0;
  if (pending) backend({DeviceKind::cuda, device}).wait_for_stream(interface["stream"].cast<uintptr_t>());
  const std::shared_ptr<void> owner(new py::object(py::reinterpret_borrow<py::object>(object)), [](void* held) {
    const py::gil_scoped_acquire lock;
    delete static_cast<py::object*>(held);
  });
  return Value(Tensor{Storage::borrow(data, spec.bytes(), owner, {DeviceKind::cuda, device}), 0, spec});
}

}  // namespace

std::optional<Value> from_gpu_array(py::handle object) {
  std::optional<Value> value;
  if (py::hasattr(object, "__dlpack_device__")) {
    const auto place = object.attr("__dlpack_device__")().cast<std::pair<int, int>>();
    if (place.first == kDLCuda) value = import_dlpack(object, place.second);
  } else if (py::hasattr(object, "__cuda_array_interface__")) {
    value = import_interface(object);
  }
  // The other library may write into it.
  if (value) value->node()->shared_memory = true;
  return value;
}

py::object gpu_dlpack(const Value& value, const py::dict& options) {
  const Tensor& tensor = value.tensor();
  const bool waits =
      !options.contains("stream") || options["stream"].is_none() || options["stream"].cast<int64_t>() != -1;
  const bool versioned = options.contains("max_version") && !options["max_version"].is_none() &&
                         options["max_version"].cast<py::tuple>()[0].cast<int>() >= 1;
  // A tensor never changes: newer readers are told so, older ones get a copy.
  const Tensor given = versioned ? tensor : tensor.clone(tensor.device());
  if (waits) backend(tensor.device()).synchronize();
  if (!versioned) return export_capsule<DLManagedTensor>(given, "dltensor", [](DLManagedTensor&) {});
  return export_capsule<DLManagedTensorVersioned>(given, "dltensor_versioned", [](DLManagedTensorVersioned& managed) {
    managed.major = 1;
    managed.minor = 0;
    managed.flags = kReadOnly;
  });
}

py::dict cuda_array_interface(const Value& value) {
  const Tensor& tensor = value.tensor();
  const auto stream = reinterpret_cast<uintptr_t>(backend(tensor.device()).stream());
  const bool read_only = true;
  return py::dict("shape"_a = from_shape(tensor.shape()), "typestr"_a = entry_of(tensor.dtype()).typestr,
                  "data"_a = py::make_tuple(reinterpret_cast<uintptr_t>(tensor.data()), read_only),
                  "strides"_a = py::none(), "stream"_a = stream, "version"_a = 3);
}

}  // namespace pyneural
