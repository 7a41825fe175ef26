#include "services/insight/core/followers.h"

#include <set>
#include <utility>

namespace datong::insight {

FollowerGrowth BuildFollowerGrowth(const FollowerFacts& facts, const DayRange& range,
                                   const std::vector<std::string>& apps) {
  std::set<std::string> all_apps(apps.begin(), apps.end());
  std::map<std::pair<absl::CivilDay, std::string>, FollowerDay> cells;
  std::map<int64_t, FollowerSource> sources;
  FollowerGrowth growth;
  const auto cell = [&](absl::CivilDay day, const std::string& app) -> FollowerDay& {
    all_apps.insert(app);
    FollowerDay& found = cells[{day, app}];
    // Reported: what has no row had no movement.
    if (!found.new_followers.has_value()) found.new_followers = 0;
    if (!found.cancelled.has_value()) found.cancelled = 0;
    return found;
  };
  for (const FollowerChange& change : facts.changes) {
    FollowerDay& day = cell(change.day, change.app);
    *day.new_followers += change.new_followers;
    *day.cancelled += change.cancelled;
    for (FollowerSource* sum : {&sources[change.user_source], &growth.total}) {
      sum->new_followers += change.new_followers;
      sum->cancelled += change.cancelled;
    }
  }
  for (const FollowerTotal& total : facts.totals) {
    cell(total.day, total.app).cumulative = total.followers;
  }
  for (absl::CivilDay day = range.begin; day <= range.end; ++day) {
    FollowerDay all{day, "", std::nullopt, std::nullopt, std::nullopt};
    std::vector<FollowerDay> rows;
    bool every_total = !all_apps.empty();
    int64_t followers = 0;
    for (const std::string& app : all_apps) {
      const auto it = cells.find({day, app});
      FollowerDay row = it == cells.end() ? FollowerDay{} : it->second;
      row.day = day;
      row.app = app;
      if (row.new_followers.has_value()) {
        all.new_followers = all.new_followers.value_or(0) + *row.new_followers;
        all.cancelled = all.cancelled.value_or(0) + *row.cancelled;
      }
      every_total = every_total && row.cumulative.has_value();
      followers += row.cumulative.value_or(0);
      rows.push_back(std::move(row));
    }
    if (every_total) all.cumulative = followers;
    growth.days.push_back(std::move(all));
    growth.days.insert(growth.days.end(), rows.begin(), rows.end());
  }
  for (auto& [code, source] : sources) {
    source.user_source = code;
    growth.sources.push_back(source);
  }
  return growth;
}

std::string UserSourceName(int64_t user_source) {
  switch (user_source) {
    case 0:
      return "other";
    case 1:
      return "account search";
    case 3:
      return "QR code (until 2015)";
    case 17:
      return "name card share";
    case 30:
      return "QR code";
    case 35:
      return "search by number";
    case 39:
      return "account query";
    case 43:
      return "menu of an article page";
    case 51:
      return "after payment";
    case 57:
      return "account name in an article";
    case 75:
      return "advertisement in an article";
    case 78:
      return "advertisement in Moments";
    case 100:
      return "WeChat advertisements";
    case 149:
      return "followed from a mini program";
    case 161:
      return "reposted by others";
    case 200:
      return "Channels";
    case 201:
      return "live stream";
    default:
      return "";
  }
}

}  // namespace datong::insight
