#pragma once

#include <cstdint>
#include <map>
#include <pqxx/pqxx>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/base/secret.h"
#include "services/identity/core/graph_store.h"
#include "services/identity/core/link_plan.h"
#include "services/identity/core/scoping.h"
#include "services/identity/core/take_away.h"

namespace datong::identity {

// One batch of evidence in one transaction: brings the records into scope, finds the nodes, locks
// the raw components, plans, writes. For one use. Throws as libpqxx does.
class GraphWriter {
 public:
  // `policy` is for projects that chose none.
  GraphWriter(pqxx::work& work, const Project& project, const Policy& policy, absl::Time now)
      : work_(work), project_(project), policy_(policy), now_(now) {}

  // Errors: ABORTED/LINK_CONFLICT, to be done again from the start.
  absl::StatusOr<LinkOutcome> Link(absl::Span<const Evidence> records);

  // The same with decisions, which change what evidence means.
  absl::StatusOr<LinkOutcome> Apply(absl::Span<const Evidence> records,
                                    absl::Span<const Decision> decisions);
  // Deletes what was observed about the identifiers up to then, and leaves tombstones (R6.1). With
  // `whole_person`, about all identifiers of the persons that hold them. Gives their number.
  absl::StatusOr<int> Erase(std::vector<std::string> ids, bool whole_person, absl::Time at);

  // Works out the raw components anew by the policy that holds (which may take another view of what
  // is an identifier than when the evidence came).
  absl::Status Recompute(const std::string& components);
  // Evidence as it is stored, and as it came.
  struct Rescoped {
    Evidence stored;
    Evidence original;
    int64_t node = 0;
    std::string evidence_id;  // hexadecimal
  };
  // Brings stored evidence into scope anew, and links it anew where that makes a difference (or
  // `unchanged_too`).
  absl::StatusOr<LinkOutcome> Rescope(absl::Span<const Rescoped> records, bool unchanged_too);

  // Closes the refusals of what waited for the app's account and waits no more, of these nodes.
  void CloseWaiting(const std::string& nodes, const std::string& appid);

  // What was done, for metrics after the commit.
  const LinkPlan& plan() const { return plan_; }
  const std::vector<Refusal>& record_refusals() const { return record_refusals_; }
  int opened_incidents() const { return opened_incidents_; }

 private:
  struct Door {
    DoorRecord record;
    std::vector<Refusal> refusals;
    size_t place = 0;                   // among the given records
    std::vector<std::string> unscoped;  // as it came, if a binding scoped some of it
  };
  struct Parked {
    Evidence record;
    std::vector<std::string> unknown;
    std::string app;
  };

  void Scope(absl::Span<const Evidence> records, LinkOutcome& outcome);
  // Which of the records (in scope, with the identifiers as they came) an erasure keeps out.
  std::vector<bool> FindErased(absl::Span<const Evidence> records, absl::Span<const Scoped> scoped);
  void ExtendErasure(const Evidence& record, absl::Time erased, const Secret& key);
  // Takes out of the records what a withdrawn authorisation forbids to know.
  void DropRevoked();
  Bindings ReadBindings(absl::Span<const Evidence> records);
  int64_t NodeOfId(const std::string& id);
  // Finds out which identifiers are unknown. Records whose identifiers collide are dropped.
  void FindNodes(LinkOutcome& outcome);
  // Gives the names of the raw components, all locked. Errors: ABORTED/LINK_CONFLICT.
  absl::StatusOr<std::set<int64_t>> LockComponents();
  GraphState LoadState(const std::set<int64_t>& components);
  // Errors: ABORTED/LINK_CONFLICT when an identifier was erased meanwhile.
  absl::Status CheckPresent(const GraphState& state) const;
  // Adds the decisions that are new to the state, and deletes the phones that they revoke.
  void TakeDecisions(absl::Span<const Decision> decisions, GraphState& state);
  void LoadEvidence(const std::string& nodes, GraphState& state);
  void LoadRefusals(const std::string& nodes, GraphState& state);
  // Reads what the records are admitted and scoped by; Allocate finds out when it changed
  // meanwhile.
  void ReadRules();
  // Takes the lock of the project, versions and person indexes. Errors: ABORTED/LINK_CONFLICT when
  // what the records were admitted and scoped by has changed.
  absl::Status Allocate();

  void WriteEvidence();
  void WriteParked();
  // Unknown identifiers are written once, as they are in the end: nothing holds a lock on them
  // until then. Errors: ABORTED/LINK_CONFLICT when another writer made one of them known meanwhile.
  absl::Status WriteNodes();
  absl::Status WritePersons();
  absl::Status WriteChanges();
  void WriteDecisions();
  void DeleteReplaced();
  // All that the plan says. Errors: those of WriteNodes.
  absl::Status WritePlan();
  void WriteFrozen();
  // Counts the conflicts of strong evidence, and opens incidents (R4.5).
  void CountConflicts(const std::vector<Refusal>& known);
  // Takes the unionids of apps with an open incident out of the record (which came so); gives the
  // app.
  std::string HoldBack(const Evidence& record, Scoped& scoped) const;
  // Adds the identifiers that evidence of the same raw components shows by the policy that holds
  // now: while a change of it is worked out, some are no nodes yet.
  void CompleteIds();
  // Errors: ABORTED/LINK_CONFLICT when there came more of them meanwhile.
  absl::Status CheckComplete(const GraphState& state) const;
  // Opens and closes the refusals of single identifiers as the policy sees them.
  void ReviewIdentifiers(const GraphState& state);
  int64_t CountChanges() const;
  // What of it goes into the feed of erasures, as a bigint array.
  std::string ErasedNodes();
  // Takes what was erased out of every table, but for what needs no node. `members` are the nodes
  // of the raw components. Gives the erased nodes, with those of unionids as they wait for their
  // account; both are bigint arrays.
  std::string Scrub(const TakenAway& erased, const std::string& members, absl::Time at);
  // Parts that leave a person and had a name of their own before get it back (R5.4).
  void ReturnNames(const GraphState& state);
  void WriteRefusals();
  // What the feed says of a refusal.
  struct ToldRefusal {
    ChangeKind kind;
    int64_t number = 0;
    std::string ids;  // a line each
    std::string reason;
  };
  std::vector<ToldRefusal> OpenRefusals();
  // Writes them behind all that the feed holds; the caller has the lock of the project.
  void TellRefusals(const std::vector<ToldRefusal>& told);
  // Identifiers that came to a person take over what the person withdrew.
  void WriteConsents();
  int64_t PersonOf(int64_t planned) const {
    return planned >= 0 ? planned : next_person_ - planned - 1;
  }

  pqxx::work& work_;
  const Project& project_;
  Policy policy_;
  const absl::Time now_;

  std::vector<Door> door_;  // the records in scope
  std::vector<Parked> parked_;
  std::vector<Refusal> record_refusals_;  // of the records that are new
  std::vector<Decision> decisions_;       // that are new
  std::vector<ToldRefusal> scrubbed_;     // open refusals that went with an erasure
  TakenAway erased_;
  std::map<int64_t, std::string> ids_;  // by node: the identifiers of the clean records
  std::set<int64_t> fresh_;             // those that nobody knew
  LinkPlan plan_;
  int64_t rules_version_ = 0;
  std::set<std::string> held_apps_;  // of open incidents
  std::vector<Rescoped> replaced_;   // stored evidence that goes
  bool any_frozen_ = false;
  bool recomputing_ = false;
  int opened_incidents_ = 0;
  int64_t change_count_ = 0;
  int64_t version_ = 0;      // after the batch
  int64_t next_person_ = 0;  // the first of the new persons
  bool any_consents_ = false;
};

}  // namespace datong::identity
