// How many CPUs this process may use.
#pragma once

namespace pyneural {

// The smaller of the CPU affinity mask and the cgroup's CPU quota (v2 and v1), at least 1.
int available_cpus();

// PYNEURAL_NUM_THREADS, else OMP_NUM_THREADS, else available_cpus().
int default_num_threads();

}  // namespace pyneural
