#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// Numbers of both as in datong.broker.v1.
enum class ReadinessResult { kPass = 1, kFail = 2, kUnknown = 3 };
enum class ReadinessTopic {
  kCredentials = 1,
  kIpAllowList = 2,
  kAccountStatus = 3,
  kCertified = 4,
  kEntity = 5,
  kOpenPlatformBound = 6,
  kOpenPlatformAccount = 7,
  kPermission = 8,
  kPushConfigured = 9,
  kLastPush = 10,
  kRequestDomains = 11,
  kWebAuthorizationDomain = 12,
  kQuota = 13,
  kTicket = 14,
  kReconciled = 15,
  kSameEntity = 16,
  kSameOpenPlatformAccount = 17,
};

// One text for people, in both languages.
struct LocalizedText {
  std::string zh = {};
  std::string en = {};
};

struct ReadinessCheck {
  ReadinessTopic topic = ReadinessTopic::kCredentials;
  LocalizedText subject = {};  // of permissions and quotas: for what
  ReadinessResult result = ReadinessResult::kUnknown;
  LocalizedText reason = {};
  LocalizedText next_step = {};
};

struct AppReadiness {
  App app;
  std::string mend_url;
  std::vector<ReadinessCheck> checks;
};

struct ReadinessReport {
  std::vector<AppReadiness> apps;
  std::vector<ReadinessCheck> shared;
  absl::Time when;
};

}  // namespace datong::broker
