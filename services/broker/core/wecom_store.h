#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/secret.h"
#include "common/time/deadline.h"
#include "services/broker/core/token_store.h"
#include "services/broker/core/wecom_platform.h"
#include "services/broker/core/wecom_types.h"

namespace datong::broker {

// Corps that authorised suites, what waits for a pending_id, and passes over contacts. Codes and
// pending ids are kept as digests. Thread-safe; every call is one transaction and blocks until its
// deadline. Errors of all: those of postgres::Pool.
class WecomStore {
 public:
  virtual ~WecomStore() = default;

  // What the exchange of `code` (or, without one, an import) brought, in one transaction: app,
  // corp, permanent code (where other accounts have their refresh token; it replaces the one held
  // and ends the corp's token), the code as done, the link's app, and the jobs that ask for the
  // corp's details and read its contacts. Answers the appid. Errors: ABORTED/LEASE_LOST,
  // ALREADY_EXISTS/APP_EXISTS.
  virtual absl::StatusOr<std::string> SaveInstall(const Lease& lease, const App& suite,
                                                  const std::string& code, const std::string& link,
                                                  const WecomGrant& grant, absl::Time now,
                                                  Deadline deadline) = 0;
  // What get_auth_info told; tells the feed and announces the app.
  virtual absl::Status SaveDetails(const std::string& appid, const WecomAuthInfo& info,
                                   Deadline deadline) = 0;
  // Takes the authorisation, its code and tokens back, deletes what is held of the corp, makes the
  // job that has identity forget its contacts, and tells the feed. Harmless when the corp
  // authorised again after `when`. Answers whether it was done.
  virtual absl::StatusOr<bool> Revoke(const std::string& appid, absl::Time when,
                                      Deadline deadline) = 0;

  // Errors: NOT_FOUND/AUTHORIZATION_UNKNOWN.
  virtual absl::StatusOr<WecomCorp> GetCorp(const std::string& appid, Deadline deadline) = 0;
  virtual absl::StatusOr<std::vector<WecomCorp>> ListCorps(const std::string& project,
                                                           const std::string& after, int limit,
                                                           Deadline deadline) = 0;
  // The session key of a member of staff, who logged in through `appid`. It goes with the corp.
  virtual absl::Status SaveSession(const std::string& appid, const WecomMember& member,
                                   const Secret& key, Deadline deadline) = 0;
  // Errors: NOT_FOUND/SESSION_UNKNOWN.
  virtual absl::StatusOr<Secret> GetSession(const std::string& appid, const WecomMember& member,
                                            Deadline deadline) = 0;

  // Remembers that a pending_id was issued to this app; a repeat renews it. Forgets those that
  // ended.
  virtual absl::Status AddPending(const std::string& appid, const std::string& pending_id,
                                  absl::Time now, Deadline deadline) = 0;
  // Whether contacts of this app may still come out of a pending_id issued after `since`.
  virtual absl::StatusOr<bool> HasPending(const std::string& appid, absl::Time since,
                                          Deadline deadline) = 0;
  virtual absl::Status ResolvePending(const std::string& appid, const std::string& pending_id,
                                      Deadline deadline) = 0;

  // Nothing when none ever began.
  virtual absl::StatusOr<std::optional<WecomRoster>> GetRoster(const std::string& appid,
                                                               Deadline deadline) = 0;
  // Writes it, and the job that goes on with it (payload: RosterStep), due after `delay`, if it
  // runs.
  virtual absl::Status SaveRoster(const App& app, const WecomRoster& roster, absl::Duration delay,
                                  Deadline deadline) = 0;
  // Apps of WeCom whose newest pass began before `before`, or that had none: those to read tonight.
  virtual absl::StatusOr<std::vector<std::string>> ListStaleRosters(absl::Time before, int limit,
                                                                    Deadline deadline) = 0;
};

}  // namespace datong::broker
