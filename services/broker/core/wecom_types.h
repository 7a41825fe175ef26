#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// How the broker acts for a corp. Numbers as in datong.broker.v1 and in the database.
enum class WecomMode { kUnknown = 0, kSelfBuilt = 1, kThirdParty = 2, kAgency = 3 };

// A corp that authorised a suite, beside its App.
struct WecomCorp {
  std::string project;
  std::string appid;
  std::string suite;
  std::string corpid;  // as the suite sees it; never changed in case
  std::string provider;
  WecomMode mode = WecomMode::kUnknown;
  AppState state = AppState::kActive;
  std::string corp_name;
  std::string corp_full_name;
  bool verified = false;
  int32_t subject_type = 0;
  int64_t agentid = 0;
  int32_t privilege_level = 0;
  absl::Time authorized;
  std::optional<absl::Time> revoked;
  bool details_known = false;
};

// The app of a corp and a suite: a corp may install several.
inline std::string WecomCorpAppid(absl::string_view corpid, absl::string_view suite) {
  return absl::StrCat(corpid, "-", suite);
}

// The id of a template of agency-built apps.
inline bool IsAgencyTemplate(absl::string_view suite) { return absl::StartsWith(suite, "dk"); }
// A corpid as the corp itself sees it. A provider that sees it as well sees all ids of the corp as
// they were before the upgrade of 2022.
inline bool IsPlainCorpid(absl::string_view corpid) {
  return absl::StartsWithIgnoreCase(corpid, "ww") || absl::StartsWithIgnoreCase(corpid, "wx");
}

// Whose external_userids an app sees (R1.4): equal strings of different views are different
// contacts.
struct WecomView {
  std::string corpid;
  std::string provider;  // empty: of the corp's own app
  bool is_agency = false;

  std::string name() const {
    if (provider.empty()) return "self";
    if (!IsPlainCorpid(corpid)) return absl::StrCat("prov-", provider);
    return is_agency ? "self" : absl::StrCat("provv1-", provider);
  }
  std::string Ext(absl::string_view external_userid) const {
    return absl::StrCat("ext:", corpid, "/", name(), ":", external_userid);
  }
  // A pending_id is worth something for the provider that asked.
  std::string Pending(absl::string_view pending_id) const {
    return absl::StrCat("pending:", provider, "/", corpid, ":", pending_id);
  }
  // Ids that a provider saw before the upgrade of 2022.
  std::string OldExt(absl::string_view external_userid) const {
    return absl::StrCat("ext:", corpid, "/provv1-", provider, ":", external_userid);
  }
};

// A pending_id ends then; what came out of it in time stays joined.
inline constexpr absl::Duration kPendingLifetime = absl::Hours(90 * 24);

// A member of staff; userids of different corps may be equal.
struct WecomMember {
  std::string corpid;
  std::string userid;

  std::string name() const { return absl::StrCat(corpid, "/", userid); }
};

// One pass over the contacts of a corp.
struct WecomRoster {
  enum class State { kRunning = 1, kDone = 2, kFailed = 3 };
  std::string appid;
  State state = State::kRunning;
  absl::Time started;
  std::optional<absl::Time> ended;
  int32_t members = 0;
  int32_t members_done = 0;
  int64_t contacts = 0;
  int64_t unionids = 0;
  std::string cursor;  // within the members that are read now
  std::string error;
};

// Names the next step of a pass, so that a step which came twice is done once.
inline std::string RosterStep(const WecomRoster& roster) {
  return absl::StrCat(absl::ToUnixMicros(roster.started), "/", roster.members_done, "/",
                      roster.contacts, "/", roster.cursor);
}

}  // namespace datong::broker
