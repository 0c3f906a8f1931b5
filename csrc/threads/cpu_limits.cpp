#include "threads/cpu_limits.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace pyneural {

namespace {

int affinity_cpus() {
#if defined(__linux__)
  // Machines with more than 1024 CPUs need a larger mask than cpu_set_t.
  for (int capacity = 1024; capacity <= (1 << 18); capacity *= 4) {
    cpu_set_t* mask = CPU_ALLOC(capacity);
    const size_t bytes = CPU_ALLOC_SIZE(capacity);
    const int failed = sched_getaffinity(0, bytes, mask);
    const int count = failed ? 0 : CPU_COUNT_S(bytes, mask);
    CPU_FREE(mask);
    if (count > 0) return count;
  }
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// "quota period" in microseconds, "max" for no limit. Returns CPUs, or 0 for no limit.
double quota_in(const std::string& quota_file, const std::string& period_file) {
  std::ifstream file(quota_file);
  std::string quota;
  double period = 0;
  if (!(file >> quota) || quota == "max" || quota == "-1") return 0;
  if (period_file.empty()) {
    file >> period;
  } else {
    std::ifstream(period_file) >> period;
  }
  return period > 0 ? std::atof(quota.c_str()) / period : 0;
}

// A process is bound by the quotas of its own control group and of all groups above it.
double quota_cpus() {
  double limit = 0;
  const auto consider = [&limit](double cpus) {
    if (cpus > 0 && (limit == 0 || cpus < limit)) limit = cpus;
  };
  std::ifstream groups("/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    const bool v2 = controllers.empty();
    if (!v2 && controllers.find("cpu") == std::string::npos) continue;
    const std::string root = v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    for (;;) {
      const std::string folder = root + (path == "/" ? "" : path);
      consider(v2 ? quota_in(folder + "/cpu.max", "")
                  : quota_in(folder + "/cpu.cfs_quota_us", folder + "/cpu.cfs_period_us"));
      if (path.empty() || path == "/") break;
      path = path.substr(0, path.rfind('/'));
    }
  }
  return limit;
}

}  // namespace

int available_cpus() {
  const int cpus = affinity_cpus();
  const double quota = quota_cpus();
  return quota > 0 ? std::max(1, std::min(cpus, static_cast<int>(quota))) : cpus;
}

int default_num_threads() {
  for (const char* name : {"PYNEURAL_NUM_THREADS", "OMP_NUM_THREADS"}) {
    const char* text = std::getenv(name);
    const int count = text ? std::atoi(text) : 0;
    if (count > 0) return std::min(count, 256);
  }
  return available_cpus();
}

}  // namespace pyneural
