#pragma once

#include <map>
#include <string>
#include <vector>

#include "services/broker/core/readiness_platform.h"

namespace datong::broker {

// Tells of every account what the test put there; by default all is as it should be. For tests that
// set it up before they ask.
class FakeReadinessPlatform : public ReadinessPlatform {
 public:
  absl::StatusOr<AccountBasics> basics = AccountBasics{"Shop Ltd", 1, 1, 1, true};
  absl::StatusOr<AccountProfile> profile =
      AccountProfile{AppKind::kOfficialAccount, "Shop Ltd", 0, 1, {1, 2, 3, 4, 7, 11}, {}};
  absl::StatusOr<bool> bound = true;
  absl::StatusOr<std::string> open_account = std::string("wx0123456789abcdef");
  absl::StatusOr<QuotaLeft> quota = QuotaLeft{1000, 100, 900};

  absl::StatusOr<AccountBasics> GetBasics(const Secret&, Deadline) override { return basics; }
  absl::StatusOr<AccountProfile> GetProfile(const std::string&, const Secret&, const std::string&,
                                            Deadline) override {
    return profile;
  }
  absl::StatusOr<bool> IsBound(const Secret&, Deadline) override { return bound; }
  absl::StatusOr<std::string> GetOpenAccount(const Secret&, const std::string&, Deadline) override {
    return open_account;
  }
  absl::StatusOr<QuotaLeft> GetQuota(const Secret&, const std::string&, Deadline) override {
    return quota;
  }
  absl::StatusOr<std::vector<std::string>> GetCallbackAddresses(const Secret&, Deadline) override {
    return std::vector<std::string>{"106.55.206.146"};
  }
};

}  // namespace datong::broker
