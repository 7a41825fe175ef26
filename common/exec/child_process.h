#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace datong {

// A program that runs until it is killed, ends, or this object goes. It dies with the thread that
// started it, and an interrupt typed at the terminal does not reach it. Not thread-safe.
class ChildProcess {
 public:
  ChildProcess() = default;
  // Output goes to the end of `output`. `arguments[0]` is the program's path. Its environment is
  // ours without the variables DATONG_…: what a service is set to stands in its arguments.
  static absl::StatusOr<ChildProcess> Start(const std::vector<std::string>& arguments,
                                            const std::string& output);
  ~ChildProcess();  // kill -9
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;

  pid_t pid() const { return pid_; }
  bool started() const { return pid_ > 0; }
  void Signal(int signal) const;
  // kill -9, and waits.
  void Kill();
  // Waits for the end; the exit code, or 128 + the signal. Errors: DEADLINE_EXCEEDED;
  // FAILED_PRECONDITION when none runs.
  absl::StatusOr<int> Await(absl::Duration patience);
  // Whether the process that Await saw end left a core file.
  bool dumped_core() const { return dumped_core_; }
  // As the system shows it: 'R' running, 'S' sleeping, 'T' stopped …; 0 when there is none.
  char StateNow() const;

 private:
  pid_t pid_ = -1;
  bool dumped_core_ = false;
};

}  // namespace datong
