#include "core/error.h"

#include <cstdio>

namespace pyneural {

namespace {
double megabytes(size_t bytes) { return static_cast<double>(bytes) / 1e6; }
}  // namespace

OutOfMemory::OutOfMemory(size_t bytes) {
  std::snprintf(text_, sizeof(text_), "Out of memory: %.1f MB could not be allocated.", megabytes(bytes));
}

OutOfMemory::OutOfMemory(size_t bytes, const std::string& device, size_t free, size_t total) {
  std::snprintf(text_, sizeof(text_), "Out of memory on %s: %.1f MB could not be allocated, %.1f of %.1f MB are free.",
                device.c_str(), megabytes(bytes), megabytes(free), megabytes(total));
}

}  // namespace pyneural
