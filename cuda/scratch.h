// Cuts a kernel's workspace into arrays. The same code without memory measures how many bytes are needed.
#pragma once

#include <cstddef>

#include "cuda/kernel.h"

namespace pyneural::cuda {

class Scratch {
 public:
  Scratch() = default;  // measures
  explicit Scratch(void* base) : base_(static_cast<char*>(base)), measures_(false) {}

  template <class T>
  T* take(int64_t count) {
    constexpr size_t kAlignment = 64;
    const size_t at = used_;
    used_ += (static_cast<size_t>(count) * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
    return measures_ ? nullptr : reinterpret_cast<T*>(base_ + at);
  }
  bool measures() const { return measures_; }
  size_t used() const { return used_; }

 private:
  char* base_ = nullptr;
  bool measures_ = true;
  size_t used_ = 0;
};

// The two entries of a kernel that takes its workspace from a Scratch. Where that measures, it launches nothing.
template <void (*kernel)(const KernelArgs&, Scratch&)>
void run_with_scratch(const KernelArgs& args) {
  Scratch scratch(args.workspace);
  kernel(args, scratch);
}
template <void (*kernel)(const KernelArgs&, Scratch&)>
size_t scratch_bytes(const KernelArgs& args) {
  Scratch scratch;
  kernel(args, scratch);
  return scratch.used();
}

}  // namespace pyneural::cuda
