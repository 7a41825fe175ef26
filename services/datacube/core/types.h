#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace datong::datacube {

// What is fetched. The order is that of the metrics and of the answers.
enum class Api { kUserSummary, kUserCumulate, kRoster };
inline constexpr std::array<Api, 3> kApis = {Api::kUserSummary, Api::kUserCumulate, Api::kRoster};
inline constexpr std::array<Api, 2> kStatisticsApis = {Api::kUserSummary, Api::kUserCumulate};

inline absl::string_view ApiName(Api api) {
  switch (api) {
    case Api::kUserSummary:
      return "getusersummary";
    case Api::kUserCumulate:
      return "getusercumulate";
    case Api::kRoster:
      break;
  }
  return "roster";
}

inline std::optional<Api> ApiFromName(absl::string_view name) {
  for (const Api api : kApis) {
    if (ApiName(api) == name) return api;
  }
  return std::nullopt;
}

// A span of days, both ends included.
struct DaySpan {
  absl::CivilDay begin;
  absl::CivilDay end;
  bool operator==(const DaySpan&) const = default;
};

// A connected account. `project` and `appid` are bare ids.
struct AppKey {
  std::string project;
  std::string appid;
  bool operator==(const AppKey&) const = default;
};

inline constexpr absl::string_view kOfficialAccount = "official_account";

// One row of getusersummary. A figure that the platform left out is empty.
struct ChangeRow {
  absl::CivilDay day;
  int64_t user_source = 0;
  std::optional<int64_t> new_user;
  std::optional<int64_t> cancel_user;
  std::string raw_json;
  bool operator==(const ChangeRow&) const = default;
};

// One row of getusercumulate.
struct TotalRow {
  absl::CivilDay day;
  std::optional<int64_t> cumulate_user;
  std::string raw_json;
  bool operator==(const TotalRow&) const = default;
};

// What the platform says of one follower.
struct FollowerInfo {
  std::string openid;
  bool follows = false;
  std::optional<int64_t> subscribe_time;  // unix seconds
  std::string scene;
  std::string unionid;  // empty when unknown
  bool operator==(const FollowerInfo&) const = default;
};

// One page of the follower list.
struct RosterPage {
  int64_t total = 0;
  std::vector<std::string> openids;
  std::string next_openid;
};

// An openid with, if known, its unionid: evidence for identity.
struct OpenidPair {
  std::string openid;
  std::string unionid;
  bool operator==(const OpenidPair&) const = default;
};

enum class Trigger { kConnected, kNightly, kRequested };
enum class RunState { kRunning, kSucceeded, kFailed, kAbandoned };

// What is known of one interface of one app beyond its data.
enum class ApiCondition { kFine, kNotReady, kQuota, kRefused, kUnreachable };

// The kinds of work. All but kEvidence call the platform.
enum class PieceKind { kStatistics, kRosterPage, kRosterBatch, kEvidence };

// One piece of a sync run: what one call to the platform (or to identity) does.
struct Piece {
  int64_t id = 0;     // 0 until stored
  int64_t claim = 0;  // of the present claim; a later claim fences off an earlier one
  int64_t run = 0;
  AppKey app;
  PieceKind kind = PieceKind::kStatistics;
  Api api = Api::kRoster;
  DaySpan span;                      // kStatistics
  std::string cursor;                // kRosterPage: next_openid to ask with
  int64_t collected = 0;             // kRosterPage: openids listed by the pages before
  std::vector<std::string> openids;  // kRosterBatch
  std::vector<OpenidPair> pairs;     // kEvidence
  absl::Time observed_time;          // kEvidence: when the platform said so
  int attempts = 0;                  // calls made before this one
  absl::Time due_time;
  absl::Time give_up_time;  // not-ready and unreachable answers after it end the piece
  ApiCondition condition = ApiCondition::kFine;  // what it waits for
  std::string reason;                            // in words
};

// A run to be started, with its first pieces.
struct NewRun {
  AppKey app;
  Trigger trigger = Trigger::kNightly;
  std::string request_id;    // kRequested only
  std::string request_text;  // kRequested: what was asked, to tell a repeat from a reuse
  absl::Time create_time;
  std::vector<Piece> pieces;
};

}  // namespace datong::datacube
