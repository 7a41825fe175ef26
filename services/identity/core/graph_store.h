#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/time/deadline.h"
#include "services/identity/core/decision.h"
#include "services/identity/core/evidence.h"
#include "services/identity/core/scoping.h"

namespace datong::identity {

struct Project {
  std::string name;  // "projects/demo"
  int32_t number = 0;
};

struct Versions {
  int64_t graph = 0;
  // Goes up with every decision, erasure, binding and policy, of any replica: a repeat may mean
  // something else afterwards.
  int64_t decisions = 0;
};

// What a batch of evidence did.
struct LinkOutcome {
  int64_t version = 0;
  int recorded = 0;
  int parked = 0;
  std::vector<size_t> erased;    // records dropped because of an erasure
  std::vector<size_t> decided;   // records that a decision is about: repeats may say something new
  std::vector<size_t> collided;  // records with an identifier whose node belongs to another one
};

struct HeldIdentifier {
  std::string identifier;
  int64_t node = 0;
  absl::Time first_observed;
  absl::Time retired = absl::InfiniteFuture();  // replaced by a migration (R5.7)
};

struct PersonView {
  uint32_t index = 0;
  absl::Time created;
  std::vector<HeldIdentifier> identifiers;  // by rank, then text
};

// A time during which an identifier belonged to one person, as identity knew it.
struct HistorySpan {
  uint32_t person = 0;  // 0: to nobody
  absl::Time from;
  absl::Time until = absl::InfiniteFuture();
  int64_t version = 0;
};

struct PastPerson {
  uint32_t index = 0;  // 0: there was none
  std::vector<std::string> identifiers;
};

struct RawComponent {
  std::vector<Evidence> evidence;
  std::vector<Decision> decisions;
};

struct RefusalView {
  int64_t number = 0;  // names it in the feed
  Refusal refusal;
  absl::Time first_seen;
  absl::Time last_seen;
  int64_t count = 0;
  bool open = true;
};

struct GraphStats {
  int64_t persons = 0;
  int64_t merges = 0;
  int64_t splits = 0;
  int64_t evidence = 0;
  int64_t parked = 0;
  int64_t version = 0;
  std::map<std::string, int64_t> identifiers_by_kind;
  std::map<std::string, int64_t> refusals_by_reason;
};

enum class ChangeKind {
  kLinked = 1,
  kMoved = 2,
  kUnlinked = 3,
  kMerged = 4,
  kSplit = 5,
  kErased = 6,
  kCreated = 7,
  kRefusalOpened = 8,
  kRefusalClosed = 9
};

struct ChangeView {
  int64_t version = 0;
  ChangeKind kind = ChangeKind::kLinked;
  std::string identifier;
  int64_t node = 0;
  uint32_t person = 0;
  uint32_t previous_person = 0;
  absl::Time time;
  // Of refusals alone.
  int64_t refusal = 0;
  std::vector<std::string> refused;  // empty once one of them was erased
  Reason reason = Reason::kBlockedValue;
};

struct ChangePage {
  std::vector<ChangeView> changes;
  std::string next_cursor;
  int64_t version = 0;
};

// Whose an identifier is.
struct Membership {
  std::string identifier;
  int64_t node = 0;
  uint32_t person = 0;
};

struct MembershipPage {
  std::vector<Membership> memberships;
  int64_t last = 0;  // node; where to go on
  bool more = false;
  int64_t version = 0;
  std::string cursor;  // of the feed, as of the page
};

struct PersonFilter {
  std::string identifier_prefix;
  std::string kind;
};

struct RefusalFilter {
  std::string reason;
  std::string identifier;
  bool include_closed = false;
};

template <typename T>
struct PageOf {
  std::vector<T> items;
  std::string next_key;  // empty on the last page
};

// The graph of identifiers, persons and refusals of all projects. Each operation is one
// transaction. Thread-safe, also over several processes. Blocks on the database, no longer than the
// deadline. Errors of all: those of postgres::Pool, and NOT_FOUND/PROJECT_UNKNOWN where a project's
// name is taken.
class GraphStore {
 public:
  virtual ~GraphStore() = default;

  // Errors: ALREADY_EXISTS/PROJECT_NUMBER_TAKEN.
  virtual absl::Status RegisterProject(const Project& project, Deadline deadline) = 0;
  virtual absl::StatusOr<Project> FindProject(const std::string& name, Deadline deadline) = 0;

  // Stores the records that say something new and brings persons, refusals and feed up to date, all
  // at once or not at all. Their identifiers are trimmed, sorted and unique.
  virtual absl::StatusOr<LinkOutcome> Link(const Project& project,
                                           absl::Span<const Evidence> records,
                                           Deadline deadline) = 0;
  // Records the binding; `from` unset as in the RPC.
  virtual absl::Status BindApp(const Project& project, const std::string& appid,
                               const std::string& account, std::optional<absl::Time> from,
                               Deadline deadline) = 0;
  // Links some of the app's waiting records whose account is known by now; 0 when none is left.
  virtual absl::StatusOr<int> ReleaseParked(const Project& project, const std::string& appid,
                                            Deadline deadline) = 0;

  virtual absl::StatusOr<int64_t> Version(const Project& project, Deadline deadline) = 0;
  // The person's index per identifier, 0 for none, all as of one version.
  virtual absl::StatusOr<std::vector<uint32_t>> FindPersons(
      const Project& project, absl::Span<const std::string> identifiers, int64_t* version,
      Deadline deadline) = 0;
  // The persons of the indexes, merged ones replaced by those they lead to, without repeats, in
  // ascending order; unknown and emptied ones are left out.
  virtual absl::StatusOr<std::vector<PersonView>> LoadPersons(const Project& project,
                                                              absl::Span<const uint32_t> indexes,
                                                              Deadline deadline) = 0;
  // The evidence and the decisions about an identifier's raw component.
  virtual absl::StatusOr<RawComponent> LoadComponent(const Project& project,
                                                     const std::string& identifier,
                                                     Deadline deadline) = 0;
  // The same for many identifiers, one per raw component; with them the place of each identifier's,
  // or -1 when there is none.
  virtual absl::StatusOr<std::vector<RawComponent>> LoadRawComponents(
      const Project& project, absl::Span<const std::string> identifiers, std::vector<int>* places,
      Deadline deadline) = 0;
  // As FindPersons, as it was known then; a version of the future is
  // INVALID_ARGUMENT/RESOLVE_INVALID.
  virtual absl::StatusOr<std::vector<uint32_t>> FindPersonsAt(
      const Project& project, absl::Span<const std::string> identifiers,
      std::optional<int64_t> version, std::optional<absl::Time> at, Deadline deadline) = 0;
  // Memberships by node, from behind `after` on.
  virtual absl::StatusOr<MembershipPage> ListMemberships(const Project& project, int64_t after,
                                                         int limit, Deadline deadline) = 0;
  virtual absl::StatusOr<std::vector<Binding>> ListBindings(const Project& project,
                                                            const std::string& appid,
                                                            Deadline deadline) = 0;
  // Identifiers that start so, in byte order, from behind `after` on.
  virtual absl::StatusOr<std::vector<std::string>> ListIdentifiers(const Project& project,
                                                                   const std::string& prefix,
                                                                   const std::string& after,
                                                                   int limit,
                                                                   Deadline deadline) = 0;
  // To whom an identifier belonged, the latest first.
  virtual absl::StatusOr<std::vector<HistorySpan>> History(const Project& project,
                                                           const std::string& identifier,
                                                           Deadline deadline) = 0;
  virtual absl::StatusOr<PastPerson> WhoWas(const Project& project, const std::string& identifier,
                                            std::optional<int64_t> version,
                                            std::optional<absl::Time> at, Deadline deadline) = 0;
  virtual absl::StatusOr<Versions> ReadVersions(const Project& project, Deadline deadline) = 0;
  virtual absl::StatusOr<PageOf<PersonView>> ListPersons(const Project& project,
                                                         const PersonFilter& filter,
                                                         const std::string& after, int limit,
                                                         Deadline deadline) = 0;
  virtual absl::StatusOr<PageOf<RefusalView>> ListRefusals(const Project& project,
                                                           const RefusalFilter& filter,
                                                           const std::string& after, int limit,
                                                           Deadline deadline) = 0;
  // Open refusals that name one of the identifiers and no other than these.
  virtual absl::StatusOr<std::vector<RefusalView>> FindRefusals(
      const Project& project, absl::Span<const std::string> identifiers, Deadline deadline) = 0;
  virtual absl::StatusOr<GraphStats> Stats(const Project& project, Deadline deadline) = 0;
  // Errors: INVALID_ARGUMENT/CURSOR_INVALID, FAILED_PRECONDITION/CURSOR_STALE.
  virtual absl::StatusOr<ChangePage> ListChanges(const Project& project, const std::string& cursor,
                                                 int limit, Deadline deadline) = 0;
};

}  // namespace datong::identity
