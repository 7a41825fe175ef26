// What corps, suites and providers of WeCom need.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/error.h"
#include "common/wechat/wecom_error_codes.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/readiness_checks.h"

namespace datong::broker {
namespace {

using Topic = ReadinessTopic;

constexpr int64_t kAddressRefused = 60020;
// Pushed every ten minutes, valid for thirty.
constexpr absl::Duration kTicketLate = absl::Minutes(20);

bool IsSuite(const App& app) { return app.kind == AppKind::kWecomSuite; }
bool IsOwnApp(const App& app) { return app.kind == AppKind::kWecomCorp && app.component.empty(); }

// Where an operator changes what the checks are about.
LocalizedText ConsoleOf(const App& app) {
  if (IsOwnApp(app)) {
    return {"work.weixin.qq.com 管理后台 → 应用管理 → 该应用",
            "work.weixin.qq.com (应用管理, the app)"};
  }
  return {"open.work.weixin.qq.com 服务商后台 → 应用管理", "open.work.weixin.qq.com (应用管理)"};
}

ReadinessCheck CheckToken(const AppFacts& facts) {
  const Topic topic = Topic::kCredentials;
  const App& app = facts.app;
  const std::string reason = GetReason(facts.token);
  if (app.state == AppState::kRevoked || app.state == AppState::kNeedsReauth ||
      reason == "APP_REVOKED" || reason == "APP_NEEDS_REAUTH") {
    return Fail(topic,
                {"企业取消了授权，永久授权码失效",
                 "The corp took the authorisation back: its permanent code is void"},
                {absl::StrCat("请企业管理员打开链接重新安装：", facts.mend_url),
                 absl::StrCat("Have the corp's administrator install it again: ", facts.mend_url)});
  }
  if (facts.token.ok()) return Pass(topic, {"能取得 token", "The broker gets a token"});
  if (reason == "TICKET_MISSING") {
    return Fail(topic, {"没有 30 分钟内的 suite_ticket", "No suite_ticket came within 30 minutes"},
                {"见应用套件的 TICKET 一项", "See TICKET of the suite"});
  }
  if (reason != "APP_BAD_CONFIG") {
    return Unknown(topic, WhyUnknown(facts.token),
                   {"稍后再检查一次；若一直如此，检查到 qyapi.weixin.qq.com 的网络",
                    "Check again later; if it stays so, check the network to "
                    "qyapi.weixin.qq.com"});
  }
  const LocalizedText console = ConsoleOf(app);
  const std::string update = absl::StrCat("datong broker update-app --name ", app.name(),
                                          " --credentials.app-secret @secret.txt");
  return Fail(topic,
              {absl::StrCat("企业微信拒绝这组凭证：", DetailOf(facts)),
               absl::StrCat("WeCom refuses the credentials: ", DetailOf(facts))},
              {absl::StrCat("在 ", console.zh, " 查看 Secret，然后：", update),
               absl::StrCat("See the secret at ", console.en, ", then: ", update)});
}

ReadinessCheck CheckAddress(const AppFacts& facts) {
  const Topic topic = Topic::kIpAllowList;
  // WeCom looks at the address with every call, and when a suite asks for its token.
  const std::string detail = DetailOf(facts);
  const bool is_refused = ErrcodeOf(facts.wecom.members.status()) == kAddressRefused ||
                          absl::StrContains(detail, absl::StrCat("e=", kAddressRefused)) ||
                          absl::StrContains(detail, "your ip");
  if (is_refused) {
    const std::string address =
        AddressIn(detail.empty() ? ErrmsgOf(facts.wecom.members.status()) : detail);
    const LocalizedText console = ConsoleOf(facts.app);
    return Fail(topic,
                {absl::StrCat("出口 IP ", address, " 不在可信 IP 之列"),
                 absl::StrCat("The broker's address ", address, " is not a trusted one")},
                {absl::StrCat("把 ", address, " 加到 ", console.zh, " → 企业可信 IP / IP 白名单"),
                 absl::StrCat("Add ", address, " at ", console.en, " (企业可信 IP, IP 白名单)")});
  }
  const bool was_asked =
      facts.token.ok() && (facts.app.kind != AppKind::kWecomCorp || facts.wecom.members.ok() ||
                           ErrcodeOf(facts.wecom.members.status()) != 0);
  if (was_asked) {
    return Pass(topic, {"企业微信接受来自本机的调用", "WeCom takes calls from here"});
  }
  return Unknown(topic, {"取到 token 之后才知道", "Known once there is a token"},
                 {"先修复 CREDENTIALS", "Mend CREDENTIALS first"});
}

void JudgeTicket(const AppFacts& facts, const Surroundings& around, const std::string& url,
                 std::vector<ReadinessCheck>& checks) {
  const LocalizedText step = {
      absl::StrCat("在 ", ConsoleOf(facts.app).zh, " 核对指令回调 URL ", url,
                   "、Token 与 EncodingAESKey，并点击“推送 suite_ticket”"),
      absl::StrCat("Compare the instruction callback URL ", url, ", token and EncodingAESKey at ",
                   ConsoleOf(facts.app).en, ", and have it push the suite_ticket")};
  if (!facts.ticket.has_value()) {
    checks.push_back(
        Fail(Topic::kTicket, {"从未收到 suite_ticket", "No suite_ticket has ever come"}, step));
  } else if (around.now - *facts.ticket > kTicketLate) {
    const std::string when = WhenInShanghai(*facts.ticket);
    checks.push_back(Fail(
        Topic::kTicket,
        {absl::StrCat("suite_ticket 最后一次到达是 ", when, "，本应每 10 分钟一次"),
         absl::StrCat("The last suite_ticket came at ", when, "; one is due every 10 minutes")},
        step));
  } else {
    const std::string when = WhenInShanghai(*facts.ticket);
    checks.push_back(Pass(Topic::kTicket, {absl::StrCat("suite_ticket 于 ", when, " 到达"),
                                           absl::StrCat("A suite_ticket came at ", when)}));
  }
}

void JudgeCorp(const AppFacts& facts, std::vector<ReadinessCheck>& checks) {
  const std::optional<WecomCorp>& corp = facts.wecom.corp;
  if (!corp.has_value() || !corp->details_known) {
    const LocalizedText why =
        corp.has_value()
            ? LocalizedText{"正在询问企业信息", "The corp's details are still being asked for"}
            : LocalizedText{"自建应用没有接口可查", "WeCom does not tell a corp's own app"};
    const LocalizedText step = {"在 work.weixin.qq.com → 我的企业 → 企业信息 查看",
                                "See work.weixin.qq.com (我的企业 → 企业信息)"};
    checks.push_back(Unknown(Topic::kCertified, why, step));
    checks.push_back(Unknown(Topic::kEntity, why, step));
    return;
  }
  checks.push_back(
      corp->verified ? Pass(Topic::kCertified, {"企业已认证", "The corp is verified"})
                     : Fail(Topic::kCertified,
                            {"企业未认证：得不到 pending_id，也不能由 unionid 找到客户",
                             "The corp is not verified: no pending_id, no contact by its unionid"},
                            {"请企业在 work.weixin.qq.com → 我的企业 完成企业认证",
                             "Have the corp verify itself at work.weixin.qq.com (我的企业)"}));
  const std::string& entity = corp->corp_full_name.empty() ? corp->corp_name : corp->corp_full_name;
  checks.push_back(Pass(Topic::kEntity, {entity, entity}));
}

void JudgeContacts(const AppFacts& facts, std::vector<ReadinessCheck>& checks) {
  const absl::StatusOr<size_t>& members = facts.wecom.members;
  const int64_t errcode = ErrcodeOf(members.status());
  const LocalizedText step =
      IsOwnApp(facts.app)
          ? LocalizedText{"在 work.weixin.qq.com → 客户与上下游 → 客户联系 → API "
                          "里把该应用加入“可调用应用”，并让成员在“使用范围”内",
                          "At work.weixin.qq.com (客户联系 → API) add the app to those that may "
                          "call it (可调用应用), and its members to the range (使用范围)"}
          : LocalizedText{"请企业管理员授予“客户联系”权限，并扩大应用的可见范围",
                          "Have the corp's administrator grant customer contact (客户联系) and "
                          "widen the app's visible range"};
  ReadinessCheck check;
  if (members.ok() && *members > 0) {
    check = Pass(Topic::kPermission,
                 {absl::StrCat(*members, " 位成员可用"), absl::StrCat(*members, " members")});
  } else if (members.ok()) {
    check =
        Fail(Topic::kPermission,
             {"应用看不到任何配置了客户联系的成员", "The app sees no member with customer contact"},
             step);
  } else if (wechat::ExplainWecomErrorCode(errcode).error_class ==
             wechat::ErrorClass::kPermission) {
    check = Fail(Topic::kPermission,
                 {absl::StrCat("没有客户联系权限（errcode ", errcode, "）"),
                  absl::StrCat("No customer-contact permission (errcode ", errcode, ")")},
                 step);
  } else {
    check = Unknown(Topic::kPermission, WhyUnknown(members.status()), step);
  }
  check.subject = {"客户联系", "customer contact"};
  checks.push_back(std::move(check));
}

// Only a corp's own app is told unionids, and only by the corp's leave.
void JudgeUnionids(const AppFacts& facts, std::vector<ReadinessCheck>& checks) {
  const std::optional<WecomRoster>& roster = facts.wecom.roster;
  const LocalizedText step = {
      "在 work.weixin.qq.com → 客户联系 → API 绑定微信开发者 ID：已认证、同主体、"
      "且已绑定开放平台账号的公众号或小程序",
      "At work.weixin.qq.com (客户联系 → API) bind a WeChat developer ID: a verified account of "
      "the same entity that is bound to an Open Platform account"};
  if (roster.has_value() && roster->unionids > 0) {
    checks.push_back(Pass(Topic::kOpenPlatformBound,
                          {"客户详情带有 unionid", "Contacts come with their unionids"}));
  } else if (roster.has_value() && roster->state == WecomRoster::State::kDone &&
             roster->contacts > 0) {
    checks.push_back(
        Fail(Topic::kOpenPlatformBound,
             {absl::StrCat(roster->contacts, " 位客户都没有 unionid"),
              absl::StrCat("None of ", roster->contacts, " contacts came with a unionid")},
             step));
  } else {
    checks.push_back(Unknown(Topic::kOpenPlatformBound,
                             {"读到客户之后才知道", "Known once a contact was read"}, step));
  }
}

void JudgeCallbacks(const AppFacts& facts, const std::string& url,
                    std::vector<ReadinessCheck>& checks) {
  const LocalizedText console = ConsoleOf(facts.app);
  if (!facts.has_callback_token) {
    const std::string update = absl::StrCat(
        "datong broker update-app --name ", facts.app.name(),
        " --credentials.callback-token @token.txt --credentials.encoding-aes-key @key.txt");
    checks.push_back(Fail(Topic::kPushConfigured,
                          {"没有登记回调的 Token", "No callback token is registered"},
                          {absl::StrCat(update, "，并在 ", console.zh, " 填写 URL ", url),
                           absl::StrCat(update, ", and set the URL ", url, " at ", console.en)}));
  } else {
    checks.push_back(Pass(Topic::kPushConfigured,
                          {absl::StrCat("回调地址 ", url), absl::StrCat("Pushes come to ", url)}));
  }
  const PushSighting seen = facts.push.value_or(PushSighting{});
  const LocalizedText step = {
      absl::StrCat("核对 ", console.zh, " 的 Token、EncodingAESKey 与 URL ", url),
      absl::StrCat("Compare token, EncodingAESKey and the URL ", url, " at ", console.en)};
  if (seen.refused.has_value() && (!seen.accepted.has_value() || *seen.refused > *seen.accepted)) {
    const std::string what = absl::StrCat(WhenInShanghai(*seen.refused), ", ", seen.refused_reason);
    checks.push_back(Fail(Topic::kLastPush,
                          {absl::StrCat("最近的回调被拒绝（", what, "）"),
                           absl::StrCat("The last push was refused (", what, ")")},
                          step));
  } else if (seen.accepted.has_value()) {
    const std::string when = WhenInShanghai(*seen.accepted);
    checks.push_back(Pass(Topic::kLastPush, {absl::StrCat("最近一次回调：", when),
                                             absl::StrCat("The last push came at ", when)}));
  } else {
    checks.push_back(Unknown(Topic::kLastPush, {"还没有收到过回调", "No push has come yet"}, step));
  }
}

}  // namespace

std::vector<ReadinessCheck> JudgeWecom(const AppFacts& facts, const Surroundings& around) {
  const App& app = facts.app;
  const std::string root = absl::StrCat(around.public_url, "/wecom/", app.project);
  std::vector<ReadinessCheck> checks = {CheckToken(facts), CheckAddress(facts)};
  if (app.kind == AppKind::kWecomCorp) {
    JudgeCorp(facts, checks);
    JudgeContacts(facts, checks);
  }
  if (IsOwnApp(app)) {
    JudgeUnionids(facts, checks);
    JudgeCallbacks(facts, absl::StrCat(root, "/app/", app.appid), checks);
  }
  if (IsSuite(app)) {
    const std::string suite = absl::StrCat(root, "/suite/", app.appid);
    JudgeTicket(facts, around, suite + "/events", checks);
    JudgeCallbacks(facts, absl::StrCat(suite, "/events, ", suite, "/$CORPID$/messages"), checks);
  }
  if (IsSuite(app) || IsOwnApp(app)) {
    checks.push_back(Unknown(
        Topic::kWebAuthorizationDomain,
        {"企业微信没有接口可查可信域名", "WeCom does not tell the trusted domain"},
        {absl::StrCat("在 ", ConsoleOf(app).zh, " → 网页授权及 JS-SDK 确认可信域名"),
         absl::StrCat("See the trusted domain at ", ConsoleOf(app).en, " (网页授权及 JS-SDK)")}));
  }
  return checks;
}

}  // namespace datong::broker
