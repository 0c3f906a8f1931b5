#include "fiber.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <cstdint>
#include <cstring>
#include <new>

// Every processor but x86-64 takes the portable way, at the price of two system calls per switch; it can be asked for,
// so that it is tested too.
#if !defined(__x86_64__) || defined(PYNEURAL_EMULATION_UCONTEXT)
#define EMULATION_UCONTEXT 1
#else

// The System V calling convention lets a function keep six registers; they and the return address are all that a
// switch at a call has to save. The rounding modes are left alone: kernels do not change them.
asm(R"(
    .text
    .p2align 4
    .hidden emulation_switch_context
    .globl emulation_switch_context
    .type emulation_switch_context, @function
emulation_switch_context:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size emulation_switch_context, .-emulation_switch_context

    .hidden emulation_resume_context
    .globl emulation_resume_context
    .type emulation_resume_context, @function
emulation_resume_context:
    movq %rdi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size emulation_resume_context, .-emulation_resume_context
)");

extern "C" void emulation_switch_context(void** from, void* to);
extern "C" void emulation_resume_context();

#endif

namespace emulation {

#if defined(EMULATION_UCONTEXT)

namespace {

ucontext_t* ucontext(Context& context) {
  if (!context.state) context.state = new ucontext_t;
  return static_cast<ucontext_t*>(context.state);
}

}  // namespace

Context::~Context() { delete static_cast<ucontext_t*>(state); }

void make_context(Context& context, char* stack, size_t bytes, void (*entry)()) {
  ucontext_t* state = ucontext(context);
  getcontext(state);
  state->uc_stack.ss_sp = stack;
  state->uc_stack.ss_size = bytes;
  state->uc_link = nullptr;
  makecontext(state, entry, 0);
}

void switch_context(Context& from, Context& to) { swapcontext(ucontext(from), ucontext(to)); }

void resume_from_signal(void*, Context& to) { setcontext(ucontext(to)); }

#else

Context::~Context() = default;

void make_context(Context& context, char* stack, size_t bytes, void (*entry)()) {
  constexpr int kSavedRegisters = 6;
  void** top = reinterpret_cast<void**>(reinterpret_cast<uintptr_t>(stack + bytes) & ~uintptr_t{15});
  *--top = nullptr;  // where a call would have left its return address: `entry` finds the stack aligned as usual
  *--top = reinterpret_cast<void*>(entry);
  top -= kSavedRegisters;
  std::memset(top, 0, kSavedRegisters * sizeof(void*));
  context.state = top;
}

void switch_context(Context& from, Context& to) { emulation_switch_context(&from.state, to.state); }

void resume_from_signal(void* signal_context, Context& to) {
  auto& registers = static_cast<ucontext_t*>(signal_context)->uc_mcontext.gregs;
  registers[REG_RDI] = reinterpret_cast<greg_t>(to.state);
  registers[REG_RIP] = reinterpret_cast<greg_t>(&emulation_resume_context);
}

#endif

// Stacks that all end at the same offset within a page would put the hot lines of all fibers into the same few sets of
// the caches; `colour` spreads them.
Stack::Stack(size_t bytes, size_t colour) {
  constexpr size_t kColours = 61, kColourBytes = 64;
  mapped_ = (bytes + 4095) / 4096 * 4096 + kColours * kColourBytes / 4096 * 4096 + 4096;
  void* mapping =
      mmap(nullptr, kGuardBytes + mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  mapping_ = static_cast<char*>(mapping);
  mprotect(mapping_, kGuardBytes, PROT_NONE);
  bytes_ = mapped_ - colour % kColours * kColourBytes;
}

Stack::~Stack() { munmap(mapping_, kGuardBytes + mapped_); }

}  // namespace emulation
