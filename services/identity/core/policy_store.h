#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/time/deadline.h"
#include "services/identity/core/evidence.h"
#include "services/identity/core/graph_store.h"
#include "services/identity/core/link_plan.h"

namespace datong::identity {

// The policy of a project.
struct ProjectPolicy {
  Policy policy;
  int64_t version = 0;  // 0: the installation's
  bool recomputing = false;
  absl::Time set_at = absl::InfinitePast();
  std::string actor;
};

// Whole raw components, each with all that is kept of it, of one instant.
struct ComponentPage {
  std::vector<GraphState> components;
  int64_t last = 0;  // where to go on
  bool more = false;
};

// A raw component that evidence shows an identifier with which is none by the policy that holds.
struct FaultyUse {
  std::string identifier;
  int64_t component = 0;
  int64_t ids = 0;  // of the component
};

// A round of the comparing recomputation.
struct IntegrityRound {
  absl::Time began;
  absl::Time ended;
  int64_t components = 0;
  int64_t identifiers = 0;
  int64_t differences = 0;
};

struct IntegrityView {
  bool any = false;  // whether there was a whole round yet
  IntegrityRound last;
  int64_t frozen = 0;
  int64_t open_incidents = 0;
};

struct FrozenView {
  int64_t component = 0;
  int64_t ids = 0;
  int64_t records = 0;
  absl::Time since;
  std::vector<std::string> busiest;
};

struct IncidentView {
  int64_t incident = 0;
  std::string appid;
  std::string reason;
  int64_t conflicts = 0;
  absl::Time opened;
  absl::Time closed = absl::InfiniteFuture();
  std::string closed_by;
  int64_t waiting = 0;
};

// Policies of projects, what is worked out anew because of them, and what is held back or looked
// at. Each operation is one transaction. Thread-safe; blocks on the database, no longer than the
// deadline. Errors of all: those of postgres::Pool.
class PolicyStore {
 public:
  virtual ~PolicyStore() = default;

  virtual absl::StatusOr<ProjectPolicy> GetPolicy(const Project& project, Deadline deadline) = 0;
  // Makes the policy the project's and asks for what is known to be worked out anew; the same
  // policy again changes nothing.
  virtual absl::StatusOr<ProjectPolicy> SetPolicy(const Project& project, const Policy& policy,
                                                  const std::string& actor, Deadline deadline) = 0;
  // Works out some of what was asked for, of any project (or of the one that is named); false when
  // nothing is left to do, or others are at it.
  virtual absl::StatusOr<bool> RunRecomputation(const Project* project, Deadline deadline) = 0;
  // True while something of the app (of a policy, if empty) is still to be worked out.
  virtual absl::StatusOr<bool> IsRecomputing(const Project& project, const std::string& appid,
                                             Deadline deadline) = 0;

  // Raw components by name, from behind `after` on.
  virtual absl::StatusOr<ComponentPage> LoadComponents(const Project& project, int64_t after,
                                                       int limit, Deadline deadline) = 0;
  // The raw components of these names, where they are still called so.
  virtual absl::StatusOr<std::vector<GraphState>> LoadNamed(const Project& project,
                                                            absl::Span<const int64_t> components,
                                                            Deadline deadline) = 0;
  // Identifiers that were refused for what they are.
  virtual absl::StatusOr<std::vector<std::string>> ListFaulty(const Project& project,
                                                              Deadline deadline) = 0;
  // Where evidence shows them, in the order of the identifiers. Reads all evidence.
  virtual absl::StatusOr<std::vector<FaultyUse>> FindUses(const Project& project,
                                                          absl::Span<const std::string> identifiers,
                                                          Deadline deadline) = 0;
  virtual absl::StatusOr<std::vector<Project>> ListProjects(Deadline deadline) = 0;

  virtual absl::StatusOr<IntegrityView> GetIntegrity(const Project& project, Deadline deadline) = 0;
  // True when a round of the project is due, and the caller's to do: the last began longer ago.
  virtual absl::StatusOr<bool> TakeRound(const Project& project, absl::Duration interval,
                                         Deadline deadline) = 0;
  virtual absl::Status RecordRound(const Project& project, const IntegrityRound& round,
                                   Deadline deadline) = 0;
  virtual absl::StatusOr<PageOf<FrozenView>> ListFrozen(const Project& project,
                                                        const std::string& after, int limit,
                                                        Deadline deadline) = 0;
  virtual absl::StatusOr<PageOf<IncidentView>> ListIncidents(const Project& project,
                                                             bool include_closed,
                                                             const std::string& after, int limit,
                                                             Deadline deadline) = 0;
  // Gives how many were open.
  virtual absl::StatusOr<int> CloseIncidents(const Project& project, const std::string& appid,
                                             const std::string& actor, Deadline deadline) = 0;
};

}  // namespace datong::identity
