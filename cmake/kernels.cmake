# Every csrc/cpu/<name>.cpp is compiled once per SIMD level, into the namespace of that level; dispatch_tables.cpp, written
# here, lists their kernel tables so that csrc/cpu/portable/dispatch.cpp can register the best level at first use.

function(pyneural_common_options target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/csrc)
  target_compile_options(${target} PRIVATE -Wall -Wextra -ffunction-sections -fdata-sections)
  if(PYNEURAL_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  # All that is not a kernel runs on any x86-64 made since 2009.
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64" AND NOT ARGV1 STREQUAL "KERNELS")
    target_compile_options(${target} PRIVATE -march=x86-64-v2)
  endif()
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(PYNEURAL_SIMD_LEVELS baseline avx2 avx512 CACHE STRING "SIMD levels to build; fewer of them build sooner")
  set(pyneural_levels ${PYNEURAL_SIMD_LEVELS})
  # Few processors still need the first level: it should be small rather than as fast as can be.
  set(pyneural_flags_baseline -march=x86-64-v2 -O2)
  set(pyneural_flags_avx2 -march=x86-64-v2 -mavx2 -mfma -mf16c)
  set(pyneural_flags_avx512 -march=x86-64-v2 -mavx2 -mfma -mf16c -mavx512f -mavx512vl -mavx512bw -mavx512dq -mprefer-vector-width=512)
else()
  set(pyneural_levels baseline)  # NEON is part of every AArch64
  set(pyneural_flags_baseline)
endif()

file(GLOB kernel_sources CONFIGURE_DEPENDS csrc/cpu/*.cpp)
# Random numbers must be the same at every level: no contraction to FMA, which only some levels have.
set_source_files_properties(csrc/cpu/random.cpp PROPERTIES COMPILE_OPTIONS -ffp-contract=off)

# Appends the declarations and the list of the kernel tables in `sources` to `declarations` and `tables`.
macro(pyneural_add_tables name sources)
  string(APPEND declarations "namespace ${name} {\n")
  string(APPEND tables "const KernelEntry* const ${name}_tables[] = {")
  foreach(source IN LISTS ${sources})
    get_filename_component(family ${source} NAME_WE)
    file(STRINGS ${source} has_table REGEX "^PN_KERNELS\\(")
    if(has_table)
      string(APPEND declarations "extern const KernelEntry ${family}_kernels[];\n")
      string(APPEND tables "${name}::${family}_kernels, ")
    endif()
  endforeach()
  string(APPEND declarations "}\n")
  string(APPEND tables "nullptr};\n")
endmacro()

set(pyneural_kernel_targets)
set(declarations "")
set(tables "")
foreach(level IN LISTS pyneural_levels)
  add_library(kernels_${level} OBJECT ${kernel_sources})
  pyneural_common_options(kernels_${level} KERNELS)
  target_compile_definitions(kernels_${level} PRIVATE PN_SIMD_NAMESPACE=${level})
  # errno and trapping keep GCC from vectorising; contraction gives FMA. No option that reorders sums.
  target_compile_options(kernels_${level} PRIVATE -O3 ${pyneural_flags_${level}} -ffp-contract=fast -fno-math-errno
    -fno-trapping-math -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-stack-protector -Wno-psabi -Wno-uninitialized
    $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wno-unknown-pragmas -Wno-bitwise-conditional-parentheses>)
  list(APPEND pyneural_kernel_targets kernels_${level})
  pyneural_add_tables(${level} kernel_sources)
endforeach()
file(GLOB portable_sources CONFIGURE_DEPENDS csrc/cpu/portable/*.cpp)
pyneural_add_tables(portable portable_sources)

set(missing "")
foreach(level baseline avx2 avx512)
  if(NOT level IN_LIST pyneural_levels)
    string(APPEND missing "const KernelEntry* const ${level}_tables[] = {nullptr};\n")
  endif()
endforeach()
file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/dispatch_tables.cpp @ONLY CONTENT
"// Written by cmake/kernels.cmake.
#include \"cpu/dispatch.h\"
namespace pyneural::cpu {
${declarations}${tables}${missing}}
")
