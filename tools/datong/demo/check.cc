#include "tools/datong/demo/check.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/time/shanghai.h"
#include "tools/datong/demo/cases.h"

namespace datong::demo {
namespace {

constexpr Surface kAllSurfaces[] = {Surface::kAccount, Surface::kShop, Surface::kClub, Surface::kH5,
                                    Surface::kServer};

class Checker {
 public:
  Checker(const Answers& answers, const Truth& truth, const Estate& estate)
      : answers_(answers), truth_(truth), estate_(estate) {}

  std::vector<std::string> Check() {
    Expect("identifiers", answers_.graph.identifier_count(), truth_.identifiers());
    Expect("persons", answers_.graph.person_count(), truth_.persons());
    CheckTraffic(answers_.traffic_total, 0);
    CheckTraffic(answers_.traffic_by_day, 1);
    CheckOverlap();
    CheckFunnel();
    CheckRetention();
    CheckFollowers();
    CheckCases();
    return std::move(differences_);
  }

 private:
  void Expect(const std::string& what, int64_t answer, int64_t truth) {
    if (answer == truth) return;
    differences_.push_back(absl::StrCat(what, ": the suite says ", answer, ", in truth ", truth));
  }

  int DayOf(const std::string& day) const {
    return static_cast<int>(*ParseDay(day) - estate_.first_day);
  }

  void CheckTraffic(const insight::v1::QueryTrafficResponse& answer, int granularity_days) {
    int64_t rows = 0;
    for (const insight::v1::TrafficRow& row : answer.rows()) {
      const int first = DayOf(row.begin_day()), last = DayOf(row.end_day());
      const Surface* surface = nullptr;
      for (const Surface& candidate : kAllSurfaces) {
        if (row.surface() == SurfaceName(candidate)) surface = &candidate;
      }
      const bool known = surface != nullptr || row.surface().empty();
      const Truth::Figures truth = known ? truth_.Traffic(surface, first, last) : Truth::Figures{};
      const std::string where =
          absl::StrCat("traffic of ", row.surface().empty() ? "all" : row.surface(), " from ",
                       row.begin_day(), ": ");
      Expect(where + "visitors", row.visitors(), truth.users);
      Expect(where + "page views", row.page_views(), truth.page_views);
      Expect(where + "opens", row.opens(), truth.opens);
      Expect(where + "new", row.new_visitors(), truth.new_users);
      if (known) ++rows;
    }
    const int64_t periods = granularity_days == 0 ? 1 : estate_.options.days;
    Expect("rows of traffic", rows, periods * (static_cast<int64_t>(std::size(kAllSurfaces)) + 1));
    if (granularity_days == 0 && !answer.rows().empty()) {
      Expect("events", answer.rows(0).events(), truth_.events());
    }
  }

  void CheckOverlap() {
    std::map<std::set<std::string>, int64_t> answered, expected;
    for (const insight::v1::OverlapCell& cell : answers_.overlap.cells()) {
      answered[{cell.surfaces().begin(), cell.surfaces().end()}] = cell.persons();
    }
    for (const auto& [mask, persons] : truth_.Overlap()) {
      std::set<std::string> names;
      for (const Surface surface : kAllSurfaces) {
        if (mask & (1U << static_cast<int>(surface))) names.insert(SurfaceName(surface));
      }
      expected[names] = persons;
    }
    for (const auto& [names, persons] : expected) {
      Expect("overlap of " + absl::StrJoin(names, " + "), answered[names], persons);
    }
    Expect("cells of overlap", static_cast<int64_t>(answered.size()),
           static_cast<int64_t>(expected.size()));
  }

  void CheckFunnel() {
    const std::vector<int64_t> truth = truth_.Funnel(kFunnelWindow);
    Expect("steps of the funnel", answers_.funnel.steps_size(), static_cast<int64_t>(truth.size()));
    for (int step = 0;
         step < std::min(answers_.funnel.steps_size(), static_cast<int>(truth.size())); ++step) {
      Expect("funnel step " + answers_.funnel.steps(step).display_name(),
             answers_.funnel.steps(step).persons(), truth[static_cast<size_t>(step)]);
    }
  }

  void CheckRetention() {
    const auto truth = truth_.Retention(estate_.options.days, kRetentionPeriods);
    Expect("cohorts of retention", answers_.retention.rows_size(), estate_.options.days);
    int64_t cells = 0, expected_cells = 0;
    for (int day = 0; day < estate_.options.days; ++day) {
      expected_cells += std::min(kRetentionPeriods, estate_.options.days - 1 - day) + 1;
    }
    for (const insight::v1::RetentionRow& row : answers_.retention.rows()) {
      const int day = DayOf(row.day());
      Expect("cohort of " + row.day(), row.size(), truth[static_cast<size_t>(day)][0]);
      for (const insight::v1::RetentionCell& cell : row.cells()) {
        // The morning after the story is not over, so its cells are no part of the truth's days.
        if (day + cell.period() >= estate_.options.days) continue;
        ++cells;
        Expect(absl::StrCat("retention of ", row.day(), " after ", cell.period(), " days"),
               cell.persons(), truth[static_cast<size_t>(day)][static_cast<size_t>(cell.period())]);
      }
    }
    Expect("cells of retention", cells, expected_cells);
  }

  void CheckFollowers() {
    int64_t days = 0;
    for (const insight::v1::FollowerDay& row : answers_.followers.days()) {
      if (!row.app().empty()) continue;
      const Truth::Followers truth = truth_.FollowersOn(DayOf(row.day()));
      Expect("followers won on " + row.day(), row.new_followers(), truth.gained);
      Expect("followers lost on " + row.day(), row.cancelled_followers(), truth.lost);
      Expect("followers on " + row.day(), row.cumulative_followers(), truth.total);
      ++days;
    }
    Expect("days of followers", days, estate_.options.days + 90);
  }

  void CheckCases() {
    for (const Case& constructed : ConstructedCases()) {
      for (const auto& [ids, reason] : constructed.refused) {
        const std::set<std::string> wanted(ids.begin(), ids.end());
        const bool found = std::any_of(
            answers_.refusals.begin(), answers_.refusals.end(),
            [&, &why = reason](const auto& refusal) {
              return refusal.reason() == why &&
                     std::set<std::string>(refusal.ids().begin(), refusal.ids().end()) == wanted;
            });
        if (!found) {
          differences_.push_back(absl::StrCat("case \"", constructed.title,
                                              "\": ", absl::StrJoin(ids, " and "),
                                              " should be refused as ", reason));
        }
      }
    }
  }

  const Answers& answers_;
  const Truth& truth_;
  const Estate& estate_;
  std::vector<std::string> differences_;
};

}  // namespace

std::vector<std::string> DifferencesFromTruth(const Answers& answers, const Truth& truth,
                                              const Estate& estate) {
  return Checker(answers, truth, estate).Check();
}

}  // namespace datong::demo
