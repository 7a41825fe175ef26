#include "services/identity/core/link_gatherer.h"

#include <algorithm>
#include <utility>

namespace datong::identity {
namespace {

constexpr size_t kMostAtOnce = 500;

}  // namespace

absl::StatusOr<std::string> LinkGatherer::Link(const Project& project, const Evidence& record,
                                               Deadline deadline) {
  Waiting self{&project, &record};
  MutexLock lock(&mutex_);
  waiting_.push_back(&self);
  while (!self.done) {
    const auto may_go_on = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return self.taken || !is_turn_taken_;
    };
    // Once its record is taken along, a caller waits for the answer, which comes by the deadline of
    // the one who took it.
    if (self.taken) {
      mutex_.Await(absl::Condition(&self.done));
    } else if (!mutex_.AwaitWithTimeout(absl::Condition(&may_go_on), deadline.Remaining()) &&
               !self.taken) {
      std::erase(waiting_, &self);
      return absl::DeadlineExceededError("Other records of the project were still being linked.");
    }
    if (!self.done && !self.taken && !is_turn_taken_) TakeTurn(project, deadline);
  }
  return std::move(self.answer);
}

void LinkGatherer::TakeTurn(const Project& project, Deadline deadline) {
  is_turn_taken_ = true;
  std::vector<Waiting*> batch;
  std::erase_if(waiting_, [&](Waiting* one) {
    if (one->project->number != project.number || batch.size() >= kMostAtOnce) return false;
    one->taken = true;
    batch.push_back(one);
    return true;
  });
  std::vector<Evidence> records;
  records.reserve(batch.size());
  for (const Waiting* one : batch) records.push_back(*one->record);
  mutex_.Unlock();
  absl::StatusOr<Linker::Result> linked = linker_.Link(project, std::move(records), deadline);
  mutex_.Lock();
  for (Waiting* one : batch) {
    if (!linked.ok()) one->answer = linked.status();
    one->done = true;
  }
  if (linked.ok()) {
    for (const Linker::Rejected& rejected : linked->rejected) {
      batch[rejected.index]->answer = rejected.reason;
    }
  }
  is_turn_taken_ = false;
}

}  // namespace datong::identity
