#include "core/cache_size.h"

#include <fstream>
#include <string>

namespace pyneural {

namespace {

constexpr int64_t kUsualBytes = int64_t{32} << 20;

// Not from sysconf: where several groups of cores have a cache each, it may count all of them.
int64_t ask_system() {
  const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index";
  int64_t largest = 0, size;
  for (int i = 0;; ++i) {  // "index0", "index1", ...: files such as "32768K"
    char unit = 0;
    std::ifstream file(folder + std::to_string(i) + "/size");
    if (!(file >> size >> unit)) break;
    const int64_t bytes = size << (unit == 'G' ? 30 : unit == 'M' ? 20 : 10);
    if (bytes > largest) largest = bytes;
  }
  return largest > 0 ? largest : kUsualBytes;
}

}  // namespace

int64_t last_cache_bytes() {
  static const int64_t bytes = ask_system();
  return bytes;
}

}  // namespace pyneural
