// The calls that -fsanitize=thread,alignment,bounds puts into instrumented kernels, answered by our own checks instead
// of the compilers' run-time libraries (as the Linux kernel does for its race detector). Both GCC and Clang use these
// names.
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "checks.h"
#include "runner.h"

using namespace emulation;

#define RETURN_ADDRESS __builtin_return_address(0)
#define CHECK(kind, address, bytes) \
  if (Runner* runner = checked_runner) check_##kind(*runner, address, bytes, RETURN_ADDRESS)

extern "C" {

void __tsan_init() { checks_enabled = true; }
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

#define ACCESS_HOOKS(bytes)                                                                 \
  void __tsan_read##bytes(const void* address) { CHECK(read, address, bytes); }             \
  void __tsan_write##bytes(const void* address) { CHECK(write, address, bytes); }           \
  void __tsan_unaligned_read##bytes(const void* address) { CHECK(read, address, bytes); }   \
  void __tsan_unaligned_write##bytes(const void* address) { CHECK(write, address, bytes); } \
  void __tsan_volatile_read##bytes(const void* address) { CHECK(read, address, bytes); }    \
  void __tsan_volatile_write##bytes(const void* address) { CHECK(write, address, bytes); }  \
  void __tsan_read_write##bytes(const void* address) {                                      \
    CHECK(read, address, bytes);                                                            \
    CHECK(write, address, bytes);                                                           \
  }                                                                                         \
  void __tsan_unaligned_read_write##bytes(const void* address) {                            \
    CHECK(read, address, bytes);                                                            \
    CHECK(write, address, bytes);                                                           \
  }
ACCESS_HOOKS(1)
ACCESS_HOOKS(2)
ACCESS_HOOKS(4)
ACCESS_HOOKS(8)
ACCESS_HOOKS(16)

void __tsan_read_range(const void* address, size_t bytes) { CHECK(read, address, bytes); }
void __tsan_write_range(const void* address, size_t bytes) { CHECK(write, address, bytes); }

// Clang turns copies of structs into calls of these.
void* __tsan_memcpy(void* target, const void* source, size_t bytes) {
  CHECK(read, source, bytes);
  CHECK(write, target, bytes);
  return __builtin_memcpy(target, source, bytes);
}
void* __tsan_memmove(void* target, const void* source, size_t bytes) {
  CHECK(read, source, bytes);
  CHECK(write, target, bytes);
  return __builtin_memmove(target, source, bytes);
}
void* __tsan_memset(void* target, int value, size_t bytes) {
  CHECK(write, target, bytes);
  return __builtin_memset(target, value, bytes);
}

#define ATOMIC_HOOKS(bits, type)                                                                                \
  type __tsan_atomic##bits##_load(const volatile type* a, int) {                                                \
    CHECK(atomic, const_cast<const type*>(a), sizeof(type));                                                    \
    return __atomic_load_n(a, __ATOMIC_SEQ_CST);                                                                \
  }                                                                                                             \
  void __tsan_atomic##bits##_store(volatile type* a, type v, int) { __atomic_store_n(a, v, __ATOMIC_SEQ_CST); } \
  type __tsan_atomic##bits##_exchange(volatile type* a, type v, int) {                                          \
    return __atomic_exchange_n(a, v, __ATOMIC_SEQ_CST);                                                         \
  }                                                                                                             \
  type __tsan_atomic##bits##_fetch_add(volatile type* a, type v, int) {                                         \
    return __atomic_fetch_add(a, v, __ATOMIC_SEQ_CST);                                                          \
  }                                                                                                             \
  type __tsan_atomic##bits##_fetch_sub(volatile type* a, type v, int) {                                         \
    return __atomic_fetch_sub(a, v, __ATOMIC_SEQ_CST);                                                          \
  }                                                                                                             \
  type __tsan_atomic##bits##_fetch_and(volatile type* a, type v, int) {                                         \
    return __atomic_fetch_and(a, v, __ATOMIC_SEQ_CST);                                                          \
  }                                                                                                             \
  type __tsan_atomic##bits##_fetch_or(volatile type* a, type v, int) {                                          \
    return __atomic_fetch_or(a, v, __ATOMIC_SEQ_CST);                                                           \
  }                                                                                                             \
  type __tsan_atomic##bits##_fetch_xor(volatile type* a, type v, int) {                                         \
    return __atomic_fetch_xor(a, v, __ATOMIC_SEQ_CST);                                                          \
  }                                                                                                             \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile type* a, type* expected, type v, int, int) {       \
    return __atomic_compare_exchange_n(a, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);              \
  }                                                                                                             \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile type* a, type* expected, type v, int, int) {         \
    return __atomic_compare_exchange_n(a, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);              \
  }                                                                                                             \
  type __tsan_atomic##bits##_compare_exchange_val(volatile type* a, type expected, type v, int, int) {          \
    __atomic_compare_exchange_n(a, &expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                    \
    return expected;                                                                                            \
  }
ATOMIC_HOOKS(8, uint8_t)
ATOMIC_HOOKS(16, uint16_t)
ATOMIC_HOOKS(32, uint32_t)
ATOMIC_HOOKS(64, uint64_t)

void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) {}

// ---- UndefinedBehaviorSanitizer; the layouts are those of compiler-rt's ubsan_value.h

struct UbsanPlace {
  const char* file;
  uint32_t line, column;
};
struct UbsanType {
  uint16_t kind, info;
  char name[1];
};
struct UbsanTypeMismatch {
  UbsanPlace place;
  const UbsanType* type;
  unsigned char log_alignment, check_kind;
};
struct UbsanOutOfBounds {
  UbsanPlace place;
  const UbsanType *array, *index;
};

void __ubsan_handle_type_mismatch_v1(UbsanTypeMismatch* data, uintptr_t pointer) {
  Runner* runner = std::exchange(checked_runner, nullptr);
  if (!runner) return;  // the host's own code: its sanitizer builds look at that
  const std::string at = " at " + site_name(data->place.file, static_cast<int>(data->place.line));
  const uintptr_t alignment = uintptr_t{1} << data->log_alignment;
  if (pointer % alignment == 0) runner->fault("null pointer" + at, nullptr);
  runner->fault("misaligned access: type " + std::string(data->type->name) + " needs an address divisible by " +
                    std::to_string(alignment) + ", this one leaves " + std::to_string(pointer % alignment) + at,
                nullptr);
}

void __ubsan_handle_out_of_bounds(UbsanOutOfBounds* data, uintptr_t index) {
  Runner* runner = std::exchange(checked_runner, nullptr);
  if (!runner) return;
  runner->fault("index " + std::to_string(static_cast<intptr_t>(index)) + " is out of bounds for type " +
                    data->array->name + " at " + site_name(data->place.file, static_cast<int>(data->place.line)),
                nullptr);
}

}  // extern "C"
