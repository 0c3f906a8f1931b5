// Shared memory. A variable is known by the address of a static object of its own: one per function, template
// instantiations included.
#pragma once

#include <cstddef>

namespace emulation {

// The block's memory for that variable, between red zones; filled with NaN when a block first asks for it.
void* shared_variable(const void* key, const char* name, size_t bytes);
void* dynamic_shared();

template <class T>
using SharedType = T;

}  // namespace emulation

#define EMULATION_SHARED(name, ...)                                 \
  static constexpr char name##_key = 0;                             \
  auto& name = *static_cast<::emulation::SharedType<__VA_ARGS__>*>( \
      ::emulation::shared_variable(&name##_key, #name, sizeof(::emulation::SharedType<__VA_ARGS__>)))
