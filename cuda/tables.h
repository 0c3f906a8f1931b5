// The tables of all files of CUDA kernels, collected by cmake/cuda.cmake.
#pragma once

#include "core/kernel.h"

namespace pyneural::cuda {

extern const KernelEntry* const tables[];  // ends with nullptr

}  // namespace pyneural::cuda
