// Faults: how a kernel's misdeed leaves its fiber, and the signals by which the processor reports some of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace emulation {

// A signal that interrupted a kernel.
struct SignalRecord {
  int number = 0;
  const void* address = nullptr;
  const void* pc = nullptr;
  bool write = false;
};

// Makes sure that our handler gets the signals, and that this OS thread has a stack for it.
void install_signal_handler();

// The host accesses device memory: prints and ends the process, since nothing can be thrown from there.
[[noreturn]] void host_touched(const void* address, const char* access);

// "softmax_kernel<float> at softmax.cu:41", by addr2line where there is one; slow, only for messages.
std::string describe_code(const void* pc);
// The name of the function that starts there.
std::string function_name(const void* function);

// Thread-local variables lie around the thread pointer, below it on x86-64 and above it on AArch64.
inline bool is_thread_local(const void* address) {
  constexpr ptrdiff_t kNear = 64 << 10;
  const ptrdiff_t gap = static_cast<const char*>(address) - static_cast<const char*>(__builtin_thread_pointer());
  return gap > -kNear && gap < kNear;
}

// Constants and tables of the program itself.
bool is_program_memory(const void* address);

// "file.cu:41" without the folders.
std::string site_name(const char* file, int line);

}  // namespace emulation
