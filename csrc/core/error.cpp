#include "core/error.h"

#include <cstdio>

namespace pyneural {

OutOfMemory::OutOfMemory(size_t bytes) {
  std::snprintf(text_, sizeof(text_), "Out of memory: %.1f MB could not be allocated.",
                static_cast<double>(bytes) / 1e6);
}

}  // namespace pyneural
