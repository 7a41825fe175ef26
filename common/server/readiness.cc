#include "common/server/readiness.h"

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/error.h"
#include "common/time/backoff.h"

namespace datong::server {
namespace {

constexpr absl::Duration kCheckEvery = absl::Milliseconds(500);
constexpr absl::Duration kCheckEveryAtStart = absl::Milliseconds(50);
constexpr char kMetric[] = "datong_ready";
constexpr char kHelp[] = "1 when the process can serve, else 0 with the reason.";

absl::Status Explain(const Module& module, const absl::Status& status) {
  return MakeError(absl::StatusCode::kUnavailable,
                   absl::StrCat(module.name(), ": ", status.message()),
                   {"datong", "NOT_READY", {{"module", module.name()}}});
}

}  // namespace

Readiness::Readiness(std::vector<Module*> modules, metrics::Registry& registry,
                     std::function<void(bool)> changed)
    : modules_(std::move(modules)), registry_(registry), changed_(std::move(changed)) {
  MutexLock lock(&mutex_);
  reason_ = "starting";
  status_ = MakeError(absl::StatusCode::kUnavailable, "Starting.", {"datong", "NOT_READY", {}});
  registry_.AddGauge(kMetric, kHelp, {{"reason", reason_}}).Set(0);
}

Readiness::~Readiness() { Stop(); }

void Readiness::Begin() {
  thread_ = std::thread([this] { Run(); });
}

void Readiness::Drain() {
  Set(MakeError(absl::StatusCode::kUnavailable, "Shutting down.", {"datong", "NOT_READY", {}}),
      "draining");
}

void Readiness::Stop() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

bool Readiness::WaitForStop(absl::Duration wait) {
  MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&stopping_), wait);
}

absl::Status Readiness::Check() const {
  MutexLock lock(&mutex_);
  return status_;
}

absl::Status Readiness::failure() const {
  MutexLock lock(&mutex_);
  return failure_;
}

std::vector<Module*> Readiness::started() const {
  MutexLock lock(&mutex_);
  return started_;
}

absl::Status Readiness::WaitReady(Deadline deadline) const {
  MutexLock lock(&mutex_);
  const auto decided = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return status_.ok() || !failure_.ok() || stopping_;
  };
  const bool in_time = mutex_.AwaitWithTimeout(absl::Condition(&decided), deadline.Remaining());
  if (!failure_.ok()) return failure_;
  if (in_time) return status_;
  return MakeError(absl::StatusCode::kDeadlineExceeded, status_.message(),
                   {"datong", "NOT_READY", {}});
}

void Readiness::Set(const absl::Status& status, const std::string& reason) {
  {
    MutexLock lock(&mutex_);
    if (draining_) return;
    draining_ = reason == "draining";
    const bool same = reason == reason_;
    status_ = status;
    if (same) return;
    registry_.RemoveGauge(kMetric, {{"reason", reason_}});
    reason_ = reason;
    registry_.AddGauge(kMetric, kHelp, {{"reason", reason_}}).Set(status.ok() ? 1 : 0);
  }
  changed_(status.ok());
  if (status.ok()) {
    LogInfo("ready");
  } else {
    Log(reason == "draining" ? LogLevel::kInfo : LogLevel::kWarn, "not ready",
        {{"reason", reason}, {"cause", status.message()}});
  }
}

bool Readiness::StartModules() {
  absl::InsecureBitGen random;
  for (Module* module : modules_) {
    Backoff backoff(absl::Milliseconds(100), absl::Seconds(5));
    while (true) {
      const absl::Status status = module->Start();
      if (status.ok()) break;
      if (!absl::IsUnavailable(status)) {
        LogError("a module cannot start", {{"module", module->name()},
                                           {"reason", GetReason(status)},
                                           {"cause", status.message()}});
        MutexLock lock(&mutex_);
        failure_ = status;
        return false;
      }
      Set(Explain(*module, status), "module");
      if (WaitForStop(backoff.Next(random))) return false;
    }
    MutexLock lock(&mutex_);
    started_.push_back(module);
  }
  return true;
}

void Readiness::Run() {
  if (!StartModules()) return;
  absl::Duration wait = kCheckEveryAtStart;
  do {
    absl::Status status;
    for (Module* module : modules_) {
      const absl::Status one = module->CheckReady();
      if (!one.ok() && status.ok()) status = Explain(*module, one);
    }
    Set(status, status.ok() ? "serving" : "module");
    if (status.ok()) wait = kCheckEvery;
  } while (!WaitForStop(wait));
}

}  // namespace datong::server
