#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "tools/datong/demo/estate.h"

namespace datong::demo {

// What the suite should answer, counted from the estate itself by plain means; nothing of the suite
// is used. A person here is what anyone could know from the evidence that the story gives: a
// visitor who never shows a common id stays apart.
class Truth {
 public:
  // `follow_times`: when each follow of the story happened, as the simulator stamped it.
  Truth(const Estate& estate, const std::map<int, absl::Time>& follow_times);

  int64_t persons() const;
  int64_t identifiers() const { return static_cast<int64_t>(ids_.size()); }
  // True when both are known and of one person.
  bool SamePerson(const std::string& a, const std::string& b) const;

  struct Figures {
    int64_t users = 0;       // distinct persons with any event
    int64_t page_views = 0;  // PAGE events
    int64_t opens = 0;       // distinct session ids
    int64_t new_users = 0;   // persons whose first event in the scope is in the range
    bool operator==(const Figures&) const = default;
  };
  // Days `first`..`last` of the story, both included; all surfaces when `surface` is null.
  Figures Traffic(const Surface* surface, int first, int last) const;
  // Persons by the exact set of surfaces (bit = Surface) on which they were seen.
  std::map<uint32_t, int64_t> Overlap() const;
  // Persons who reach each step of follow → visit (shop or club) → order_submit → order_paid, in
  // order, within `window` from the follow; the best of all attempts.
  std::vector<int64_t> Funnel(absl::Duration window) const;
  // [cohort day][days later]: of the persons first seen on that day (over all surfaces), those seen
  // again exactly that many days later; [.][0] is the cohort.
  std::vector<std::vector<int64_t>> Retention(int cohorts, int periods) const;
  // New, gone and all followers of one day of the story.
  struct Followers {
    int64_t gained = 0, lost = 0, total = 0;
    bool operator==(const Followers&) const = default;
  };
  Followers FollowersOn(int day) const;
  int64_t events() const { return static_cast<int64_t>(events_.size()); }

 private:
  struct Event {
    int id;  // of identifier
    int day;
    int64_t ms;
    int session;  // -1: none
    Surface surface;
    Action action;
  };

  int Id(const std::string& identifier);
  int Root(int id) const;
  void Join(const std::string& a, const std::string& b) { parent_[Root(Id(a))] = Root(Id(b)); }
  void AddPersons();
  void AddCases();
  void AddEvent(const std::string& identifier, absl::Time at, int session, Surface surface,
                Action action);

  const Estate& estate_;
  std::unordered_map<std::string, int> ids_;
  mutable std::vector<int> parent_;
  std::vector<Event> events_;
};

}  // namespace datong::demo
