#include "tools/datong/demo/run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "common/time/shanghai.h"
#include "tools/datong/demo/check.h"
#include "tools/datong/demo/report.h"

namespace datong::demo {
namespace {

// Somebody with much to tell: a follower of the story who signs in on both mini programs and buys.
const Person& MostInteresting(const Estate& estate) {
  std::vector<int> payments(estate.persons.size(), 0);
  for (const Day& day : estate.days) {
    for (const Payment& payment : day.payments) ++payments[static_cast<size_t>(payment.person)];
  }
  const auto score = [&](const Person& person) {
    const bool follows = person.follow_day >= 0 && person.follow_day < estate.options.days;
    return (follows ? 100 : 0) + (person.signs_in_shop ? 20 : 0) + (person.signs_in_club ? 20 : 0) +
           (person.h5 == H5Group::kClaimsOpenid ? 20 : 0) +
           payments[static_cast<size_t>(person.id)];
  };
  return *std::max_element(estate.persons.begin(), estate.persons.end(),
                           [&](const Person& a, const Person& b) { return score(a) < score(b); });
}

}  // namespace

absl::StatusOr<Performance> Perform(const EstateOptions& options,
                                    const tools::DevStackOptions& where,
                                    const std::function<void(const std::string&)>& progress) {
  const Estate estate = MakeEstate(options);
  tools::DevStackOptions stack_options = where;
  stack_options.start_time = ShanghaiMidnight(estate.first_day) + absl::Hours(9);
  stack_options.progress = progress;
  stack_options.authenticate = true;
  stack_options.fsync = false;  // a story is told again, not recovered
  Performance performance;
  DATONG_ASSIGN_OR_RETURN(performance.stack, tools::DevStack::Start(stack_options));
  tools::DevStack& stack = *performance.stack;
  Stage stage;
  stage.doors = stack.doors();
  stage.api_key = stack.api_key();
  stage.simulator = &stack.simulator();
  absl::StatusOr<Experience> told = TellStory(stage, estate, progress);
  // A service that has died explains the rest.
  if (!told.ok()) DATONG_RETURN_IF_ERROR(stack.Check());
  DATONG_ASSIGN_OR_RETURN(performance.experience, std::move(told));
  progress("The suite is asked");
  DATONG_ASSIGN_OR_RETURN(
      performance.answers,
      AskTheSuite(stage, estate,
                  absl::StrCat("unionid:", kOpenPlatform, ":", MostInteresting(estate).unionid)));
  progress("The answers are held against the truth");
  performance.differences = DifferencesFromTruth(
      performance.answers, Truth(estate, performance.experience.follow_times), estate);
  performance.report = Report(performance.answers, performance.experience, estate);
  return performance;
}

}  // namespace datong::demo
