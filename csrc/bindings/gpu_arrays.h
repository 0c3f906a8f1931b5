// Arrays of other libraries in the memory of a GPU, and ours for them: DLPack and __cuda_array_interface__. Nothing is
// copied through the CPU.
#pragma once

#include <optional>

#include "bindings/bind.h"

namespace pyneural {

// The array that a foreign object holds in the memory of a GPU, shared with it; nothing if it holds none. Throws
// ValueError if it is not contiguous, TypeError for a dtype that we do not have.
std::optional<Value> from_gpu_array(py::handle object);

// A capsule with a tensor that lies on a GPU (dmlc.github.io/dlpack, versions 0.8 and 1.0); waits until it is computed.
py::object gpu_dlpack(const Value& value, const py::dict& options);

// numba.readthedocs.io, "CUDA Array Interface (Version 3)".
py::dict cuda_array_interface(const Value& value);

}  // namespace pyneural
