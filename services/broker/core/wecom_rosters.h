#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/clock.h"
#include "common/time/deadline.h"
#include "services/broker/core/peers.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/core/wecom_contacts.h"
#include "services/broker/core/wecom_directory.h"
#include "services/broker/core/wecom_platform.h"
#include "services/broker/core/wecom_store.h"

namespace datong::broker {

struct WecomRosterOptions {
  // Of a corp's 10,000 calls a minute per API.
  int pages_per_step = 10;
  absl::Duration step_interval = absl::Seconds(1);
  absl::Duration wait_when_limited = absl::Minutes(1);
  int night_hour = 2;  // of Shanghai
};

// Passes over all contacts of each corp: after it was connected, every night, and when asked to.
// Each step reads some pages and makes the job that goes on, so that a pass outlives every replica.
// Thread-safe. Everything that it is given must outlive it.
class WecomRosters {
 public:
  WecomRosters(WecomRosterOptions options, WecomDirectory& directory, WecomStore& store,
               TokenBroker& tokens, WecomIdPlatform& platform, WecomContacts& contacts,
               IdentityPeer& identity, const Clock& clock);

  // Begins a pass unless one runs. Errors: those of WecomDirectory::Find,
  // INVALID_ARGUMENT/APP_KIND_UNSUPPORTED.
  absl::StatusOr<WecomRoster> Start(const std::string& project, const std::string& appid,
                                    Deadline deadline);
  // Errors: those of WecomDirectory::Find, NOT_FOUND/ROSTER_SYNC_UNKNOWN.
  absl::StatusOr<WecomRoster> Get(const std::string& project, const std::string& appid,
                                  Deadline deadline);
  // One step. An empty payload begins a pass.
  absl::Status Run(const Job& job, Deadline deadline);
  // Begins the passes of tonight, and the first ones. Called every few minutes.
  absl::Status Maintain(AppStore& apps, Deadline deadline);

 private:
  absl::StatusOr<WecomRoster> Begin(const App& app, Deadline deadline);
  absl::Status Step(const WecomDirectory::Entry& entry, WecomRoster& roster, Deadline deadline);
  // One page; false when there is no more.
  absl::StatusOr<bool> ReadPage(const WecomDirectory::Entry& entry,
                                const std::vector<std::string>& members, WecomRoster& roster,
                                Deadline deadline);

  const WecomRosterOptions options_;
  WecomDirectory& directory_;
  WecomStore& store_;
  TokenBroker& tokens_;
  WecomIdPlatform& platform_;
  WecomContacts& contacts_;
  IdentityPeer& identity_;
  const Clock& clock_;
};

}  // namespace datong::broker
