#include "services/gateway/core/authorize_pages.h"

#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/error.h"
#include "services/gateway/core/html.h"
#include "services/gateway/core/qr_code.h"

namespace datong::gateway {
namespace {

// One text in both languages.
struct Words {
  absl::string_view chinese;
  absl::string_view english;
};

std::string Paragraphs(Words words) {
  return absl::StrCat("<p>", EscapeHtml(words.chinese), "</p><p class=\"en\" lang=\"en\">",
                      EscapeHtml(words.english), "</p>");
}

std::string Heading(Words words) {
  return absl::StrCat("<h1>", EscapeHtml(words.chinese), "</h1><p class=\"en\" lang=\"en\">",
                      EscapeHtml(words.english), "</p>");
}

std::string Row(absl::string_view label, absl::string_view value) {
  return absl::StrCat("<dt>", label, "</dt><dd>", EscapeHtml(value), "</dd>");
}

// The id comes from a URL and may be anything: what is no plain character is escaped again.
std::string LinkPath(absl::string_view base, absl::string_view link) {
  std::string path = absl::StrCat(base, "/");
  for (const char c : link) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-_.", c)) {
      path.push_back(c);
    } else {
      absl::StrAppend(&path, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return path;
}

std::string AgainButton(absl::string_view base, absl::string_view link) {
  return absl::StrCat("<p><a class=\"button\" href=\"", LinkPath(base, link),
                      "\">重新开始 · Start again</a></p>");
}

Page Message(int status, absl::string_view mark, Words title, Words text,
             absl::string_view more = "") {
  return {status,
          HtmlPage(title.chinese,
                   absl::StrCat("<main><div class=\"card\"><div class=\"mark ", mark, "</div>",
                                Heading(title), Paragraphs(text), more, "</div></main>"))};
}

// The sign above the heading: its class and its text.
constexpr absl::string_view kDone = "ok\">✓";
constexpr absl::string_view kUndone = "none\">–";
constexpr absl::string_view kFailed = "bad\">!";

struct KnownFailure {
  absl::string_view reason;
  int status;
  Words title;
  Words text;
  bool can_start_again;
};

constexpr std::array<KnownFailure, 9> kKnownFailures = {{
    {"LINK_UNKNOWN",
     404,
     {"没有这个授权链接", "There is no such authorisation link"},
     {"链接可能不完整。请检查是否完整复制，或向发送链接的人再要一个。",
      "The link may be incomplete. Check that it was copied whole, or ask its sender for another."},
     false},
    {"LINK_EXPIRED",
     410,
     {"授权链接已过期", "This authorisation link has expired"},
     {"请向发送链接的人索取新的链接。", "Ask the person who sent it for a new one."},
     false},
    {"TICKET_MISSING",
     503,
     {"第三方平台尚未就绪", "The platform is not ready yet"},
     {"微信还没有推送 ticket（每 10 分钟推送一次）。请十分钟后再试；若仍不行，"
      "请运营人员检查第三方平台（或第三方应用）的事件接收 URL。",
      "WeChat has not pushed the platform's ticket yet (it does so every 10 minutes). Try again in "
      "ten minutes; if it still fails, the operator should check the platform's event URL."},
     true},
    {"AUTHORIZATION_CODE_EXPIRED",
     410,
     {"授权码已过期", "The authorisation code has expired"},
     {"从确认授权到返回本页用时太久。请重新授权一次。",
      "Too much time passed between the confirmation and this page. Please authorise once more."},
     true},
    {"AUTHORIZATION_CODE_INVALID",
     400,
     {"授权码无效或已被使用", "The authorisation code is not valid, or was used before"},
     {"每个授权码只能使用一次。如果帐号已显示为接入成功，无需再做任何事；否则请重新授权。",
      "A code works once. If the account already shows as connected there is nothing left to do; "
      "otherwise please authorise again."},
     true},
    {"APP_EXISTS",
     409,
     {"该帐号已接入其他项目", "This account belongs to another project"},
     {"一个帐号只能属于一个项目。请先在原项目中取消接入，或联系运营人员。",
      "An account can belong to one project only. Disconnect it there first, or ask the operator."},
     false},
    {"PLATFORM_UNREACHABLE",
     503,
     {"暂时无法连接微信", "WeChat cannot be reached right now"},
     {"请稍等片刻，然后刷新本页；已确认的授权不会丢失。",
      "Wait a moment and reload this page; an authorisation already confirmed is not lost."},
     true},
    {"DATABASE_UNAVAILABLE",
     503,
     {"服务暂时不可用", "The service is not available right now"},
     {"请稍等片刻，然后刷新本页；已确认的授权不会丢失。",
      "Wait a moment and reload this page; an authorisation already confirmed is not lost."},
     true},
    {"REQUEST_INVALID",
     400,
     {"请求不完整", "The request is not complete"},
     {"请从授权链接重新开始。", "Please start again from the authorisation link."},
     true},
}};

absl::string_view KindsInChinese(AccountKinds kinds) {
  switch (kinds) {
    case AccountKinds::kOfficialAccounts:
      return "公众号";
    case AccountKinds::kMiniPrograms:
      return "小程序";
    case AccountKinds::kBoth:
      return "公众号或小程序";
    case AccountKinds::kWecomCorps:
      return "企业微信";
  }
  return "";
}

absl::string_view KindsInEnglish(AccountKinds kinds) {
  switch (kinds) {
    case AccountKinds::kOfficialAccounts:
      return "official account";
    case AccountKinds::kMiniPrograms:
      return "mini program";
    case AccountKinds::kBoth:
      return "official account or mini program";
    case AccountKinds::kWecomCorps:
      return "WeCom corporation";
  }
  return "";
}

}  // namespace

Visitor VisitorOf(absl::string_view user_agent) {
  const bool is_phone =
      absl::StrContains(user_agent, "Mobile") || absl::StrContains(user_agent, "Android");
  if (!is_phone) return Visitor::kComputer;
  return absl::StrContains(user_agent, "MicroMessenger") ? Visitor::kPhoneInWechat
                                                         : Visitor::kPhoneElsewhere;
}

Page LaunchPage(const LaunchLink& link, absl::string_view base, Visitor visitor) {
  if (link.is_expired) {
    return FailurePage(MakeError(absl::StatusCode::kFailedPrecondition, "",
                                 {"gateway.datong", "LINK_EXPIRED", {}}),
                       base, link.id, "");
  }
  const absl::string_view kinds = KindsInChinese(link.kinds);
  std::string body =
      absl::StrCat("<main><div class=\"card\">",
                   Heading({absl::StrCat("将", kinds, "授权给「", link.component_name, "」"),
                            absl::StrCat("Authorise your ", KindsInEnglish(link.kinds), " to \"",
                                         link.component_name, "\"")}),
                   "<dl>");
  if (!link.biz_appid.empty()) absl::StrAppend(&body, Row("帐号 Account", link.biz_appid));
  if (link.expire_time != absl::InfiniteFuture()) {
    absl::StrAppend(&body, Row("有效期至 Valid until",
                               absl::FormatTime("%Y-%m-%d %H:%M（北京时间）", link.expire_time,
                                                absl::FixedTimeZone(8 * 60 * 60))));
  }
  absl::StrAppend(&body, "</dl>");
  if (!link.connected_appid.empty()) {
    absl::StrAppend(
        &body,
        Paragraphs(
            {absl::StrCat("通过此链接已接入 ", link.connected_appid, "，再次授权将更新其权限。"),
             absl::StrCat(link.connected_appid,
                          " is already connected through this link; authorising again "
                          "updates its permissions.")}));
  }
  if (visitor == Visitor::kPhoneElsewhere) {
    absl::StrAppend(
        &body, Paragraphs({"请在微信中打开本页，或用电脑打开后扫码。",
                           "Open this page inside WeChat, or on a computer and scan the code."}));
  }
  absl::StrAppend(
      &body, "<form method=\"post\" action=\"", LinkPath(base, link.id),
      "\"><input type=\"hidden\" name=\"device\" value=\"",
      visitor == Visitor::kPhoneInWechat ? "mobile" : "pc",
      "\"><p><button type=\"submit\">前往微信授权 · Continue to WeChat</button></p></form>",
      Paragraphs(
          {"下一步由帐号管理员在微信页面上确认。您可以逐项选择要授予的权限，"
           "并可随时在微信后台取消授权。",
           "The next page is WeChat's own: an administrator of the account confirms there, may "
           "uncheck permissions, and can take the authorisation back at any time."}),
      "</div>");
  if (visitor == Visitor::kComputer && !link.url.empty()) {
    absl::StrAppend(
        &body, "<div class=\"card qr\">", QrCodeSvg(link.url, 200),
        Paragraphs({"或用管理员的微信扫码，在手机上完成。",
                    "Or scan it with the administrator's WeChat and finish on the phone."}),
        "</div>");
  }
  absl::StrAppend(&body, "</main>");
  return {200, HtmlPage("微信帐号授权", body)};
}

Page ConnectedPage(const ConnectedAccount& account) {
  std::string rows = "<dl>";
  if (!account.nick_name.empty()) absl::StrAppend(&rows, Row("帐号 Account", account.nick_name));
  absl::StrAppend(&rows, Row("AppID", account.appid));
  if (!account.principal_name.empty()) {
    absl::StrAppend(&rows, Row("主体 Entity", account.principal_name));
  }
  absl::StrAppend(&rows, Row("权限集 Permission sets", absl::StrCat(account.permission_sets)),
                  "</dl>");
  return Message(200, kDone, {"授权成功", "The account is connected"},
                 {"第一次同步已经开始，可以关闭本页。",
                  "Its first synchronisation has begun. You can close this page."},
                 rows);
}

Page RefusedPage(absl::string_view base, absl::string_view link) {
  return Message(200, kUndone, {"授权没有完成", "The authorisation was not completed"},
                 {"您取消了授权，或微信没有返回授权码。帐号没有任何变化；需要时可以重新开始。",
                  "You declined, or WeChat sent no code. Nothing was changed; you can start again "
                  "whenever you like."},
                 AgainButton(base, link));
}

Page FailurePage(const absl::Status& status, absl::string_view base, absl::string_view link,
                 absl::string_view request_id) {
  const std::string reason = GetReason(status);
  for (const KnownFailure& known : kKnownFailures) {
    if (known.reason != reason) continue;
    return Message(known.status, kFailed, known.title, known.text,
                   known.can_start_again ? AgainButton(base, link) : "");
  }
  const bool is_passing = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
                          absl::IsResourceExhausted(status);
  return Message(
      is_passing ? 503 : 500, kFailed, {"出了点问题", "Something went wrong"},
      {"请稍后刷新本页；已确认的授权不会丢失。若问题依旧，请把下面的编号告诉运营人员。",
       "Reload this page in a moment; an authorisation already confirmed is not lost. If it stays "
       "like this, give the number below to the operator."},
      absl::StrCat("<dl>", Row("编号 Request", request_id), "</dl>", AgainButton(base, link)));
}

}  // namespace datong::gateway
