#pragma once

#include <string>

#include "absl/time/time.h"
#include "tools/wechat_sim/world.h"

// Puts WeCom's pushes into the world's outbox.
namespace datong::wechat_sim::wecom {

// The elements of a push's XML, in order. Texts become CDATA.
class PushXml {
 public:
  PushXml& Text(const std::string& name, const std::string& value);
  PushXml& TextIf(const std::string& name, const std::string& value);  // nothing when empty
  PushXml& Raw(const std::string& name, const std::string& value);
  const std::string& elements() const { return elements_; }

 private:
  std::string elements_;
};

// The callback that a body with `suite_id`, or `corpid` and `agentid`, names, and whose id its URL
// check is sealed for; false when there is none.
bool FindCallback(Estate& estate, const nlohmann::json& body, Callback* callback,
                  std::string* receive_id);

// A new ticket, on its way to the suite's instruction URL if it has one.
void PushSuiteTicket(World& world, const Suite& suite, int64_t now);
// Those that are due; when the next one is.
absl::Time PushDueTickets(World& world, absl::Time now);

// "create_auth" and "reset_permanent_code" with `code`, or with a new auth_code when that is empty;
// "change_auth" and "cancel_auth".
void PushAuthorization(World& world, const std::string& info_type, const Install& install,
                       const std::string& state, int64_t now, const std::string& code = "");
// agree_external_userid_migration, which names no suite.
void PushConsent(World& world, const Install& install, int64_t now);

}  // namespace datong::wechat_sim::wecom
