#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/broker/core/estate_store.h"
#include "services/broker/core/readiness_platform.h"
#include "services/broker/core/readiness_types.h"
#include "services/broker/core/wecom_types.h"

namespace datong::broker {

// The status of what was not asked.
absl::Status NotAsked();

// What is known of a corp of WeCom beside.
struct WecomFacts {
  std::optional<WecomCorp> corp;  // one that authorised a suite
  std::optional<WecomRoster> roster;
  absl::StatusOr<size_t> members = NotAsked();  // with customer contact, that the app sees
};

// What is known of one app, from WeChat and from here; the judges below read nothing else.
struct AppFacts {
  App app;
  std::string mend_url;
  bool has_callback_token = false;  // its own, or its component's
  absl::Status token = NotAsked();  // OK: the broker holds one
  absl::StatusOr<AccountBasics> basics = NotAsked();
  absl::StatusOr<AccountProfile> profile = NotAsked();
  absl::StatusOr<bool> is_bound = NotAsked();
  absl::StatusOr<std::string> open_account = NotAsked();
  std::vector<std::pair<LocalizedText, absl::StatusOr<QuotaLeft>>> quotas;
  absl::StatusOr<std::vector<std::string>> callback_addresses = NotAsked();
  std::vector<int32_t> permission_sets;  // as stored
  std::optional<PushSighting> push;
  std::optional<absl::Time> ticket;  // when the newest one came
  std::optional<Reconciliation> reconciliation;
  WecomFacts wecom;
};

// Where the suite stands, as the operator set it up.
struct Surroundings {
  std::string public_url;
  std::string collector_url;
  absl::Time now;
};

// All checks of one app, in the order in which an operator mends them.
std::vector<ReadinessCheck> JudgeApp(const AppFacts& facts, const Surroundings& around);
// What all apps together must have. Empty for fewer than two accounts.
std::vector<ReadinessCheck> JudgeTogether(const std::vector<AppFacts>& apps);

// Parts of JudgeApp, by subject.
void JudgeCredentials(const AppFacts& facts, std::vector<ReadinessCheck>& checks);
void JudgeStanding(const AppFacts& facts, std::vector<ReadinessCheck>& checks);
void JudgeOpenPlatform(const AppFacts& facts, std::vector<ReadinessCheck>& checks);
void JudgePermissions(const AppFacts& facts, std::vector<ReadinessCheck>& checks);
void JudgePushes(const AppFacts& facts, const Surroundings& around,
                 std::vector<ReadinessCheck>& checks);
void JudgeDomains(const AppFacts& facts, const Surroundings& around,
                  std::vector<ReadinessCheck>& checks);
void JudgeQuotas(const AppFacts& facts, std::vector<ReadinessCheck>& checks);
void JudgeComponent(const AppFacts& facts, const Surroundings& around,
                    std::vector<ReadinessCheck>& checks);
// All checks of an app of WeCom.
std::vector<ReadinessCheck> JudgeWecom(const AppFacts& facts, const Surroundings& around);

// Helpers of the judges.
ReadinessCheck Pass(ReadinessTopic topic, LocalizedText reason);
ReadinessCheck Fail(ReadinessTopic topic, LocalizedText reason, LocalizedText next_step);
ReadinessCheck Unknown(ReadinessTopic topic, LocalizedText reason, LocalizedText next_step = {});
// What the platform said of bad credentials, or "".
std::string DetailOf(const AppFacts& facts);
// The address that it saw, out of its errmsg; "" when it names none.
std::string AddressIn(const std::string& detail);
// "2026-03-01 07:00" in Shanghai.
std::string WhenInShanghai(absl::Time time);
// Why something could not be asked.
LocalizedText WhyUnknown(const absl::Status& status);
// The legal entity, or "".
std::string EntityOf(const AppFacts& facts);
// "https://a.cn:8443/x" → "a.cn:8443".
std::string HostOf(const std::string& url);

}  // namespace datong::broker
