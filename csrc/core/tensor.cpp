#include "core/tensor.h"

#include <cstdlib>

#include "core/error.h"

namespace pyneural {

namespace {
constexpr size_t kMaxBytes = size_t{1} << 62;  // so that rounding up cannot overflow
constexpr size_t kAlignment = 64;              // a cache line, and the width of an AVX-512 register
}  // namespace

std::shared_ptr<Storage> Storage::allocate(size_t bytes, Device device) {
  std::shared_ptr<Storage> storage(new Storage);
  // Whole cache lines, and never an empty block: vector tails may then be read in full lines.
  if (bytes > kMaxBytes) throw OutOfMemory(bytes);
  const size_t padded = (bytes + kAlignment) / kAlignment * kAlignment;
  storage->data_ = std::aligned_alloc(kAlignment, padded);
  if (!storage->data_) throw OutOfMemory(bytes);
  storage->bytes_ = bytes;
  storage->device_ = device;
  return storage;
}

std::shared_ptr<Storage> Storage::borrow(void* data, size_t bytes, std::shared_ptr<void> owner) {
  std::shared_ptr<Storage> storage(new Storage);
  storage->data_ = data;
  storage->bytes_ = bytes;
  storage->owner_ = std::move(owner);
  return storage;
}

Storage::~Storage() {
  if (!owner_) std::free(data_);
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
