#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/mutex.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "common/wechat/message.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/authorizer.h"
#include "services/broker/core/metrics.h"
#include "services/broker/core/peers.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/core/work_store.h"

namespace datong::broker {

struct WorkerOptions {
  int batch = 100;  // also the most openids in one call of user/info
  // How long a claimed job is ours; HoldOn makes it longer while we live.
  absl::Duration hold = absl::Seconds(15);
  absl::Duration retry_first = absl::Seconds(1);
  absl::Duration retry_longest = absl::Minutes(5);
  absl::Duration remember_pushes = absl::Hours(7 * 24);
  absl::Duration ticket_silence = absl::Minutes(60);
  absl::Duration call_timeout = absl::Seconds(20);
};

// Does the broker's background work: reacts to pushes (authorisations; events to ingest; evidence
// to identity, for a new follower with the unionid that user/info tells), and brings to identity
// and ingest what they must know. Every job runs at least once and may run twice. Several replicas
// share the work; within one, RunOnce is called by one thread. Everything that it is given must
// outlive it.
class Worker {
 public:
  Worker(WorkerOptions options, AppStore& apps, WorkStore& work, TokenStore& tickets,
         TokenBroker& tokens, Authorizer& authorizer, PlatformClient& platform,
         IdentityPeer& identity, IngestPeer& ingest, BrokerMetrics& metrics, const Clock& clock);

  // Who does the jobs of a kind that the worker does not know itself, or what is left to do after
  // it did one. Called before the first
  // RunOnce; a runner is called by RunOnce's thread, at least once for each job.
  using Runner = std::function<absl::Status(const Job& job, Deadline deadline)>;
  void AddRunner(JobKind kind, Runner runner) { runners_[kind] = std::move(runner); }

  // Takes what is due, a batch of each kind, and does it. Answers how many jobs it took.
  absl::StatusOr<int> RunOnce();
  // Keeps the jobs that RunOnce is at from other replicas. Called every few seconds, by any thread.
  void HoldOn();
  // Asks for tickets that stay away, forgets old pushes. Called every few minutes.
  absl::Status Maintain();

 private:
  // A claimed push, read.
  struct Push {
    Job job;
    wechat::Message message;
  };

  absl::StatusOr<std::vector<Job>> Claim(JobKind kind);
  void LetGo(const std::vector<Job>& jobs);
  absl::StatusOr<int> RunPushes();
  absl::StatusOr<int> RunOthers(JobKind kind);
  absl::Status RunOther(const Job& job, Deadline deadline);
  absl::Status RunComponentEvent(const Push& push, Deadline deadline);
  // All pushes of one app, which succeed or are retried together.
  absl::Status RunAppPushes(const App& app, const std::vector<Push>& pushes, Deadline deadline);
  // What user/info tells of new followers. Accounts that may not ask it yield the openids alone.
  absl::StatusOr<std::vector<Evidence>> AskUsers(const App& app,
                                                 const std::vector<std::string>& openids,
                                                 Deadline deadline);
  absl::StatusOr<std::string> PushSourceOf(const App& app, Deadline deadline);
  void Settle(const std::vector<Job>& jobs, const absl::Status& outcome);
  // Jobs whose end could not be written since the database went away: they are ours still, and
  // nobody gets them before our hold ends or we put them back.
  void LeaveOver(const std::vector<Job>& jobs, const absl::Status& outcome,
                 const absl::Status& why);
  void SettleLeftOver();

  const WorkerOptions options_;
  AppStore& apps_;
  WorkStore& work_;
  TokenStore& tickets_;
  TokenBroker& tokens_;
  Authorizer& authorizer_;
  PlatformClient& platform_;
  IdentityPeer& identity_;
  IngestPeer& ingest_;
  BrokerMetrics& metrics_;
  const Clock& clock_;
  std::map<JobKind, Runner> runners_;
  Mutex mutex_;
  std::map<std::string, std::string> sources_ ABSL_GUARDED_BY(mutex_);  // by appid
  std::map<int64_t, Job> held_ ABSL_GUARDED_BY(mutex_);                 // by id
  std::vector<std::pair<std::vector<Job>, absl::Status>> left_over_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace datong::broker
