#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/time/deadline.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// A page of the account feed: appids in the order of commit, without gaps, at least once each.
struct AccountFeedPage {
  struct Entry {
    App app;
    std::optional<Authorization> authorization;
    absl::Time changed;
  };
  std::vector<Entry> entries;
  std::string next_cursor;  // opaque, never empty
  bool caught_up = false;
};

// Projects, apps with their sealed credentials, and the account feed. Thread-safe; every call is
// one transaction and blocks until its deadline. Errors of all: those of postgres::Pool.
class AppStore {
 public:
  virtual ~AppStore() = default;

  // Stores the project with a new number and the job that announces it, or answers the one that is
  // there. Errors: ALREADY_EXISTS/PROJECT_EXISTS when its display name differs.
  virtual absl::StatusOr<Project> CreateProject(const Project& project, Deadline deadline) = 0;
  // Errors: NOT_FOUND/PROJECT_UNKNOWN.
  virtual absl::StatusOr<Project> GetProject(const std::string& id, Deadline deadline) = 0;
  // Those after `after`, by id.
  virtual absl::StatusOr<std::vector<Project>> ListProjects(const std::string& after, int limit,
                                                            Deadline deadline) = 0;

  // Stores the app with the jobs that announce it (accounts) or start its tickets (components), or
  // answers the one that is there. Errors: NOT_FOUND/PROJECT_UNKNOWN, ALREADY_EXISTS/APP_EXISTS.
  virtual absl::StatusOr<App> CreateApp(const App& app, const Credentials& credentials,
                                        Deadline deadline) = 0;
  // By appid alone: it belongs to one project. Errors: NOT_FOUND/APP_UNKNOWN.
  virtual absl::StatusOr<App> GetApp(const std::string& appid, Deadline deadline) = 0;
  virtual absl::StatusOr<std::vector<App>> ListApps(const std::string& project,
                                                    const std::string& after, int limit,
                                                    Deadline deadline) = 0;
  // Tells the feed and announces the app anew.
  virtual absl::StatusOr<App> UpdateApp(const std::string& appid, const AppChange& change,
                                        Deadline deadline) = 0;
  // Changes state and detail and tells the feed, if they are others.
  virtual absl::Status SetState(const std::string& appid, AppState state, const std::string& detail,
                                Deadline deadline) = 0;
  virtual absl::StatusOr<Credentials> GetCredentials(const std::string& appid,
                                                     Deadline deadline) = 0;

  // `cursor` is "" at the start. Errors: INVALID_ARGUMENT/PAGE_TOKEN_INVALID.
  virtual absl::StatusOr<AccountFeedPage> ReadFeed(const std::string& project,
                                                   const std::string& cursor, int limit,
                                                   Deadline deadline) = 0;
};

}  // namespace datong::broker
