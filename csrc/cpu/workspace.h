// Hands out a kernel's workspace piece by piece. The WorkspaceFn of a kernel takes the same pieces from nullptr and
// asks for used().
#pragma once

#include "core/kernel.h"

namespace pyneural::cpu::PN_SIMD_NAMESPACE {
namespace {

class Workspace {
 public:
  explicit Workspace(void* base) : base_(static_cast<char*>(base)) {}

  template <class T>
  T* take(int64_t count) {
    char* piece = base_ + used_;
    used_ += (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
    return reinterpret_cast<T*>(piece);
  }
  size_t used() const { return used_; }

 private:
  char* base_;
  size_t used_ = 0;
};

}  // namespace
}  // namespace pyneural::cpu::PN_SIMD_NAMESPACE
