#include "services/broker/core/readiness_checks.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status/error.h"
#include "common/time/shanghai.h"
#include "services/broker/core/platform_client.h"

namespace datong::broker {
namespace {

using Topic = ReadinessTopic;

constexpr char kNotAsked[] = "NOT_ASKED";

bool IsAccount(const App& app) {
  return app.kind == AppKind::kOfficialAccount || app.kind == AppKind::kMiniProgram ||
         app.kind == AppKind::kUnknown;
}

// "wx1, wx2"; the first few of many.
std::string Names(std::vector<std::string> appids) {
  const size_t most = 5;
  if (appids.size() <= most) return absl::StrJoin(appids, ", ");
  const size_t more = appids.size() - most;
  appids.resize(most);
  return absl::StrCat(absl::StrJoin(appids, ", "), ", … +", more);
}

// "A: wx1, wx2; B: wx3".
std::string Groups(const std::map<std::string, std::vector<std::string>>& groups) {
  return absl::StrJoin(groups, "; ", [](std::string* out, const auto& group) {
    absl::StrAppend(out, group.first, ": ", Names(group.second));
  });
}

ReadinessCheck SameEntity(const std::map<std::string, std::vector<std::string>>& groups,
                          const std::vector<std::string>& unknown) {
  if (groups.size() > 1) {
    return Fail(
        Topic::kSameEntity,
        {absl::StrCat("这些账号属于不同主体：", Groups(groups)),
         absl::StrCat("The accounts are of different entities: ", Groups(groups))},
        {"不同主体的账号不能绑定到同一个开放平台账号，除非先做主体关联。在 open.weixin.qq.com "
         "申请关联主体，或为每个主体各建一个项目",
         "Accounts of different entities cannot be bound to one Open Platform account unless the "
         "entities are associated. Apply for that at open.weixin.qq.com, or keep a project for "
         "each entity"});
  }
  if (!unknown.empty()) {
    return Unknown(Topic::kSameEntity,
                   {absl::StrCat("还不知道主体：", Names(unknown)),
                    absl::StrCat("The entity is not known of ", Names(unknown))},
                   {"先修复这些账号的凭证和权限，再检查一次",
                    "Mend credentials and permissions of these accounts, then check again"});
  }
  return Pass(Topic::kSameEntity, {absl::StrCat("所有账号同一主体：", groups.begin()->first),
                                   absl::StrCat("All are of ", groups.begin()->first)});
}

ReadinessCheck SameOpenPlatform(const std::map<std::string, std::vector<std::string>>& groups,
                                const std::vector<std::string>& unbound,
                                const std::vector<std::string>& unknown) {
  const LocalizedText step = {
      "在 open.weixin.qq.com → 管理中心 把所有账号绑定到同一个开放平台账号；换绑之后 unionid "
      "会变，请重新同步粉丝",
      "Bind all accounts to one Open Platform account at open.weixin.qq.com (管理中心); unionids "
      "change with the binding, so synchronise the followers anew"};
  if (groups.size() > 1) {
    return Fail(
        Topic::kSameOpenPlatformAccount,
        {absl::StrCat("绑定在不同的开放平台账号，同一个人的 unionid 不一致：", Groups(groups)),
         absl::StrCat("Bound to different Open Platform accounts, so one person has "
                      "different unionids: ",
                      Groups(groups))},
        step);
  }
  if (!unbound.empty()) {
    return Fail(
        Topic::kSameOpenPlatformAccount,
        {absl::StrCat("没有绑定开放平台账号，得不到 unionid：", Names(unbound)),
         absl::StrCat("Bound to no Open Platform account, so without unionids: ", Names(unbound))},
        step);
  }
  if (!unknown.empty() || groups.empty()) {
    return Unknown(Topic::kSameOpenPlatformAccount,
                   {absl::StrCat("不知道绑定在哪个开放平台账号：", Names(unknown)),
                    absl::StrCat("Not known to which Open Platform account these are bound: ",
                                 Names(unknown))},
                   {"在 open.weixin.qq.com → 管理中心 核对，并用 datong broker update-app 登记",
                    "Compare at open.weixin.qq.com (管理中心), and register it with datong broker "
                    "update-app"});
  }
  return Pass(Topic::kSameOpenPlatformAccount,
              {absl::StrCat("都绑定在开放平台账号 ", groups.begin()->first, "，unionid 一致"),
               absl::StrCat("All are bound to ", groups.begin()->first, "; unionids agree")});
}

}  // namespace

absl::Status NotAsked() {
  return MakeError(absl::StatusCode::kUnavailable, "not asked", {"broker.datong", kNotAsked, {}});
}

ReadinessCheck Pass(Topic topic, LocalizedText reason) {
  return {.topic = topic, .result = ReadinessResult::kPass, .reason = std::move(reason)};
}
ReadinessCheck Fail(Topic topic, LocalizedText reason, LocalizedText next_step) {
  return {.topic = topic,
          .result = ReadinessResult::kFail,
          .reason = std::move(reason),
          .next_step = std::move(next_step)};
}
ReadinessCheck Unknown(Topic topic, LocalizedText reason, LocalizedText next_step) {
  return {.topic = topic,
          .result = ReadinessResult::kUnknown,
          .reason = std::move(reason),
          .next_step = std::move(next_step)};
}

std::string WhenInShanghai(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M", time, ShanghaiTimeZone());
}

LocalizedText WhyUnknown(const absl::Status& status) {
  const int64_t errcode = ErrcodeOf(status);
  if (GetReason(status) == kNotAsked) {
    return {"凭证不可用，无法询问微信", "Without working credentials WeChat cannot be asked"};
  }
  if (errcode != 0) {
    return {absl::StrCat("微信拒绝回答（errcode ", errcode, "）"),
            absl::StrCat("WeChat refuses to tell (errcode ", errcode, ")")};
  }
  return {"微信没有及时应答", "WeChat did not answer in time"};
}

std::string EntityOf(const AppFacts& facts) {
  if (facts.basics.ok() && !facts.basics->principal_name.empty()) {
    return facts.basics->principal_name;
  }
  return facts.profile.ok() ? facts.profile->principal_name : "";
}

std::string HostOf(const std::string& url) {
  const size_t scheme = url.find("://");
  const size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
  return absl::AsciiStrToLower(url.substr(begin, url.find_first_of("/?#", begin) - begin));
}

std::vector<ReadinessCheck> JudgeApp(const AppFacts& facts, const Surroundings& around) {
  if (IsWecom(facts.app.kind)) return JudgeWecom(facts, around);
  std::vector<ReadinessCheck> checks;
  JudgeCredentials(facts, checks);
  if (facts.app.kind == AppKind::kComponent) {
    JudgeComponent(facts, around, checks);
    return checks;
  }
  if (IsAccount(facts.app)) {
    JudgeStanding(facts, checks);
    JudgeOpenPlatform(facts, checks);
    JudgePermissions(facts, checks);
  }
  if (facts.app.kind != AppKind::kWebApp) JudgePushes(facts, around, checks);
  JudgeDomains(facts, around, checks);
  JudgeQuotas(facts, checks);
  return checks;
}

std::vector<ReadinessCheck> JudgeTogether(const std::vector<AppFacts>& apps) {
  std::map<std::string, std::vector<std::string>> entities;
  std::map<std::string, std::vector<std::string>> bindings;
  std::vector<std::string> no_entity;
  std::vector<std::string> unbound;
  std::vector<std::string> no_binding;
  size_t accounts = 0;
  for (const AppFacts& facts : apps) {
    // An account that went away is no part of the estate.
    if (!IsAccount(facts.app) || facts.app.state == AppState::kRevoked) continue;
    ++accounts;
    const std::string& appid = facts.app.appid;
    const std::string entity = EntityOf(facts);
    if (entity.empty()) {
      no_entity.push_back(appid);
    } else {
      entities[entity].push_back(appid);
    }
    const bool is_unbound = (facts.is_bound.ok() && !*facts.is_bound) ||
                            ErrcodeOf(facts.open_account.status()) == 89002;
    if (is_unbound) {
      unbound.push_back(appid);
    } else if (facts.open_account.ok()) {
      bindings[*facts.open_account].push_back(appid);
    } else if (!facts.app.open_platform_account.empty()) {
      bindings[facts.app.open_platform_account].push_back(appid);
    } else {
      no_binding.push_back(appid);
    }
  }
  if (accounts < 2) return {};
  return {SameEntity(entities, no_entity), SameOpenPlatform(bindings, unbound, no_binding)};
}

}  // namespace datong::broker
