#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/time/deadline.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// When pushes of an app came last, and when one was refused.
struct PushSighting {
  std::string appid;
  std::optional<absl::Time> accepted;
  std::optional<absl::Time> refused;
  std::string refused_reason;  // of the last refused one: "SIGNATURE_INVALID", …
};

// An account that WeChat lists and that is not taken over.
struct NotTaken {
  std::string appid;
  std::string reason;
};

// The last comparison of a component's accounts with WeChat's list.
struct Reconciliation {
  std::string component;
  absl::Time when;
  int64_t listed = 0;
  std::vector<NotTaken> not_taken;
};

// What is known of the estate beside its credentials. Thread-safe; every call is one transaction
// and blocks until its deadline. Errors of all: those of postgres::Pool.
class EstateStore {
 public:
  virtual ~EstateStore() = default;

  // Each keeps the newer times of those held and given.
  virtual absl::Status SavePushSightings(const std::vector<PushSighting>& sightings,
                                         Deadline deadline) = 0;
  // By appid; apps without one are left out.
  virtual absl::StatusOr<std::map<std::string, PushSighting>> GetPushSightings(
      const std::vector<std::string>& appids, Deadline deadline) = 0;

  virtual absl::Status SaveReconciliation(const Reconciliation& reconciliation,
                                          Deadline deadline) = 0;
  virtual absl::StatusOr<std::optional<Reconciliation>> GetReconciliation(
      const std::string& component, Deadline deadline) = 0;

  // Links of `project` for one account each that nobody used yet and that open until `usable_until`
  // at least: the id of the one that lives longest, by appid of the account.
  virtual absl::StatusOr<std::map<std::string, std::string>> FindMendLinks(
      const std::string& project, const std::vector<std::string>& appids, absl::Time usable_until,
      Deadline deadline) = 0;
};

}  // namespace datong::broker
