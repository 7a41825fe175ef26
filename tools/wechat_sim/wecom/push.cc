#include "tools/wechat_sim/wecom/push.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/wechat/answer.h"

namespace datong::wechat_sim::wecom {
namespace {

// To a suite's instruction URL.
void Instruct(World& world, const Suite& suite, const std::string& label, const PushXml& xml) {
  if (suite.spec.callback.url.empty()) return;
  PushJob job;
  job.label = label;
  job.appid = suite.spec.suite_id;
  job.callback = suite.spec.callback;
  job.is_wecom = true;
  job.receive_id = suite.spec.suite_id;
  job.to = suite.spec.suite_id;
  job.answer_within_ms = world.wecom.settings.answer_within_ms;
  job.xml = absl::StrCat("<xml>", xml.elements(), "</xml>");
  world.outbox.push_back(std::move(job));
}

}  // namespace

PushXml& PushXml::Text(const std::string& name, const std::string& value) {
  const std::string safe = absl::StrReplaceAll(value, {{"]]>", "]]]]><![CDATA[>"}});
  return Raw(name, absl::StrCat("<![CDATA[", safe, "]]>"));
}

PushXml& PushXml::TextIf(const std::string& name, const std::string& value) {
  return value.empty() ? *this : Text(name, value);
}

PushXml& PushXml::Raw(const std::string& name, const std::string& value) {
  absl::StrAppend(&elements_, "<", name, ">", value, "</", name, ">");
  return *this;
}

bool FindCallback(Estate& estate, const nlohmann::json& body, Callback* callback,
                  std::string* receive_id) {
  if (const Suite* suite = estate.FindSuite(wechat::TextField(body, "suite_id"));
      suite != nullptr) {
    *callback = suite->spec.callback;
    *receive_id = suite->spec.provider;
    return true;
  }
  const Corp* corp = estate.FindCorp(wechat::TextField(body, "corpid"));
  if (corp == nullptr) return false;
  const auto agent = corp->agents.find(wechat::NumberField(body, "agentid").value_or(1000002));
  if (agent == corp->agents.end()) return false;
  *callback = agent->second.callback;
  *receive_id = corp->spec.corpid;
  return true;
}

void PushSuiteTicket(World& world, const Suite& suite, int64_t now) {
  const std::string ticket = world.wecom.installs.MakeTicket(suite.spec.suite_id, now);
  // The blank is WeCom's.
  Instruct(world, suite, "suite_ticket",
           PushXml()
               .Text("SuiteId", suite.spec.suite_id)
               .Raw("InfoType", " <![CDATA[suite_ticket]]>")
               .Raw("TimeStamp", absl::StrCat(now))
               .Text("SuiteTicket", ticket));
}

absl::Time PushDueTickets(World& world, absl::Time now) {
  absl::Time next = now + absl::Hours(1);
  for (auto& [suite_id, suite] : world.wecom.suites) {
    if (suite.spec.ticket_interval_s <= 0) continue;
    const absl::Duration interval = absl::Seconds(suite.spec.ticket_interval_s);
    const absl::Time due = absl::FromUnixMillis(suite.next_ticket_ms);
    // Due, or scheduled before the clock was set back. Many intervals at once make one ticket.
    if (due <= now || due > now + interval) {
      PushSuiteTicket(world, suite, absl::ToUnixSeconds(now));
      suite.next_ticket_ms = absl::ToUnixMillis(now + interval);
    }
    next = std::min(next, absl::FromUnixMillis(suite.next_ticket_ms));
  }
  return next;
}

void PushAuthorization(World& world, const std::string& info_type, const Install& install,
                       const std::string& state, int64_t now, const std::string& code) {
  const Suite& suite = world.wecom.suites.at(install.suite_id);
  const bool has_code = info_type == "create_auth" || info_type == "reset_permanent_code";
  PushXml xml;
  xml.Text("SuiteId", install.suite_id);
  if (has_code) {
    xml.Text("AuthCode",
             code.empty() ? world.wecom.installs.MakeAuthCode(install, state, now) : code);
  }
  xml.Text("InfoType", info_type).Raw("TimeStamp", absl::StrCat(now));
  if (!has_code) xml.Text("AuthCorpId", world.wecom.SeenCorpid(install));
  if (info_type == "create_auth") xml.Text("State", state).Raw("ExtraInfo", "");
  Instruct(world, suite, info_type, xml);
}

void PushConsent(World& world, const Install& install, int64_t now) {
  const Suite& suite = world.wecom.suites.at(install.suite_id);
  Instruct(world, suite, "agree_external_userid_migration",
           PushXml()
               .Text("AuthCorpId", world.wecom.SeenCorpid(install))
               .Text("InfoType", "agree_external_userid_migration")
               .Text("ServiceCorpId", suite.spec.provider)
               .Raw("TimeStamp", absl::StrCat(now)));
}

}  // namespace datong::wechat_sim::wecom
