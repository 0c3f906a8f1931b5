// A kernel launch with its arguments packed up, so that it can wait for its turn.
#pragma once

#include <memory>
#include <tuple>
#include <type_traits>

#include "emulation/runtime_api.h"

namespace emulation {

struct Kernel {
  const void* function = nullptr;   // its address, which names it
  void (*call)(void*) = nullptr;    // runs it once with these arguments:
  std::shared_ptr<void> arguments;  // a copy: the caller's may change as soon as the launch is made
  size_t argument_bytes = 0;
  dim3 grid, block;
  size_t shared_bytes = 0;
};

// What is wrong with the launch becomes the last error, as on a device.
void launch_packed(Kernel kernel, cudaStream_t stream);

template <class... Parameters>
void launch(void (*function)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, cudaStream_t stream,
            std::type_identity_t<Parameters>... arguments) {
  using Pack = std::tuple<void (*)(Parameters...), std::remove_const_t<Parameters>...>;
  Kernel kernel;
  kernel.function = reinterpret_cast<const void*>(function);
  kernel.call = [](void* pack) {
    std::apply([](auto run, const auto&... values) { run(values...); }, *static_cast<const Pack*>(pack));
  };
  kernel.arguments = std::make_shared<Pack>(function, arguments...);
  kernel.argument_bytes = sizeof(Pack);
  kernel.grid = grid;
  kernel.block = block;
  kernel.shared_bytes = shared_bytes;
  launch_packed(std::move(kernel), stream);
}

}  // namespace emulation
