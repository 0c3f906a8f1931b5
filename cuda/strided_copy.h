// Copies between two arrays that walk the same extents with different strides: transpose, broadcast, slice, flip.
#pragma once

#include "cpu/portable/strided_copy.h"
#include "cuda/kernel.h"

namespace pyneural::cuda {

using StridedCopy = cpu::portable::StridedCopy;

// Axes run from the slowest to the fastest of the destination.
void strided_copy(cudaStream_t stream, void* to, const void* from, const StridedCopy& copy, size_t element_size);

}  // namespace pyneural::cuda
