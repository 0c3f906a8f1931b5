// CUDA's short vectors. Their alignment is part of what is tested: a 16-byte access must be 16-byte aligned.
#pragma once

#define EMULATION_VECTORS(name, element, align2, align4)                                         \
  struct name##1 { element x; };                                                                 \
  struct alignas(align2) name##2 { element x, y; };                                              \
  struct name##3 { element x, y, z; };                                                           \
  struct alignas(align4) name##4 { element x, y, z, w; };                                        \
  inline constexpr name##1 make_##name##1(element x) { return {x}; }                             \
  inline constexpr name##2 make_##name##2(element x, element y) { return {x, y}; }               \
  inline constexpr name##3 make_##name##3(element x, element y, element z) { return {x, y, z}; } \
  inline constexpr name##4 make_##name##4(element x, element y, element z, element w) { return {x, y, z, w}; }

EMULATION_VECTORS(char, signed char, 2, 4)
EMULATION_VECTORS(uchar, unsigned char, 2, 4)
EMULATION_VECTORS(short, short, 4, 8)
EMULATION_VECTORS(ushort, unsigned short, 4, 8)
EMULATION_VECTORS(int, int, 8, 16)
EMULATION_VECTORS(uint, unsigned int, 8, 16)
EMULATION_VECTORS(longlong, long long, 16, 16)
EMULATION_VECTORS(ulonglong, unsigned long long, 16, 16)
EMULATION_VECTORS(float, float, 8, 16)
EMULATION_VECTORS(double, double, 16, 16)

#undef EMULATION_VECTORS

struct dim3 {
  unsigned int x = 1, y = 1, z = 1;
  constexpr dim3(unsigned int x = 1, unsigned int y = 1, unsigned int z = 1) : x(x), y(y), z(z) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};
