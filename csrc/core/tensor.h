// Tensor: a typed, shaped window on a shared block of memory. Contiguous and row-major.
#pragma once

#include <memory>

#include "core/device.h"
#include "core/shape.h"

namespace pyneural {

// Shape and dtype without data.
struct Spec {
  Shape shape;
  DType dtype = DType::float32;

  size_t bytes() const { return static_cast<size_t>(shape.size()) * dtype_size(dtype); }
  bool operator==(const Spec& other) const { return dtype == other.dtype && shape == other.shape; }
};

// A block of device memory. Owns it, or keeps its owner (a NumPy array, say) alive.
class Storage {
  struct Private {};

 public:
  static std::shared_ptr<Storage> allocate(size_t bytes, Device device = {});  // 64-byte aligned; throws OutOfMemory
  static std::shared_ptr<Storage> borrow(void* data, size_t bytes, std::shared_ptr<void> owner, Device device = {});
  explicit Storage(Private) {}
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
  Device device_;
  std::shared_ptr<void> owner_;
};

struct Tensor {
  std::shared_ptr<Storage> storage;
  size_t offset = 0;  // bytes
  Spec spec;

  static Tensor empty(const Spec& spec, Device device = {});
  Device device() const { return storage ? storage->device() : Device{}; }
  Tensor to(Device device) const;     // itself if it is there
  Tensor clone(Device device) const;  // a copy with memory of its own
  void* data() const { return storage ? static_cast<char*>(storage->data()) + offset : nullptr; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data());
  }
  const Shape& shape() const { return spec.shape; }
  DType dtype() const { return spec.dtype; }
  explicit operator bool() const { return storage != nullptr; }
};

// Copies between any two places; waits where the target is the CPU.
void copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes);
void zero_bytes(void* to, Device device, size_t bytes);

View make_view(const Spec& spec, void* data);

}  // namespace pyneural
