#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/time/deadline.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// A push on its way into the event stream.
struct PushEvent {
  std::string event_id;
  absl::Time event_time;
  std::string name;
  std::string identifier;
  std::map<std::string, std::string> attributes;
};

// Whether an identifier is still a follower or a contact. Numbers as in datong.identity.v1.
enum class RelationKind { kFollower = 1, kContact = 2 };
enum class RelationState { kActive = 1, kEndedByPerson = 2, kEndedByCompany = 3 };
struct Relation {
  std::string identifier;
  RelationKind kind = RelationKind::kFollower;
  RelationState state = RelationState::kActive;
  absl::Time since;
  std::string with = {};  // of contacts: the member of staff
};

// What a user took back from an app of WeChat.
struct Withdrawal {
  std::string identifier;          // the user's openid
  std::vector<std::string> infos;  // WeChat's RevokeInfo
  bool deregistered = false;
  absl::Time when;
};

// What the broker tells identity. Every call is idempotent and blocks until the deadline.
class IdentityPeer {
 public:
  virtual ~IdentityPeer() = default;
  virtual absl::Status RegisterProject(const Project& project, Deadline deadline) = 0;
  virtual absl::Status BindApp(const App& app, Deadline deadline) = 0;
  virtual absl::Status Link(const std::string& project, const std::vector<Evidence>& evidence,
                            Deadline deadline) = 0;
  // Links one and answers the name of the person that holds its openid, or else the first of
  // `other_ids`.
  virtual absl::StatusOr<std::string> LinkOne(const std::string& project, const Evidence& evidence,
                                              Deadline deadline) = 0;
  virtual absl::Status RecordRelations(const std::string& project,
                                       const std::vector<Relation>& relations,
                                       Deadline deadline) = 0;
  virtual absl::Status Withdraw(const std::string& project, const Withdrawal& withdrawal,
                                Deadline deadline) = 0;
  // Erases what was observed up to `when` of a WeCom corp's contacts in a provider's view.
  virtual absl::Status EraseCorp(const std::string& project, const std::string& corpid,
                                 const std::string& provider, absl::Time when,
                                 Deadline deadline) = 0;
};

// What the broker tells ingest. Every call is idempotent and blocks until the deadline.
class IngestPeer {
 public:
  virtual ~IngestPeer() = default;
  virtual absl::Status RegisterProject(const Project& project, Deadline deadline) = 0;
  // Answers the name of the app's push source.
  virtual absl::StatusOr<std::string> EnsurePushSource(const App& app, Deadline deadline) = 0;
  virtual absl::Status AppendEvents(const std::string& source, const std::vector<PushEvent>& events,
                                    Deadline deadline) = 0;
};

}  // namespace datong::broker
