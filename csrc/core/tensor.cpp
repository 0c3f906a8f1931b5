#include "core/tensor.h"

#include <cstring>

#include "core/backend.h"
#include "core/error.h"
#include "core/memory.h"

namespace pyneural {

namespace {
constexpr size_t kMaxBytes = size_t{1} << 62;  // so that rounding up cannot overflow
}  // namespace

std::shared_ptr<Storage> Storage::allocate(size_t bytes, Device device) {
  auto storage = std::make_shared<Storage>(Private{});
  if (bytes <= kMaxBytes) storage->data_ = device.is_cpu() ? allocate_block(bytes) : backend(device).allocate(bytes);
  if (!storage->data_) throw OutOfMemory(bytes);
  storage->bytes_ = bytes;
  storage->device_ = device;
  return storage;
}

std::shared_ptr<Storage> Storage::borrow(void* data, size_t bytes, std::shared_ptr<void> owner, Device device) {
  auto storage = std::make_shared<Storage>(Private{});
  storage->data_ = data;
  storage->bytes_ = bytes;
  storage->owner_ = std::move(owner);
  storage->device_ = device;
  return storage;
}

Storage::~Storage() {
  if (owner_ || !data_) return;
  if (device_.is_cpu()) {
    free_block(data_, bytes_);
  } else {
    backend(device_).release(data_);
  }
}

Tensor Tensor::empty(const Spec& spec, Device device) { return {Storage::allocate(spec.bytes(), device), 0, spec}; }

Tensor Tensor::to(Device device) const { return !storage || this->device() == device ? *this : clone(device); }

Tensor Tensor::clone(Device device) const {
  Tensor copy = empty(spec, device);
  copy_bytes(copy.data(), device, data(), this->device(), spec.bytes());
  return copy;
}

void copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes) {
  if (bytes == 0) return;
  if (to_device.is_cpu() && from_device.is_cpu()) {
    std::memmove(to, from, bytes);
  } else if (to_device.is_cpu()) {
    backend(from_device).download(to, from, bytes);
  } else if (from_device.is_cpu()) {
    backend(to_device).upload(to, from, bytes);
  } else if (to_device == from_device) {
    backend(to_device).copy(to, from, bytes);
  } else {
    // By way of the CPU: machines differ in whether two GPUs may see each other's memory.
    const auto between = Storage::allocate(bytes);
    backend(from_device).download(between->data(), from, bytes);
    backend(to_device).upload(to, between->data(), bytes);
  }
}

void zero_bytes(void* to, Device device, size_t bytes) {
  if (bytes == 0) return;
  if (device.is_cpu()) {
    std::memset(to, 0, bytes);
  } else {
    backend(device).zero(to, bytes);
  }
}

View make_view(const Spec& spec, void* data) {
  View view{};
  view.data = data;
  view.size = spec.shape.size();
  view.rank = spec.shape.rank();
  view.dtype = spec.dtype;
  for (int i = 0; i < view.rank; ++i) view.dims[i] = spec.shape[i];
  return view;
}

}  // namespace pyneural
