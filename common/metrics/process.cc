#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "common/metrics/registry.h"

namespace datong::metrics {

ProcessMetrics::ProcessMetrics(Registry& registry)
    : cpu_seconds_(registry.AddCounter("process_cpu_seconds_total", "CPU time spent.")),
      resident_bytes_(registry.AddGauge("process_resident_memory_bytes", "Memory in RAM.")),
      virtual_bytes_(registry.AddGauge("process_virtual_memory_bytes", "Memory mapped.")),
      open_fds_(registry.AddGauge("process_open_fds", "Open file descriptors.")),
      max_fds_(registry.AddGauge("process_max_fds", "File descriptors allowed.")) {
  registry.AddGauge("process_start_time_seconds", "Unix time at which the process started.")
      .Set(std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
               .count());
  Update();
}

void ProcessMetrics::Update() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  const double total = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  if (total > cpu_seconds_.Value()) cpu_seconds_.Increment(total - cpu_seconds_.Value());

  std::ifstream statm("/proc/self/statm");
  double pages_virtual = 0;
  double pages_resident = 0;
  statm >> pages_virtual >> pages_resident;
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  virtual_bytes_.Set(pages_virtual * page);
  resident_bytes_.Set(pages_resident * page);

  std::error_code ignored;
  double fds = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", ignored)) {
    static_cast<void>(entry);
    ++fds;
  }
  open_fds_.Set(fds);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  max_fds_.Set(static_cast<double>(limit.rlim_cur));
}

}  // namespace datong::metrics
