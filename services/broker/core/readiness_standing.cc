// What an account is in WeChat's eyes: its credentials, certification, entity and bindings.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/error.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/readiness_checks.h"

namespace datong::broker {
namespace {

using Topic = ReadinessTopic;

constexpr int64_t kNotBound = 89002;

bool IsAboutAddress(const std::string& detail) {
  return absl::StrContains(detail, "whitelist") || absl::StrContains(detail, "clientip") ||
         absl::StrContains(detail, "this ip") || absl::StrContains(detail, "ip refused");
}

bool LooksLikeAppid(const std::string& text) { return text.size() == 18 && text[0] == 'w'; }

ReadinessCheck CheckCredentials(const AppFacts& facts) {
  const Topic topic = Topic::kCredentials;
  const App& app = facts.app;
  const std::string reason = GetReason(facts.token);
  if (app.state == AppState::kRevoked || reason == "APP_REVOKED") {
    return Fail(topic,
                {"账号管理员取消了授权", "The account's administrator took the authorisation back"},
                {absl::StrCat("请账号管理员打开链接重新授权：", facts.mend_url),
                 absl::StrCat("Have the administrator authorise again: ", facts.mend_url)});
  }
  if (facts.token.ok()) {
    return Pass(topic, {"能取得 token", "The broker gets a token"});
  }
  if (reason == "APP_NEEDS_REAUTH" || app.state == AppState::kNeedsReauth) {
    return Fail(topic,
                {"授权已失效，刷新令牌不再被接受",
                 "The authorisation is void: WeChat takes its refresh token no longer"},
                {absl::StrCat("请账号管理员打开链接重新授权：", facts.mend_url),
                 absl::StrCat("Have the administrator authorise again: ", facts.mend_url)});
  }
  if (reason == "TICKET_MISSING") {
    return Fail(topic,
                {"第三方平台没有可用的 component_verify_ticket",
                 "The component has no component_verify_ticket that still works"},
                {"见第三方平台的 TICKET 一项", "See TICKET of the component"});
  }
  if (reason == "APP_BAD_CONFIG") {
    const std::string detail = DetailOf(facts);
    if (IsAboutAddress(detail)) {
      return Fail(topic,
                  {"出口 IP 不在白名单，取不到 token",
                   "No token: the broker's address is not in the IP allow-list"},
                  {"见 IP_ALLOW_LIST 一项", "See IP_ALLOW_LIST"});
    }
    return Fail(
        topic,
        {absl::StrCat("微信拒绝这组凭证：", detail),
         absl::StrCat("WeChat refuses the credentials: ", detail)},
        {absl::StrCat("在微信后台重置 AppSecret，然后：datong broker update-app --name ",
                      app.name(), " --credentials.app-secret @secret.txt"),
         absl::StrCat("Reset the AppSecret in WeChat's console, then: datong broker update-app "
                      "--name ",
                      app.name(), " --credentials.app-secret @secret.txt")});
  }
  if (app.state == AppState::kBadConfig) {
    return Fail(topic, {app.state_detail, app.state_detail},
                {"按提示更正后再检查", "Correct it as told, then check again"});
  }
  return Unknown(topic, WhyUnknown(facts.token),
                 {"稍后再检查一次；若一直如此，检查到 api.weixin.qq.com 的网络",
                  "Check again later; if it stays so, check the network to api.weixin.qq.com"});
}

}  // namespace

std::string AddressIn(const std::string& detail) {
  for (size_t i = 0; i < detail.size(); ++i) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(detail[i]))) continue;
    const size_t end = std::min(detail.find_first_not_of("0123456789.", i), detail.size());
    const std::string word = detail.substr(i, end - i);
    if (std::count(word.begin(), word.end(), '.') == 3) return word;
    i = end;
  }
  return "";
}

std::string DetailOf(const AppFacts& facts) {
  const std::optional<ErrorInfo> info = GetErrorInfo(facts.token);
  if (!info.has_value()) return "";
  const auto detail = info->metadata.find("detail");
  // What another replica learnt comes in words alone.
  return detail == info->metadata.end() ? std::string(facts.token.message()) : detail->second;
}

void JudgeCredentials(const AppFacts& facts, std::vector<ReadinessCheck>& checks) {
  checks.push_back(CheckCredentials(facts));
  // Accounts behind a component have no list of their own.
  if (!facts.app.component.empty()) return;
  const Topic topic = Topic::kIpAllowList;
  const std::string detail = DetailOf(facts);
  if (facts.token.ok()) {
    checks.push_back(Pass(topic, {"微信接受来自本机的调用", "WeChat takes calls from here"}));
  } else if (IsAboutAddress(detail)) {
    const std::string address = AddressIn(detail);
    const bool is_component = facts.app.kind == AppKind::kComponent;
    const std::string zh = is_component ? "open.weixin.qq.com → 第三方平台详情 → 白名单IP列表"
                                        : "mp.weixin.qq.com → 设置与开发 → IP 白名单";
    const std::string en = is_component ? "open.weixin.qq.com (第三方平台详情 → 白名单IP列表)"
                                        : "mp.weixin.qq.com (设置与开发 → IP 白名单)";
    checks.push_back(Fail(topic,
                          {absl::StrCat("出口 IP ", address, " 不在白名单"),
                           absl::StrCat("The broker's address ", address, " is not in the list")},
                          {absl::StrCat("把 ", address, " 加到 ", zh, "，几分钟后生效"),
                           absl::StrCat("Add ", address, " at ", en, "; it takes some minutes")}));
  } else {
    checks.push_back(Unknown(topic, {"取到 token 之后才知道", "Known once there is a token"},
                             {"先修复 CREDENTIALS", "Mend CREDENTIALS first"}));
  }
}

void JudgeStanding(const AppFacts& facts, std::vector<ReadinessCheck>& checks) {
  const bool has_basics = facts.basics.ok();
  const bool has_profile = facts.profile.ok();
  const int64_t status = has_profile ? facts.profile->account_status : -1;
  if (status == 14 || status == 16 || status == 19) {
    const char* zh = status == 14 ? "已注销" : status == 16 ? "已被封禁" : "已被冻结";
    const char* en = status == 14 ? "deleted" : status == 16 ? "banned" : "frozen";
    checks.push_back(Fail(Topic::kAccountStatus,
                          {absl::StrCat("账号", zh), absl::StrCat("The account is ", en)},
                          {"登录 mp.weixin.qq.com 查看站内信并申诉",
                           "See the notices at mp.weixin.qq.com and appeal there"}));
  } else if (has_basics && facts.basics->realname_status != 1 &&
             facts.basics->realname_status != -1) {
    checks.push_back(Fail(Topic::kAccountStatus,
                          {"实名验证未完成，几乎所有接口都会被拒绝",
                           "Real-name verification is not done; WeChat refuses almost every call"},
                          {"在 mp.weixin.qq.com 完成管理员与主体的实名验证",
                           "Finish the real-name verification at mp.weixin.qq.com"}));
  } else if (status == 1 || (has_basics && facts.basics->realname_status == 1)) {
    checks.push_back(Pass(Topic::kAccountStatus, {"账号状态正常", "The account is in order"}));
  } else {
    checks.push_back(Unknown(
        Topic::kAccountStatus,
        status == 18 ? LocalizedText{"账号被警告过", "The account was warned"}
                     : WhyUnknown(facts.basics.status()),
        {"登录 mp.weixin.qq.com 查看账号状态", "See the account's state at mp.weixin.qq.com"}));
  }

  const int64_t verify = has_profile ? facts.profile->verify_type : -2;
  const bool says_yes =
      (has_basics && (facts.basics->qualification_verified || facts.basics->customer_type > 0)) ||
      verify == 0 || (verify >= 3 && verify <= 5);
  const bool says_no = (has_basics && facts.basics->customer_type == 0) || verify == -1 ||
                       verify == 1 || verify == 2;
  if (says_yes) {
    checks.push_back(Pass(Topic::kCertified, {"已完成微信认证", "WeChat-verified"}));
  } else if (says_no) {
    checks.push_back(
        Fail(Topic::kCertified,
             {"未完成微信认证：用户资料、网页授权、开放平台绑定等接口不可用",
              "Not WeChat-verified: user information, web authorisation and bindings are refused"},
             {"在 mp.weixin.qq.com → 设置 → 微信认证 提交认证；通过后次日再检查",
              "Apply for verification at mp.weixin.qq.com (设置 → 微信认证); check again the day "
              "after it is granted"}));
  } else {
    checks.push_back(Unknown(
        Topic::kCertified, WhyUnknown(facts.basics.status()),
        {"在 mp.weixin.qq.com → 设置 → 微信认证 查看", "See mp.weixin.qq.com (设置 → 微信认证)"}));
  }

  const std::string entity = EntityOf(facts);
  if (entity == "个人" || (has_basics && facts.basics->principal_type == 0)) {
    checks.push_back(Fail(
        Topic::kEntity,
        {"主体是个人，不能认证，也不能与企业账号共享 unionid",
         "Owned by an individual: it cannot be verified, nor share unionids with a company's"},
        {"改用企业主体的账号，或在 mp.weixin.qq.com 把账号迁移到企业主体",
         "Use an account of the company, or move this one to the company at mp.weixin.qq.com"}));
  } else if (!entity.empty()) {
    checks.push_back(Pass(Topic::kEntity, {entity, entity}));
  } else {
    checks.push_back(Unknown(Topic::kEntity, WhyUnknown(facts.basics.status()),
                             {"在 mp.weixin.qq.com → 账号详情 查看主体",
                              "See the entity at mp.weixin.qq.com (账号详情)"}));
  }
}

void JudgeOpenPlatform(const AppFacts& facts, std::vector<ReadinessCheck>& checks) {
  const bool unbound = (facts.is_bound.ok() && !*facts.is_bound) ||
                       ErrcodeOf(facts.open_account.status()) == kNotBound;
  if (unbound) {
    checks.push_back(
        Fail(Topic::kOpenPlatformBound,
             {"没有绑定微信开放平台账号，得不到 unionid",
              "Bound to no Open Platform account, so it yields no unionid"},
             {"用开放平台账号登录 open.weixin.qq.com → 管理中心 → 公众号/小程序，绑定这个账号",
              "Sign in at open.weixin.qq.com, and bind the account under 管理中心"}));
    return;
  }
  if (facts.is_bound.ok() || facts.open_account.ok()) {
    checks.push_back(Pass(Topic::kOpenPlatformBound,
                          {"已绑定开放平台账号", "Bound to an Open Platform account"}));
  } else {
    checks.push_back(Unknown(Topic::kOpenPlatformBound, WhyUnknown(facts.is_bound.status()),
                             {"在 open.weixin.qq.com → 管理中心 核对绑定关系",
                              "Compare the bindings at open.weixin.qq.com (管理中心)"}));
  }

  const Topic topic = Topic::kOpenPlatformAccount;
  const std::string& registered = facts.app.open_platform_account;
  const auto update = [&](const std::string& value) {
    return absl::StrCat("datong broker update-app --name ", facts.app.name(),
                        " --app.open-platform-account ", value,
                        " --update-mask open_platform_account");
  };
  if (facts.open_account.ok()) {
    const std::string& real = *facts.open_account;
    if (registered == real) {
      checks.push_back(Pass(topic, {absl::StrCat("绑定在 ", real, "，与登记一致"),
                                    absl::StrCat("Bound to ", real, ", as registered")}));
    } else if (registered.empty()) {
      checks.push_back(Fail(
          topic,
          {absl::StrCat("绑定在 ", real, "，但这里没有登记，unionid 会被搁置"),
           absl::StrCat("Bound to ", real, ", but that is not registered: unionids are parked")},
          {absl::StrCat("登记它：", update(real)), absl::StrCat("Register it: ", update(real))}));
    } else if (LooksLikeAppid(registered)) {
      checks.push_back(Fail(topic,
                            {absl::StrCat("实际绑定在 ", real, "，登记的却是 ", registered),
                             absl::StrCat("Bound to ", real, ", but registered as ", registered)},
                            {absl::StrCat("确认无误后更正：", update(real)),
                             absl::StrCat("Make sure, then correct it: ", update(real))}));
    } else {
      checks.push_back(
          Unknown(topic,
                  {absl::StrCat("微信称之为 ", real, "，这里登记为 ", registered),
                   absl::StrCat("WeChat calls it ", real, ", here it is called ", registered)},
                  {absl::StrCat("登记微信的 appid 就能核对：", update(real)),
                   absl::StrCat("Register WeChat's appid, so that both can be "
                                "compared: ",
                                update(real))}));
    }
  } else if (registered.empty()) {
    checks.push_back(Fail(topic,
                          {"没有登记开放平台账号，unionid 会被搁置",
                           "No Open Platform account is registered: unionids are parked"},
                          {absl::StrCat("在 open.weixin.qq.com 查到后登记：", update("APPID")),
                           absl::StrCat("See it at open.weixin.qq.com, then: ", update("APPID"))}));
  } else {
    checks.push_back(Unknown(
        topic,
        {absl::StrCat("登记为 ", registered, "；微信不告知（需要权限集 24/25）"),
         absl::StrCat("Registered as ", registered,
                      "; WeChat does not tell (that needs permission set 24 or 25)")},
        {"在 open.weixin.qq.com → 管理中心 核对", "Compare at open.weixin.qq.com (管理中心)"}));
  }
}

}  // namespace datong::broker
