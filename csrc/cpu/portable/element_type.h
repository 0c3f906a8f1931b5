// Calls a generic function with the element type that a dtype names.
#pragma once

#include "core/kernel.h"

namespace pyneural::cpu::portable {

// fn(T{}) with the element type of a tensor; float16 and bfloat16, which have no arithmetic, never get here.
template <class Fn>
void with_element(DType dtype, const Fn& fn) {
  switch (dtype) {
    case DType::boolean:
    case DType::uint8:
      return fn(uint8_t{});
    case DType::int8:
      return fn(int8_t{});
    case DType::int16:
      return fn(int16_t{});
    case DType::int32:
      return fn(int32_t{});
    case DType::int64:
      return fn(int64_t{});
    case DType::float32:
      return fn(float{});
    default:
      return fn(double{});
  }
}

}  // namespace pyneural::cpu::portable
