// What an account can be used for: permission sets, pushes, domains, quotas; and what a component
// needs.
#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/broker/core/function_table.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/readiness_checks.h"

namespace datong::broker {
namespace {

using Topic = ReadinessTopic;

// Followers come and go every day; an official account that is silent this long is not heard.
constexpr absl::Duration kPushSilence = absl::Hours(72);
constexpr absl::Duration kNewlyConnected = absl::Hours(24);
constexpr absl::Duration kTicketLate = absl::Minutes(30);
constexpr absl::Duration kReconciledLate = absl::Hours(48);

std::string PushUrlOf(const App& app, const Surroundings& around) {
  const std::string root = absl::StrCat(around.public_url, "/wechat/", app.project);
  if (app.kind == AppKind::kComponent) {
    return absl::StrCat(root, "/component/", app.appid, "/events");
  }
  if (!app.component.empty()) {
    return absl::StrCat(root, "/component/", app.component, "/$APPID$/messages");
  }
  return absl::StrCat(root, "/app/", app.appid);
}

std::string AddressesOf(const AppFacts& facts) {
  if (!facts.callback_addresses.ok() || facts.callback_addresses->empty()) return "";
  std::vector<std::string> some = *facts.callback_addresses;
  const bool more = some.size() > 3;
  if (more) some.resize(3);
  return absl::StrCat(" (", absl::StrJoin(some, ", "), more ? ", …)" : ")");
}

}  // namespace

void JudgePermissions(const AppFacts& facts, std::vector<ReadinessCheck>& checks) {
  const App& app = facts.app;
  if (app.component.empty()) return;  // has the rights of its own certification
  const std::vector<int32_t>& granted =
      facts.profile.ok() ? facts.profile->permission_sets : facts.permission_sets;
  for (const SuiteFunction& function : FunctionsOf(app.kind)) {
    const bool has = std::any_of(function.sets.begin(), function.sets.end(), [&](int32_t set) {
      return std::find(granted.begin(), granted.end(), set) != granted.end();
    });
    const int32_t wanted = function.sets.front();
    ReadinessCheck check =
        has ? Pass(Topic::kPermission, {"已授权", "Granted"})
            : Fail(Topic::kPermission,
                   {absl::StrCat("没有授予权限集 ", wanted, "（", function.set_name.zh, "）"),
                    absl::StrCat("Permission set ", wanted, " (", function.set_name.en,
                                 ") is not granted")},
                   {absl::StrCat("先确认第三方平台勾选了权限集 ", wanted,
                                 "，再让管理员重新授权：datong broker create-authorization-link "
                                 "--component ",
                                 AppName(app.project, app.component), " --biz-appid ", app.appid),
                    absl::StrCat("See that the component asks for set ", wanted,
                                 ", then have the administrator authorise again: datong broker "
                                 "create-authorization-link --component ",
                                 AppName(app.project, app.component), " --biz-appid ", app.appid)});
    check.subject = function.name;
    checks.push_back(std::move(check));
  }
}

void JudgePushes(const AppFacts& facts, const Surroundings& around,
                 std::vector<ReadinessCheck>& checks) {
  const App& app = facts.app;
  const std::string url = PushUrlOf(app, around);
  if (!facts.has_callback_token) {
    checks.push_back(Fail(
        Topic::kPushConfigured, {"没有登记消息推送的 Token", "No callback token is registered"},
        {absl::StrCat("datong broker update-app --name ", app.name(),
                      " --credentials.callback-token @token.txt --credentials.encoding-aes-key "
                      "@key.txt，并在 mp.weixin.qq.com 的消息推送里填写 URL ",
                      url),
         absl::StrCat("datong broker update-app --name ", app.name(),
                      " --credentials.callback-token @token.txt --credentials.encoding-aes-key "
                      "@key.txt, and set the URL ",
                      url, " at mp.weixin.qq.com (消息推送)")}));
  } else {
    checks.push_back(Pass(Topic::kPushConfigured,
                          {absl::StrCat("推送地址 ", url), absl::StrCat("Pushes come to ", url)}));
  }

  const Topic topic = Topic::kLastPush;
  const PushSighting seen = facts.push.value_or(PushSighting{});
  if (seen.refused.has_value() && (!seen.accepted.has_value() || *seen.refused > *seen.accepted)) {
    checks.push_back(
        Fail(topic,
             {absl::StrCat("最近的推送被拒绝（", WhenInShanghai(*seen.refused), "，",
                           seen.refused_reason, "）"),
              absl::StrCat("The last push was refused (", WhenInShanghai(*seen.refused), ", ",
                           seen.refused_reason, ")")},
             {"核对微信后台与这里的 Token、EncodingAESKey 和服务器时间；datong callback check "
              "能说明一次推送错在哪里",
              "Compare token, EncodingAESKey and the server's clock with WeChat's console; datong "
              "callback check tells what is wrong with a push"}));
    return;
  }
  const bool is_lively = app.kind == AppKind::kOfficialAccount;
  const bool is_recent = seen.accepted.has_value() && around.now - *seen.accepted <= kPushSilence;
  const LocalizedText last =
      seen.accepted.has_value()
          ? LocalizedText{absl::StrCat("最近一次推送：", WhenInShanghai(*seen.accepted)),
                          absl::StrCat("The last push came at ", WhenInShanghai(*seen.accepted))}
          : LocalizedText{"还没有收到过推送", "No push has come yet"};
  const LocalizedText step = {
      absl::StrCat("用手机给账号发一条消息，一分钟内应能看到；看不到就检查 URL ", url,
                   " 是否可从微信访问", AddressesOf(facts)),
      absl::StrCat("Send the account a message from a phone: it shows within a minute. If not, see "
                   "whether WeChat",
                   AddressesOf(facts), " reaches ", url)};
  if (is_recent) {
    checks.push_back(Pass(topic, last));
  } else if (is_lively && around.now - app.created > kNewlyConnected) {
    checks.push_back(Fail(topic, last, step));
  } else {
    checks.push_back(Unknown(topic, last, step));
  }
}

void JudgeDomains(const AppFacts& facts, const Surroundings& around,
                  std::vector<ReadinessCheck>& checks) {
  if (facts.app.kind == AppKind::kMiniProgram) {
    std::vector<std::string> wanted;
    for (const std::string& url : {around.public_url, around.collector_url}) {
      const std::string domain = absl::StrCat("https://", HostOf(url));
      if (std::find(wanted.begin(), wanted.end(), domain) == wanted.end()) wanted.push_back(domain);
    }
    std::vector<std::string> missing;
    if (facts.profile.ok()) {
      for (const std::string& domain : wanted) {
        const auto& has = facts.profile->request_domains;
        if (std::none_of(has.begin(), has.end(), [&](const std::string& one) {
              return absl::AsciiStrToLower(one) == domain;
            })) {
          missing.push_back(domain);
        }
      }
    }
    const std::string all = absl::StrJoin(wanted, ", ");
    const std::string lacking = absl::StrJoin(missing, ", ");
    const Topic topic = Topic::kRequestDomains;
    if (!facts.profile.ok()) {
      checks.push_back(
          Unknown(topic,
                  facts.app.component.empty()
                      ? LocalizedText{"自管账号的服务器域名，微信没有接口可查",
                                      "WeChat does not tell the domains of self-managed accounts"}
                      : WhyUnknown(facts.profile.status()),
                  {absl::StrCat("在 mp.weixin.qq.com → 开发管理 → 服务器域名 确认 request "
                                "合法域名含有 ",
                                all),
                   absl::StrCat("See that the request domains at mp.weixin.qq.com (开发管理 → "
                                "服务器域名) hold ",
                                all)}));
    } else if (!missing.empty()) {
      checks.push_back(
          Fail(topic,
               {absl::StrCat("request 合法域名缺少 ", lacking, "，小程序无法上报"),
                absl::StrCat("The request domains lack ", lacking,
                             ": the mini program cannot send events")},
               {absl::StrCat("在 mp.weixin.qq.com → 开发管理 → 服务器域名 加上 ", lacking),
                absl::StrCat("Add ", lacking, " at mp.weixin.qq.com (开发管理 → 服务器域名)")}));
    } else {
      checks.push_back(
          Pass(topic, {absl::StrCat("已包含 ", all), absl::StrCat("They hold ", all)}));
    }
    return;
  }
  if (facts.app.kind != AppKind::kOfficialAccount && facts.app.kind != AppKind::kWebApp) return;
  const std::string host = HostOf(around.public_url);
  const bool is_web = facts.app.kind == AppKind::kWebApp;
  const std::string zh = is_web ? "open.weixin.qq.com → 网站应用 → 授权回调域"
                         : facts.app.component.empty()
                             ? "mp.weixin.qq.com → 功能设置 → 网页授权域名"
                             : "open.weixin.qq.com → 第三方平台 → 公众号开发域名";
  checks.push_back(
      Unknown(Topic::kWebAuthorizationDomain,
              {"微信没有接口可查网页授权域名", "WeChat does not tell the web-authorisation domain"},
              {absl::StrCat("在 ", zh, " 确认填的是 ", host),
               absl::StrCat("See that ", host, " is set at ", zh)}));
}

void JudgeQuotas(const AppFacts& facts, std::vector<ReadinessCheck>& checks) {
  for (const auto& [name, quota] : facts.quotas) {
    ReadinessCheck check;
    if (!quota.ok()) {
      check = Unknown(Topic::kQuota, WhyUnknown(quota.status()));
    } else if (quota->daily_limit <= 0) {
      check = Pass(Topic::kQuota, {"没有每日上限", "No daily limit"});
    } else {
      const std::string left = absl::StrCat(quota->remain, " / ", quota->daily_limit);
      check =
          quota->remain * 10 >= quota->daily_limit
              ? Pass(Topic::kQuota,
                     {absl::StrCat("今天还剩 ", left), absl::StrCat("Left today: ", left)})
              : Fail(Topic::kQuota,
                     {absl::StrCat("今天只剩 ", left), absl::StrCat("Only ", left, " left today")},
                     {"北京时间零点恢复；查一查还有谁在用同一个账号调用微信接口",
                      "It begins anew at midnight in Shanghai; see who else calls WeChat with "
                      "this account"});
    }
    check.subject = name;
    checks.push_back(std::move(check));
  }
}

void JudgeComponent(const AppFacts& facts, const Surroundings& around,
                    std::vector<ReadinessCheck>& checks) {
  const std::string url = PushUrlOf(facts.app, around);
  const LocalizedText step = {
      absl::StrCat("在 open.weixin.qq.com → 第三方平台 核对授权事件接收 URL ", url,
                   "、Token 与 EncodingAESKey；Datong 每小时会请微信重新推送"),
      absl::StrCat("Compare the authorisation-event URL ", url,
                   ", token and EncodingAESKey at open.weixin.qq.com; Datong asks WeChat to push "
                   "again every hour")};
  if (!facts.ticket.has_value()) {
    checks.push_back(Fail(
        Topic::kTicket,
        {"从未收到 component_verify_ticket", "No component_verify_ticket has ever come"}, step));
  } else if (around.now - *facts.ticket > kTicketLate) {
    checks.push_back(Fail(Topic::kTicket,
                          {absl::StrCat("ticket 最后一次到达是 ", WhenInShanghai(*facts.ticket),
                                        "，本应每 10 分钟一次"),
                           absl::StrCat("The last ticket came at ", WhenInShanghai(*facts.ticket),
                                        "; one is due every 10 minutes")},
                          step));
  } else {
    checks.push_back(
        Pass(Topic::kTicket, {absl::StrCat("ticket 于 ", WhenInShanghai(*facts.ticket), " 到达"),
                              absl::StrCat("A ticket came at ", WhenInShanghai(*facts.ticket))}));
  }

  const Topic topic = Topic::kReconciled;
  const LocalizedText compare = {
      absl::StrCat("datong broker reconcile-authorizations --component ", facts.app.name()),
      absl::StrCat("datong broker reconcile-authorizations --component ", facts.app.name())};
  if (!facts.reconciliation.has_value() ||
      around.now - facts.reconciliation->when > kReconciledLate) {
    checks.push_back(Unknown(
        topic,
        {"近两天没有与微信的授权列表核对过", "Not compared with WeChat's list within two days"},
        compare));
    return;
  }
  const std::vector<NotTaken>& left = facts.reconciliation->not_taken;
  if (left.empty()) {
    checks.push_back(
        Pass(topic, {absl::StrCat("与微信列出的 ", facts.reconciliation->listed, " 个授权账号一致"),
                     absl::StrCat("In step with the ", facts.reconciliation->listed,
                                  " accounts that WeChat lists")}));
    return;
  }
  const std::string some = absl::StrCat(left.front().appid, left.size() > 1 ? ", …" : "", " (",
                                        left.front().reason, ")");
  checks.push_back(
      Fail(topic,
           {absl::StrCat("微信列出的 ", left.size(), " 个账号没有接入：", some),
            absl::StrCat(left.size(), " accounts that WeChat lists are not here: ", some)},
           {absl::StrCat("停掉原来管理它们的系统，然后 datong broker reconcile-authorizations "
                         "--component ",
                         facts.app.name(), " --take-all"),
            absl::StrCat("Stop the system that managed them, then: datong broker "
                         "reconcile-authorizations --component ",
                         facts.app.name(), " --take-all")}));
}

}  // namespace datong::broker
