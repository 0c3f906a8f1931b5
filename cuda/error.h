// From CUDA's error codes to exceptions that say which op and which call failed.
#pragma once

#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

namespace pyneural::cuda {

struct CudaError : std::runtime_error {
  CudaError(cudaError_t error, const std::string& text) : std::runtime_error(text), code(error) {}
  cudaError_t code;
};

// The op that this thread is running, for the messages of errors. Scopes nest: the innermost one counts.
class OpScope {
 public:
  explicit OpScope(const char* op) : outer_(current()) { current() = op; }
  ~OpScope() { current() = outer_; }
  OpScope(const OpScope&) = delete;
  OpScope& operator=(const OpScope&) = delete;

  static const char*& current() {
    static thread_local const char* op = nullptr;
    return op;
  }

 private:
  const char* outer_;
};

// "conv2d: cudaMemcpyAsync: an illegal memory access was encountered (cudaErrorIllegalAddress)"
[[noreturn]] inline void throw_error(cudaError_t error, const std::string& call) {
  // The code was returned, so it is known: it must not be found again by whoever asks for the last error.
  static_cast<void>(cudaGetLastError());
  const char* op = OpScope::current();
  throw CudaError(error, (op ? std::string(op) + ": " : std::string()) + call + ": " + cudaGetErrorString(error) +
                             " (" + cudaGetErrorName(error) + ")");
}

inline void check(cudaError_t error, const char* call) {
  if (error != cudaSuccess) [[unlikely]] {
    throw_error(error, call);
  }
}

// For destructors, where nothing can be thrown: true if the call went well.
inline bool succeeded(cudaError_t error) {
  if (error == cudaSuccess) return true;
  static_cast<void>(cudaGetLastError());
  return false;
}

}  // namespace pyneural::cuda

// PN_CUDA(cudaStreamSynchronize(stream)); throws with the text of the call.
#define PN_CUDA(call) ::pyneural::cuda::check((call), #call)
