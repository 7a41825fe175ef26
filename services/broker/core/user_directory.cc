#include "services/broker/core/user_directory.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/log/log.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "common/wechat/answer.h"
#include "common/wechat/lenient_json.h"
#include "services/broker/core/login_errors.h"
#include "services/broker/core/platform_errors.h"

namespace datong::broker {
namespace {

constexpr size_t kMostUsers = 100;
constexpr absl::Duration kPaidWindow = absl::Minutes(5);
constexpr absl::Duration kIdentityTimeout = absl::Seconds(2);

constexpr int kOpenidInvalid = 40003;
constexpr int kUserUnknown = 46004;
constexpr int kNotBound = 89002;
constexpr int kTradeInvalid = 89300;
constexpr int kFromAppidWrong = 63178;
constexpr int kNoMigrationRelation = 63183;

bool IsOpenid(const std::string& text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
  });
}

absl::Status CheckKind(const App& app, AppKind kind, const char* wanted) {
  if (app.kind != kind) return AppKindUnsupported(app.appid, wanted);
  return app.state == AppState::kRevoked ? AppRevoked(app.name()) : absl::OkStatus();
}

// A refusal because of the openid, not of the call.
bool IsUnknownUser(const absl::Status& status) {
  const int64_t errcode = ErrcodeOf(status);
  return errcode == kOpenidInvalid || errcode == kUserUnknown;
}

KnownUser Judge(const App& app, const FollowerInfo& info) {
  return JudgeUser(app, info.follows ? AskedBy::kFollower : AskedBy::kStranger, info.openid,
                   info.unionid);
}

Evidence EvidenceOf(const App& app, const FollowerInfo& info, absl::Time now) {
  Evidence evidence;
  evidence.kind = "oa.user_info";
  evidence.appid = app.appid;
  evidence.openid = info.openid;
  evidence.unionid = info.unionid;
  evidence.observed = now;
  return evidence;
}

// What is left to tell identity of a move, as the payload of a job.
std::string EncodeMoves(const std::string& old_appid, const std::vector<OpenidMove>& moves,
                        absl::Time when) {
  nlohmann::json pairs = nlohmann::json::array();
  for (const OpenidMove& move : moves) {
    pairs.push_back({{"old", move.old_openid}, {"new", move.new_openid}});
  }
  return nlohmann::json{
      {"old_appid", old_appid}, {"moves", pairs}, {"when_ms", absl::ToUnixMillis(when)}}
      .dump();
}

}  // namespace

absl::StatusOr<KnownUser> UserDirectory::Tell(const App& app, AskedBy asked_by,
                                              const Evidence& evidence, Deadline deadline) {
  KnownUser user = JudgeUser(app, asked_by, evidence.openid, evidence.unionid);
  EvidenceSender::Sent sent = sender_.Send(app.project, evidence, deadline);
  if (sent.job.has_value()) DATONG_RETURN_IF_ERROR(store_.SaveJob(*sent.job, deadline));
  user.person = std::move(sent.person);
  return user;
}

absl::StatusOr<FollowerUser> UserDirectory::GetUser(const App& app, const std::string& openid,
                                                    Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckKind(app, AppKind::kOfficialAccount, "an official account"));
  if (!IsOpenid(openid)) return OpenidInvalid("openid");
  absl::StatusOr<FollowerInfo> info = tokens_.WithToken<FollowerInfo>(
      app.appid, deadline,
      [&](const Secret& token) { return platform_.GetFollower(token, openid, deadline); });
  if (IsUnknownUser(info.status())) return UserUnknown();
  if (!info.ok()) return ExplainRefusal(app, "user/info", info.status());
  info->openid = openid;
  DATONG_ASSIGN_OR_RETURN(KnownUser user,
                          Tell(app, info->follows ? AskedBy::kFollower : AskedBy::kStranger,
                               EvidenceOf(app, *info, clock_.Now()), deadline));
  return FollowerUser{std::move(user), *std::move(info)};
}

absl::StatusOr<FollowerUsers> UserDirectory::Ask(const App& app,
                                                 const std::vector<std::string>& openids,
                                                 Deadline deadline) {
  FollowerUsers found;
  absl::StatusOr<std::vector<FollowerInfo>> infos = tokens_.WithToken<std::vector<FollowerInfo>>(
      app.appid, deadline,
      [&](const Secret& token) { return platform_.GetFollowers(token, openids, deadline); });
  if (infos.ok()) {
    for (FollowerInfo& info : *infos) {
      KnownUser user = Judge(app, info);
      found.users.push_back({std::move(user), std::move(info)});
    }
    return found;
  }
  if (!IsUnknownUser(infos.status())) return ExplainRefusal(app, "user/info", infos.status());
  if (openids.size() == 1) {
    found.unknown = openids;
    return found;
  }
  // One openid spoils the batch: find it by halves.
  const auto middle = openids.begin() + static_cast<std::ptrdiff_t>(openids.size() / 2);
  for (const auto& half : {std::vector<std::string>(openids.begin(), middle),
                           std::vector<std::string>(middle, openids.end())}) {
    DATONG_ASSIGN_OR_RETURN(FollowerUsers some, Ask(app, half, deadline));
    std::move(some.users.begin(), some.users.end(), std::back_inserter(found.users));
    std::move(some.unknown.begin(), some.unknown.end(), std::back_inserter(found.unknown));
  }
  return found;
}

absl::StatusOr<FollowerUsers> UserDirectory::GetUsers(const App& app,
                                                      const std::vector<std::string>& openids,
                                                      Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckKind(app, AppKind::kOfficialAccount, "an official account"));
  if (openids.empty() || openids.size() > kMostUsers) {
    return UserBatchTooLarge(openids.size(), kMostUsers);
  }
  for (size_t i = 0; i < openids.size(); ++i) {
    if (!IsOpenid(openids[i])) return OpenidInvalid(absl::StrCat("openids[", i, "]"));
  }
  DATONG_ASSIGN_OR_RETURN(FollowerUsers found, Ask(app, openids, deadline));
  if (found.users.empty()) return found;
  std::vector<Evidence> evidence;
  std::vector<std::string> known;
  for (const FollowerUser& user : found.users) {
    evidence.push_back(EvidenceOf(app, user.info, clock_.Now()));
    known.push_back(OpenidId(app.appid, user.info.openid));
  }
  const absl::Status linked =
      identity_.Link(app.project, evidence, deadline.AtMost(kIdentityTimeout));
  if (!linked.ok()) {
    LogWarn("users answered without persons", {{"app", app.appid}, {"reason", GetReason(linked)}});
    for (const Evidence& one : evidence) {
      DATONG_RETURN_IF_ERROR(store_.SaveJob(EvidenceJob(app.project, one), deadline));
    }
    return found;
  }
  absl::StatusOr<std::vector<std::string>> names =
      persons_.FindPersons(app.project, known, deadline.AtMost(kIdentityTimeout));
  for (size_t i = 0; names.ok() && i < names->size() && i < found.users.size(); ++i) {
    found.users[i].user.person = (*names)[i];
  }
  return found;
}

absl::StatusOr<KnownUser> UserDirectory::GetPaidUser(const App& app, const std::string& openid,
                                                     const Payment& payment,
                                                     std::optional<absl::Time> paid,
                                                     Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckKind(app, AppKind::kMiniProgram, "a mini program"));
  if (!IsOpenid(openid)) return OpenidInvalid("openid");
  if (payment.transaction_id.empty() && (payment.mch_id.empty() || payment.out_trade_no.empty())) {
    return PaymentInvalid();
  }
  absl::StatusOr<std::string> unionid =
      tokens_.WithToken<std::string>(app.appid, deadline, [&](const Secret& token) {
        return platform_.GetPaidUnionid(token, openid, payment, deadline);
      });
  Evidence evidence;
  evidence.kind = "mp.paid_unionid";
  evidence.appid = app.appid;
  evidence.openid = openid;
  evidence.observed = clock_.Now();
  evidence.request_id = RequestIdOf(
      absl::StrCat(payment.transaction_id, "/", payment.mch_id, "/", payment.out_trade_no));
  if (!unionid.ok()) {
    if (IsUnknownUser(unionid.status())) return UserUnknown();
    if (ErrcodeOf(unionid.status()) == kTradeInvalid) {
      // WeChat often does not know the order for the first seconds.
      const bool is_early = paid.has_value() && clock_.Now() < *paid + kPaidWindow;
      return is_early ? WithRetryDelay(PaymentNotUsable(), absl::Seconds(2)) : PaymentNotUsable();
    }
    if (ErrcodeOf(unionid.status()) != kNotBound) {
      return ExplainRefusal(app, "getpaidunionid", unionid.status());
    }
    KnownUser user = JudgeUser(app, AskedBy::kMiniProgram, openid, "");
    user.status = UnionidStatus::kNotBound;
    user.next_way = UnionidNextWay::kBindApp;
    return user;
  }
  evidence.unionid = *std::move(unionid);
  return Tell(app, AskedBy::kMiniProgram, evidence, deadline);
}

absl::StatusOr<KnownUser> UserDirectory::ReportCloudContext(const App& app,
                                                            const std::string& openid,
                                                            const std::string& unionid,
                                                            const std::string& request_id,
                                                            Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckKind(app, AppKind::kMiniProgram, "a mini program"));
  if (!IsOpenid(openid)) return OpenidInvalid("openid");
  if (!unionid.empty() && !IsOpenid(unionid)) return OpenidInvalid("unionid");
  Evidence evidence;
  evidence.kind = "mp.cloud_context";
  evidence.appid = app.appid;
  evidence.openid = openid;
  evidence.unionid = unionid;
  evidence.observed = clock_.Now();
  evidence.request_id = request_id.empty() ? "" : RequestIdOf(request_id);
  return Tell(app, AskedBy::kMiniProgram, evidence, deadline);
}

absl::StatusOr<std::vector<ChangedOpenid>> UserDirectory::ChangeOpenids(
    const App& app, const std::string& old_appid, const std::string& old_original_id,
    const std::vector<std::string>& openids, Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckKind(app, AppKind::kOfficialAccount, "an official account"));
  if (!IsOpenid(old_appid)) return OpenidInvalid("old_appid");
  if (openids.empty() || openids.size() > kMostUsers) {
    return UserBatchTooLarge(openids.size(), kMostUsers);
  }
  for (size_t i = 0; i < openids.size(); ++i) {
    if (!IsOpenid(openids[i])) return OpenidInvalid(absl::StrCat("openids[", i, "]"));
  }
  // The page says the original id, the server often takes the appid alone.
  std::vector<std::string> names = {old_appid};
  if (!old_original_id.empty()) names.insert(names.begin(), old_original_id);
  absl::StatusOr<std::vector<ChangedOpenid>> changed;
  for (const std::string& from : names) {
    changed = tokens_.WithToken<std::vector<ChangedOpenid>>(
        app.appid, deadline, [&](const Secret& token) {
          return platform_.ChangeOpenids(token, from, openids, deadline);
        });
    const int64_t errcode = ErrcodeOf(changed.status());
    if (errcode != kFromAppidWrong && errcode != kNoMigrationRelation) break;
  }
  const int64_t errcode = ErrcodeOf(changed.status());
  if (errcode == kFromAppidWrong || errcode == kNoMigrationRelation) return NoMigration();
  if (!changed.ok()) return ExplainRefusal(app, "changeopenid", changed.status());
  std::vector<OpenidMove> moves;
  for (ChangedOpenid& one : *changed) {
    if (!one.new_openid.empty() && one.error == "ok") {
      moves.push_back({one.old_openid, one.new_openid});
    } else {
      one.new_openid.clear();
    }
  }
  if (moves.empty()) return changed;
  const absl::Time now = clock_.Now();
  const absl::Status told = persons_.MigrateOpenids(app.project, old_appid, app.appid, moves, now,
                                                    deadline.AtMost(kIdentityTimeout));
  if (told.ok()) return changed;
  LogWarn("a move of openids follows later", {{"app", app.appid}, {"reason", GetReason(told)}});
  NewJob job;
  job.kind = JobKind::kMigrateOpenids;
  job.project = app.project;
  job.appid = app.appid;
  job.payload = EncodeMoves(old_appid, moves, now);
  job.key = absl::StrCat(app.appid, ":", RequestIdOf(job.payload));
  DATONG_RETURN_IF_ERROR(store_.SaveJob(job, deadline));
  return changed;
}

absl::Status UserDirectory::RunMigration(const Job& job, Deadline deadline) {
  using wechat::TextField;
  const std::optional<nlohmann::json> json = wechat::ParseLenientJson(job.payload);
  if (!json.has_value()) return absl::OkStatus();  // never gets better
  std::vector<OpenidMove> moves;
  for (const nlohmann::json& pair : wechat::ListField(*json, "moves")) {
    moves.push_back({TextField(pair, "old"), TextField(pair, "new")});
  }
  const absl::Time when = absl::FromUnixMillis(wechat::NumberField(*json, "when_ms").value_or(0));
  const absl::Status told = persons_.MigrateOpenids(job.project, TextField(*json, "old_appid"),
                                                    job.appid, moves, when, deadline);
  // Refused for good: identity says why in its own log.
  return absl::IsInvalidArgument(told) ? absl::OkStatus() : told;
}

}  // namespace datong::broker
