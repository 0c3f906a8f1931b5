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

bool has_word(const std::string& list, const std::string& word) {
  return ("," + list + ",").find("," + word + ",") != std::string::npos;
}

}  // namespace

// A process is bound by the quotas of its own control group and of all groups above it. In a container without a
// namespace of its own the groups named by the file aren't there: then the root is the container's.
double quota_cpus(const std::string& groups_file, const std::string& root) {
  double limit = 0;
  std::ifstream groups(groups_file);
  std::string line;
  while (std::getline(groups, line)) {  // number:controllers:path
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    const bool v2 = controllers.empty();
    if (!v2 && !has_word(controllers, "cpu")) continue;
    for (;;) {
      const std::string folder = root + (v2 ? "" : "/cpu") + (path == "/" ? "" : path);
      const double cpus = v2 ? quota_in(folder + "/cpu.max", "")
                             : quota_in(folder + "/cpu.cfs_quota_us", folder + "/cpu.cfs_period_us");
      if (cpus > 0 && (limit == 0 || cpus < limit)) limit = cpus;
      if (path.empty() || path == "/") break;
      const size_t slash = path.rfind('/');
      path.resize(slash == std::string::npos ? 0 : slash);
    }
  }
  return limit;
}

int available_cpus() {
  const int cpus = affinity_cpus();
  const double quota = quota_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
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
