// What a kernel sees: raw pointers, sizes and a parameter block. Plain data only, no std:: (see docs/architecture.md,
// "Dispatch").
#pragma once

#include "core/dtype.h"

namespace pyneural {

constexpr int kMaxRank = 8;

// A contiguous, row-major array; 64-byte aligned unless it is borrowed from NumPy. An optional operand that was left
// out has data == nullptr.
struct View {
  void* data;
  int64_t size;  // number of elements
  int64_t dims[kMaxRank];
  int32_t rank;
  DType dtype;

  template <class T>
  PN_MEMBER T* as() const {
    return static_cast<T*>(data);
  }
  PN_MEMBER int64_t dim(int axis) const { return dims[axis < 0 ? axis + rank : axis]; }
};

// Why a kernel gave up. The executor turns it into an exception that names the op.
enum class Status : int32_t { ok, not_finite, index_out_of_range };

struct RunState {
  Status status = Status::ok;
  int64_t value = 0;     // the offending index, where there is one
  int64_t limit = 0;     // the bound it violates
  int64_t position = 0;  // where in the operand it stands
  int32_t step = 0;      // of the plan, where kernels run long after they were started
};

struct KernelArgs {
  const View* in;
  const View* out;
  int32_t num_in;
  int32_t num_out;
  const void* params;      // the op's parameter struct
  void* workspace;         // workspace bytes asked for by the kernel's entry, 64-byte aligned
  RunState* state;         // on a GPU in its memory
  void* stream = nullptr;  // GPU: where to launch
  int32_t step = 0;        // GPU: what to name in `state`

  template <class P>
  PN_MEMBER const P& param() const {
    return *static_cast<const P*>(params);
  }
};

using KernelFn = void (*)(const KernelArgs&);
// Bytes of workspace, from shapes and parameters alone (data pointers are not set).
using WorkspaceFn = size_t (*)(const KernelArgs&);

struct KernelEntry {
  const char* op;  // nullptr ends a table
  KernelFn run;
  WorkspaceFn workspace;  // may be nullptr
};

}  // namespace pyneural

// A kernel file csrc/cpu/<name>.cpp is compiled once per SIMD level, each time into the namespace PN_SIMD_NAMESPACE,
// and ends with PN_KERNELS(<name>, {"op", run}, ...). The table is constant data: nothing of a level runs before it is
// chosen. CUDA kernels, cuda/<name>.cu, end alike.
#define PN_KERNELS(name, ...)                            \
  extern const ::pyneural::KernelEntry name##_kernels[]; \
  const ::pyneural::KernelEntry name##_kernels[] = {__VA_ARGS__, {nullptr, nullptr, nullptr}};
