// How many CPUs this process may use.
#pragma once

#include <string>

namespace pyneural {

// The smaller of the CPU affinity mask and the cgroup's CPU quota (v2 and v1) rounded down, at least 1.
int available_cpus();

// The CPU quota of the control groups that `groups_file` (as /proc/self/cgroup) names below `root` (as
// /sys/fs/cgroup), in CPUs; 0 if there is none.
double quota_cpus(const std::string& groups_file, const std::string& root);

// PYNEURAL_NUM_THREADS, else OMP_NUM_THREADS, else available_cpus().
int default_num_threads();

}  // namespace pyneural
