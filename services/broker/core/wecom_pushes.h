#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "common/base/mutex.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "common/wechat/message.h"
#include "services/broker/core/peers.h"
#include "services/broker/core/wecom_directory.h"
#include "services/broker/core/wecom_installer.h"
#include "services/broker/core/wecom_store.h"
#include "services/broker/core/work_store.h"

namespace datong::broker {

// Reacts to the stored pushes of WeCom: installations and their end; contacts that were added or
// went, as events to ingest and evidence to identity; groups that changed. Every job runs at least
// once and may run twice. Thread-safe. Everything that it is given must outlive it.
class WecomPushes {
 public:
  WecomPushes(AppStore& apps, WecomDirectory& directory, WecomStore& store, WorkStore& work,
              WecomInstaller& installer, IdentityPeer& identity, IngestPeer& ingest,
              const Clock& clock);

  absl::Status Run(const Job& job, Deadline deadline);
  // The job that has identity forget a corp that left (payload: the second in which it did).
  absl::Status Forget(const Job& job, Deadline deadline);

 private:
  absl::Status RunInstruction(const Job& job, const wechat::Message& message, Deadline deadline);
  // A push about a customer or a group of this app.
  absl::Status RunCustomerPush(const Job& job, const std::string& appid,
                               const wechat::Message& message, Deadline deadline);
  absl::StatusOr<std::string> PushSourceOf(const App& app, Deadline deadline);

  AppStore& apps_;
  WecomDirectory& directory_;
  WecomStore& store_;
  WorkStore& work_;
  WecomInstaller& installer_;
  IdentityPeer& identity_;
  IngestPeer& ingest_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<std::string, std::string> sources_ ABSL_GUARDED_BY(mutex_);  // by appid
};

}  // namespace datong::broker
