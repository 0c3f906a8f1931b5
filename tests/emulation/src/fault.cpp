#include "fault.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "arena.h"
#include "runner.h"

namespace emulation {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
struct sigaction previous_actions[65];

void print(const char* text) {
  if (write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

void handle_signal(int number, siginfo_t* info, void* context) {
  SignalRecord record;
  record.number = number;
  record.address = number == SIGSEGV || number == SIGBUS ? info->si_addr : nullptr;
#if defined(__x86_64__)
  const auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  record.pc = reinterpret_cast<const char*>(registers[REG_RIP]) + 1;  // describe_code looks one byte back
  constexpr greg_t kWriteAccess = 2;                                  // of a page fault's error code
  record.write = registers[REG_ERR] & kWriteAccess;
#endif
  if (number == SIGSEGV && address_space.is_device(record.address) && open_allocation(record.address)) return;
  if (Runner* runner = Runner::current()) {
    runner->fault_from_signal(record, context);
    return;
  }
  if (record.address && address_space.is_device(record.address)) host_touched(record.address, "accesses memory");
  // Not ours: whoever was here before gets it when the instruction runs again.
  sigaction(number, &previous_actions[number], nullptr);
}

// The signal stack of a thread, for faults that leave no room on its own.
class SignalStack {
 public:
  SignalStack() {
    stack_t current{};
    sigaltstack(nullptr, &current);
    if (!(current.ss_flags & SS_DISABLE)) return;  // somebody else's serves as well
    memory_.reset(new char[kBytes]);
    stack_t stack{};
    stack.ss_sp = memory_.get();
    stack.ss_size = kBytes;
    sigaltstack(&stack, nullptr);
  }
  ~SignalStack() {
    if (!memory_) return;
    stack_t stack{};
    stack.ss_flags = SS_DISABLE;
    sigaltstack(&stack, nullptr);
  }

 private:
  static constexpr size_t kBytes = 64 << 10;
  std::unique_ptr<char[]> memory_;
};

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
  return status == 0 ? text.get() : name;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// Function and place of an address, from the symbols and line numbers of the program; empty without them.
struct CodePlace {
  std::string function, place;
};

CodePlace find_code(const void* address) {
  Dl_info info{};
  link_map* map = nullptr;
  CodePlace result;
  if (!dladdr1(address, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) || !map) return result;
  const auto offset =
      static_cast<unsigned long>(static_cast<const char*>(address) - reinterpret_cast<char*>(map->l_addr));
  const std::string file = *map->l_name ? map->l_name : "/proc/self/exe";
  char command[4096];
  // /proc/self is the child's own there
  char program[1024] = {};
  if (!*map->l_name && readlink("/proc/self/exe", program, sizeof(program) - 1) < 0) return result;
  std::snprintf(command, sizeof(command), "addr2line -Cfe '%s' 0x%lx 2>/dev/null", *program ? program : file.c_str(),
                offset);
  FILE* pipe = popen(command, "r");
  if (!pipe) return result;
  char line[2048];
  if (std::fgets(line, sizeof(line), pipe)) result.function = line;
  if (std::fgets(line, sizeof(line), pipe)) result.place = line;
  pclose(pipe);
  for (std::string* text : {&result.function, &result.place}) {
    while (!text->empty() && (text->back() == '\n' || text->back() == ' ')) text->pop_back();
    if (text->rfind("??", 0) == 0) text->clear();
  }
  if (const size_t extra = result.place.find(" (discriminator"); extra != std::string::npos) result.place.resize(extra);
  if (result.function.empty() && info.dli_sname) result.function = demangled(info.dli_sname);
  return result;
}

}  // namespace

void install_signal_handler() {
  static thread_local SignalStack stack;
  // Asked each time: Python's faulthandler, for one, may have taken the signals in between.
  struct sigaction now{};
  sigaction(SIGSEGV, nullptr, &now);
  if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == handle_signal) return;
  struct sigaction ours{};
  ours.sa_sigaction = handle_signal;
  // NODEFER: the handler may not return to where it was called, so the signal must not stay blocked.
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&ours.sa_mask);
  for (const int number : kSignals) sigaction(number, &ours, &previous_actions[number]);
}

void host_touched(const void* address, const char* access) {
  print("CUDA emulation: host code ");
  print(access);
  print(" of the device: ");
  print(describe_address(address).c_str());
  print("\n");
  std::abort();
}

std::string function_name(const void* function) {
  const std::string name = find_code(function).function;
  if (name.empty()) return "a kernel";
  // Without the parameters, and without what every name here begins with.
  const size_t end = name.find(
      '(', name.rfind("(anonymous namespace)") == std::string::npos ? 0 : name.rfind("(anonymous namespace)") + 21);
  return name.substr(0, end);
}

std::string describe_code(const void* pc) {
  // The recorded address is behind the call of a check: one byte back lies in the access itself.
  const CodePlace code = find_code(static_cast<const char*>(pc) - 1);
  return code.place.empty() ? "an unknown place (no line numbers)" : base_name(code.place);
}

std::string site_name(const char* file, int line) { return base_name(file) + ":" + std::to_string(line); }

bool is_program_memory(const void* address) {
  Dl_info info{};
  return dladdr(address, &info) != 0;
}

}  // namespace emulation
