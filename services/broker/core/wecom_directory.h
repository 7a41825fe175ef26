#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/wecom_types.h"

namespace datong::broker {

// Finds apps of WeCom and the view in which each sees contacts. Thread-safe; blocks on the
// database.
class WecomDirectory {
 public:
  explicit WecomDirectory(AppStore& apps) : apps_(apps) {}

  struct Entry {
    App app;
    WecomView view;  // of a suite: without a corp
  };

  // Errors: NOT_FOUND/APP_UNKNOWN, INVALID_ARGUMENT/APP_KIND_UNSUPPORTED (not of WeCom, a
  // provider), FAILED_PRECONDITION/APP_REVOKED.
  absl::StatusOr<Entry> Find(const std::string& project, const std::string& appid,
                             Deadline deadline) {
    absl::StatusOr<App> app = apps_.GetApp(appid, deadline);
    if (!app.ok()) return app.status();
    if (app->project != project) return AppUnknown(AppName(project, appid));
    if (app->kind != AppKind::kWecomCorp && app->kind != AppKind::kWecomSuite) {
      return AppKindUnsupported(appid, "an app of a WeCom corp or a suite");
    }
    if (app->state == AppState::kRevoked) return AppRevoked(app->name());
    WecomView view;
    if (app->kind == AppKind::kWecomSuite) {
      view.provider = ProviderOf(*app);
      view.is_agency = IsAgencyTemplate(app->appid);
    } else {
      view.corpid = app->corpid;
      if (!app->component.empty()) {
        absl::StatusOr<App> suite = apps_.GetApp(app->component, deadline);
        if (!suite.ok()) return suite.status();
        view.provider = ProviderOf(*suite);
        view.is_agency = IsAgencyTemplate(suite->appid);
      }
    }
    return Entry{*std::move(app), std::move(view)};
  }

 private:
  // A suite of an individual has no corp behind it: its views are its own.
  static std::string ProviderOf(const App& suite) {
    return suite.corpid.empty() ? suite.appid : suite.corpid;
  }

  AppStore& apps_;
};

}  // namespace datong::broker
