// A case is a function; the program runs the one named on its command line, or lists them all.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "cuda/error.h"

namespace test {

struct Case {
  const char* name;
  void (*run)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> list;
  return list;
}

struct Register {
  Register(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

template <class A, class B>
void expect_equal(const A& got, const B& expected, const std::string& what) {
  if (got == static_cast<A>(expected)) return;
  std::ostringstream text;
  text << what << ": expected " << expected << ", got " << got;
  throw std::runtime_error(text.str());
}

inline void expect(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what + " does not hold");
}

// A device array that is freed with its scope.
template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t size) : size_(size) { PN_CUDA(cudaMalloc(&data_, size * sizeof(T))); }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    PN_CUDA(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~DeviceArray() { pyneural::cuda::succeeded(cudaFree(data_)); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() const { return data_; }
  operator T*() const { return data_; }
  size_t size() const { return size_; }
  std::vector<T> values() const {
    std::vector<T> result(size_);
    PN_CUDA(cudaMemcpy(result.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost));
    return result;
  }

 private:
  T* data_ = nullptr;
  size_t size_;
};

// 0, 1, ... limit - 1, 0, ...: products and sums of such numbers are exact.
template <class T>
std::vector<T> counting(size_t size, int limit, int step = 1) {
  std::vector<T> result(size);
  for (size_t i = 0; i < size; ++i) result[i] = static_cast<T>(static_cast<int>(i * step % limit) - limit / 2);
  return result;
}

}  // namespace test

#define CASE(name)                                  \
  void name();                                      \
  const ::test::Register name##_entry(#name, name); \
  void name()
