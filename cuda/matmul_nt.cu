#include "cuda/matmul_layout.cuh"

PN_MATMUL_LAYOUT(false, true)
