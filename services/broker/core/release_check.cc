#include "services/broker/core/release_check.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/log/log.h"
#include "common/status/macros.h"
#include "services/broker/core/evidence_sender.h"
#include "services/broker/core/push_receiver.h"

namespace datong::broker {
namespace {

constexpr absl::string_view kOfficialAccount = "wx570bc396a51b8ff8";
constexpr absl::string_view kMiniProgram = "wxd101a85aa106f53e";
constexpr absl::string_view kCodePrefix = "QUERY_AUTH_CODE:";

std::string Cdata(absl::string_view text) {
  return absl::StrCat("<![CDATA[", absl::StrReplaceAll(text, {{"]]>", "]]]]><![CDATA[>"}}), "]]>");
}

}  // namespace

bool IsReleaseCheckAccount(absl::string_view appid) {
  return appid == kOfficialAccount || appid == kMiniProgram;
}

std::string ReleaseCheckCode(const wechat::Message& message) {
  const absl::string_view content = message.Text("Content");
  return absl::StartsWith(content, kCodePrefix) ? std::string(content.substr(kCodePrefix.size()))
                                                : std::string();
}

std::string ReleaseCheckReply(const wechat::Message& message) {
  if (message.Text("MsgType") == "event") return absl::StrCat(PushName(message), "from_callback");
  if (!ReleaseCheckCode(message).empty()) return "";
  return absl::StrCat(message.Text("Content"), "_callback");
}

std::string PassiveReplyXml(const wechat::Message& message, absl::string_view text,
                            absl::Time now) {
  return absl::StrCat(
      "<xml><ToUserName>", Cdata(message.Text("FromUserName")), "</ToUserName><FromUserName>",
      Cdata(message.Text("ToUserName")), "</FromUserName><CreateTime>", absl::ToUnixSeconds(now),
      "</CreateTime><MsgType><![CDATA[text]]></MsgType><Content>", Cdata(text), "</Content></xml>");
}

NewJob ReleaseCheck::JobOf(const std::string& project, const std::string& component,
                           const std::string& code, absl::string_view openid) {
  NewJob job;
  job.kind = JobKind::kReleaseCheck;
  job.project = project;
  job.appid = component;
  job.payload = absl::StrCat(openid, "\n", code);
  job.key = absl::StrCat(component, ":", RequestIdOf(code));
  return job;
}

absl::Status ReleaseCheck::Run(const Job& job, Deadline deadline) {
  const std::vector<std::string> parts = absl::StrSplit(job.payload, absl::MaxSplits('\n', 1));
  if (parts.size() != 2) return absl::OkStatus();  // never gets better
  const absl::StatusOr<GrantedAuthorization> granted =
      tokens_.WithToken<GrantedAuthorization>(job.appid, deadline, [&](const Secret& token) {
        return platform_.QueryAuthorization(job.appid, token, parts[1], deadline);
      });
  if (ErrcodeOf(granted.status()) != 0) {
    LogWarn("code of a release check refused",
            {{"app", job.appid}, {"errcode", ErrcodeOf(granted.status())}});
    return absl::OkStatus();  // it is spent
  }
  if (!granted.ok()) return granted.status();
  ApiCall call;
  call.method = "POST";
  call.path = "/cgi-bin/message/custom/send";
  call.json = nlohmann::json{{"touser", parts[0]},
                             {"msgtype", "text"},
                             {"text", {{"content", absl::StrCat(parts[1], "_from_api")}}}}
                  .dump();
  return platform_.Call(granted->token.token, call, deadline).status();
}

}  // namespace datong::broker
