#include "services/broker/core/app_cache.h"

#include <utility>

#include "common/status/macros.h"
#include "services/broker/core/errors.h"

namespace datong::broker {
namespace {

constexpr absl::Duration kRemembered = absl::Seconds(2);
constexpr size_t kMostHeld = 1000;

}  // namespace

absl::StatusOr<AppEntryPtr> AppCache::Get(const std::string& project, const std::string& appid,
                                          Deadline deadline) {
  {
    MutexLock lock(&mutex_);
    const auto found = held_.find(appid);
    if (found != held_.end() && !found->second.end.Passed() &&
        found->second.entry->app.project == project) {
      return found->second.entry;
    }
  }
  AppEntry entry;
  absl::StatusOr<App> app = apps_.GetApp(appid, deadline);
  if (absl::IsNotFound(app.status()) || (app.ok() && app->project != project)) {
    return AppUnknown(AppName(project, appid));
  }
  if (!app.ok()) return app.status();
  entry.app = *std::move(app);
  if (entry.app.component.empty()) {
    DATONG_ASSIGN_OR_RETURN(entry.credentials, apps_.GetCredentials(appid, deadline));
  }
  AppEntryPtr shared = std::make_shared<const AppEntry>(std::move(entry));
  MutexLock lock(&mutex_);
  if (held_.size() >= kMostHeld) held_.clear();
  held_.insert_or_assign(appid, Held{shared, Deadline::After(kRemembered)});
  return shared;
}

}  // namespace datong::broker
