#include "core/tensor.h"

#include "core/error.h"
#include "core/memory.h"

namespace pyneural {

namespace {
constexpr size_t kMaxBytes = size_t{1} << 62;  // so that rounding up cannot overflow
}  // namespace

std::shared_ptr<Storage> Storage::allocate(size_t bytes, Device device) {
  auto storage = std::make_shared<Storage>(Private{});
  if (bytes <= kMaxBytes) storage->data_ = allocate_block(bytes);
  if (!storage->data_) throw OutOfMemory(bytes);
  storage->bytes_ = bytes;
  storage->device_ = device;
  return storage;
}

std::shared_ptr<Storage> Storage::borrow(void* data, size_t bytes, std::shared_ptr<void> owner) {
  auto storage = std::make_shared<Storage>(Private{});
  storage->data_ = data;
  storage->bytes_ = bytes;
  storage->owner_ = std::move(owner);
  return storage;
}

Storage::~Storage() {
  if (!owner_) free_block(data_, bytes_);
}

Tensor Tensor::empty(const Spec& spec, Device device) { return {Storage::allocate(spec.bytes(), device), 0, spec}; }

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
