#pragma once

#include <algorithm>
#include <map>
#include <vector>

#include "services/broker/core/estate_platform.h"
#include "services/broker/core/estate_store.h"

namespace datong::broker {

// The estate's tables in memory, over the links of `links`; held to the contract of the real one.
// For tests on one thread.
class FakeEstateStore : public EstateStore {
 public:
  // What CreateLink of the real store wrote, told by the test.
  std::vector<AuthorizationLink> links;

  absl::Status SavePushSightings(const std::vector<PushSighting>& sightings, Deadline) override {
    for (const PushSighting& sighting : sightings) {
      PushSighting& held = sightings_[sighting.appid];
      held.appid = sighting.appid;
      held.accepted = std::max(held.accepted, sighting.accepted);
      if (sighting.refused >= held.refused) held.refused_reason = sighting.refused_reason;
      held.refused = std::max(held.refused, sighting.refused);
    }
    return absl::OkStatus();
  }
  absl::StatusOr<std::map<std::string, PushSighting>> GetPushSightings(
      const std::vector<std::string>& appids, Deadline) override {
    std::map<std::string, PushSighting> found;
    for (const std::string& appid : appids) {
      if (sightings_.contains(appid)) found[appid] = sightings_[appid];
    }
    return found;
  }
  absl::Status SaveReconciliation(const Reconciliation& reconciliation, Deadline) override {
    reconciliations_[reconciliation.component] = reconciliation;
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<Reconciliation>> GetReconciliation(const std::string& component,
                                                                  Deadline) override {
    const auto found = reconciliations_.find(component);
    if (found == reconciliations_.end()) return std::optional<Reconciliation>();
    return std::optional<Reconciliation>(found->second);
  }
  absl::StatusOr<std::map<std::string, std::string>> FindMendLinks(
      const std::string& project, const std::vector<std::string>& appids, absl::Time usable_until,
      Deadline) override {
    std::map<std::string, std::string> found;
    for (const AuthorizationLink& link : links) {
      if (link.project == project && link.appid.empty() && link.expires > usable_until &&
          std::count(appids.begin(), appids.end(), link.biz_appid) > 0) {
        found[link.biz_appid] = link.id;
      }
    }
    return found;
  }

 private:
  std::map<std::string, PushSighting> sightings_;
  std::map<std::string, Reconciliation> reconciliations_;
};

// Lists what the test put there, `page` at a time.
class FakeEstatePlatform : public EstatePlatform {
 public:
  std::vector<ListedAuthorizer> listed;
  size_t page = 2;

  absl::StatusOr<AuthorizerListPage> ListAuthorizers(const std::string&, const Secret&,
                                                     int64_t offset, Deadline) override {
    AuthorizerListPage answer;
    answer.total = static_cast<int64_t>(listed.size());
    for (size_t i = static_cast<size_t>(offset);
         i < listed.size() && answer.authorizers.size() < page; ++i) {
      answer.authorizers.push_back(listed[i]);
    }
    return answer;
  }
};

}  // namespace datong::broker
