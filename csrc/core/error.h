// Exceptions of the engine. bindings/ maps them to Python's ValueError, TypeError, IndexError, MemoryError.
#pragma once

#include <new>
#include <sstream>
#include <stdexcept>
#include <string>

namespace pyneural {

struct TypeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The loss or a gradient is NaN or infinite (a guard in a plan).
struct NotFiniteError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The user wants a run to stop; Python's exception is already set.
struct Interrupted : std::runtime_error {
  Interrupted() : std::runtime_error("interrupted") {}
};

// Python's MemoryError, with how much was asked for, and of a GPU also how much it has.
class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(size_t bytes);
  OutOfMemory(size_t bytes, const std::string& device, size_t free, size_t total);
  const char* what() const noexcept override { return text_; }

 private:
  char text_[160];
};

template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn]] void value_error(const Parts&... parts) {
  throw std::invalid_argument(concat(parts...));
}

template <class... Parts>
[[noreturn]] void type_error(const Parts&... parts) {
  throw TypeError(concat(parts...));
}

template <class... Parts>
[[noreturn]] void index_error(const Parts&... parts) {
  throw std::out_of_range(concat(parts...));
}

}  // namespace pyneural
