// The one way to launch a kernel. No source below cuda/ uses <<<>>>, so that all of them are also plain C++
// (tests/emulation), and no launch can go unchecked.
#pragma once

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <type_traits>

#include "cuda/error.h"

#if defined(PYNEURAL_CUDA_EMULATE)
#include "emulation/launch.h"
#endif

namespace pyneural::cuda {

// The readable name of a kernel: "pyneural::cuda::softmax_kernel<float>".
inline std::string kernel_name(const void* kernel) {
  const char* mangled = nullptr;
  if (!succeeded(cudaFuncGetName(&mangled, kernel)) || !mangled) return "kernel";
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(mangled, nullptr, nullptr, &status), std::free);
  return status == 0 ? name.get() : mangled;
}

// Arguments convert to the kernel's parameter types, as in a call. What is wrong with the launch itself (too many
// threads, too much shared memory) is thrown here; what goes wrong in the kernel surfaces at a later call.
template <class... Parameters>
void launch(void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
            std::type_identity_t<Parameters>... arguments) {
#if defined(PYNEURAL_CUDA_EMULATE)
  emulation::launch(kernel, grid, block, shared_bytes, stream, arguments...);
#else
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  static_cast<void>(cudaLaunchKernelEx(&config, kernel, arguments...));  // its code is the last error, too
#endif
  const cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) [[unlikely]] {
    throw_error(error, "launch of " + kernel_name(reinterpret_cast<const void*>(kernel)));
  }
}

}  // namespace pyneural::cuda
