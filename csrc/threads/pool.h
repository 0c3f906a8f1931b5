// The thread pool's settings. Kernels use threads/parallel.h.
#pragma once

namespace pyneural {

int num_threads();
void set_num_threads(int count);  // 1 to 256; throws ValueError
// Tests lower it (default 5e5 flops), so that small inputs run on many threads.
void set_work_per_thread(double flops);

}  // namespace pyneural
