// The thread pool's settings. Kernels use threads/parallel.h.
#pragma once

namespace pyneural {

int num_threads();
void set_num_threads(int count);  // 1 to 256; throws ValueError

}  // namespace pyneural
