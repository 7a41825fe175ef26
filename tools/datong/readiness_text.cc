#include "tools/datong/readiness_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/datong/table.h"

namespace datong::tools {
namespace {

using broker::v1::ReadinessCheck;
using broker::v1::ReadinessResult;

const char* ResultName(ReadinessResult result) {
  switch (result) {
    case broker::v1::READINESS_RESULT_PASS:
      return "PASS";
    case broker::v1::READINESS_RESULT_FAIL:
      return "FAIL";
    default:
      return "UNKNOWN";
  }
}

const char* KindName(broker::v1::AppKind kind, bool chinese) {
  switch (kind) {
    case broker::v1::APP_KIND_OFFICIAL_ACCOUNT:
      return chinese ? "公众号" : "official account";
    case broker::v1::APP_KIND_MINI_PROGRAM:
      return chinese ? "小程序" : "mini program";
    case broker::v1::APP_KIND_WEB_APP:
      return chinese ? "网站应用" : "web app";
    case broker::v1::APP_KIND_COMPONENT:
      return chinese ? "第三方平台" : "component";
    case broker::v1::APP_KIND_WECOM_CORP:
      return chinese ? "企业微信" : "WeCom corp";
    case broker::v1::APP_KIND_WECOM_SUITE:
      return chinese ? "企业微信第三方应用" : "WeCom suite";
    default:
      return chinese ? "类型未知" : "kind not known yet";
  }
}

const std::string& In(const broker::v1::LocalizedText& text, bool chinese) {
  return chinese ? text.zh() : text.en();
}

std::string Padded(const std::string& text, int width) {
  return absl::StrCat(
      text, std::string(static_cast<size_t>(std::max(0, width - DisplayWidth(text))), ' '));
}

std::string TitleOf(const ReadinessCheck& check, bool chinese) {
  const std::string name = TopicName(check.topic(), chinese);
  const std::string& subject = In(check.subject(), chinese);
  if (subject.empty()) return name;
  return chinese ? absl::StrCat(name, "：", subject) : absl::StrCat(name, ": ", subject);
}

template <typename Checks>
int WidthOf(const Checks& checks, bool chinese) {
  int width = 0;
  for (const ReadinessCheck& check : checks) {
    width = std::max(width, DisplayWidth(TitleOf(check, chinese)));
  }
  return width;
}

template <typename Checks>
void AddChecks(const Checks& checks, int width, bool chinese, std::string* text) {
  for (const ReadinessCheck& check : checks) {
    absl::StrAppend(text, "  ", Padded(ResultName(check.result()), 7), "  ",
                    Padded(TitleOf(check, chinese), width), "  ", In(check.reason(), chinese),
                    "\n");
    const std::string& step = In(check.next_step(), chinese);
    if (check.result() != broker::v1::READINESS_RESULT_PASS && !step.empty()) {
      absl::StrAppend(text, "           → ", step, "\n");
    }
  }
}

}  // namespace

std::string TopicName(broker::v1::ReadinessTopic topic, bool chinese) {
  using namespace broker::v1;  // NOLINT: the values of one enum
  switch (topic) {
    case READINESS_TOPIC_CREDENTIALS:
      return chinese ? "凭证" : "credentials";
    case READINESS_TOPIC_IP_ALLOW_LIST:
      return chinese ? "IP 白名单" : "IP allow-list";
    case READINESS_TOPIC_ACCOUNT_STATUS:
      return chinese ? "账号状态" : "account status";
    case READINESS_TOPIC_CERTIFIED:
      return chinese ? "微信认证" : "certified";
    case READINESS_TOPIC_ENTITY:
      return chinese ? "主体" : "entity";
    case READINESS_TOPIC_OPEN_PLATFORM_BOUND:
      return chinese ? "绑定开放平台" : "Open Platform bound";
    case READINESS_TOPIC_OPEN_PLATFORM_ACCOUNT:
      return chinese ? "开放平台账号" : "Open Platform account";
    case READINESS_TOPIC_PERMISSION:
      return chinese ? "权限" : "permission";
    case READINESS_TOPIC_PUSH_CONFIGURED:
      return chinese ? "推送配置" : "push configured";
    case READINESS_TOPIC_LAST_PUSH:
      return chinese ? "最近推送" : "last push";
    case READINESS_TOPIC_REQUEST_DOMAINS:
      return chinese ? "服务器域名" : "request domains";
    case READINESS_TOPIC_WEB_AUTHORIZATION_DOMAIN:
      return chinese ? "网页授权域名" : "web authorisation domain";
    case READINESS_TOPIC_QUOTA:
      return chinese ? "调用额度" : "quota";
    case READINESS_TOPIC_TICKET:
      return chinese ? "ticket" : "ticket";
    case READINESS_TOPIC_RECONCILED:
      return chinese ? "授权列表核对" : "reconciled";
    case READINESS_TOPIC_SAME_ENTITY:
      return chinese ? "同一主体" : "same entity";
    case READINESS_TOPIC_SAME_OPEN_PLATFORM_ACCOUNT:
      return chinese ? "同一开放平台账号" : "same Open Platform account";
    default:
      return absl::StrCat(static_cast<int>(topic));
  }
}

std::string ReadinessText(const broker::v1::CheckReadinessResponse& answer, bool chinese) {
  std::string text;
  int width = WidthOf(answer.shared_checks(), chinese);
  for (const auto& app : answer.apps()) width = std::max(width, WidthOf(app.checks(), chinese));
  for (const auto& app : answer.apps()) {
    const std::string appid = app.app().substr(app.app().rfind('/') + 1);
    absl::StrAppend(&text, ResultName(app.result()), "  ",
                    app.display_name().empty() ? appid : app.display_name(), "  ", appid, "  ",
                    KindName(app.kind(), chinese), "\n");
    AddChecks(app.checks(), width, chinese, &text);
    absl::StrAppend(&text, "\n");
  }
  if (!answer.shared_checks().empty()) {
    absl::StrAppend(&text, chinese ? "所有账号一起\n" : "All accounts together\n");
    AddChecks(answer.shared_checks(), width, chinese, &text);
    absl::StrAppend(&text, "\n");
  }
  if (chinese) {
    absl::StrAppend(&text, answer.ready() ? "就绪" : "未就绪", "：通过 ", answer.passed(),
                    " 项，未通过 ", answer.failed(), " 项，未知 ", answer.unknown(), " 项。\n");
  } else {
    absl::StrAppend(&text, answer.ready() ? "Ready" : "Not ready", ": ", answer.passed(),
                    " passed, ", answer.failed(), " failed, ", answer.unknown(), " unknown.\n");
  }
  return text;
}

}  // namespace datong::tools
