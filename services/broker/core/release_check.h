#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/time/deadline.h"
#include "common/wechat/message.h"
#include "services/broker/core/platform_client.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// WeChat's check of a component before its release (全网发布检测): two accounts of WeChat's own
// write to it, belong to nobody's estate, and expect answers at once.
bool IsReleaseCheckAccount(absl::string_view appid);
// What the message is answered with; "" for one that has a code instead.
std::string ReleaseCheckReply(const wechat::Message& message);
// The code that the message brings, to be exchanged and answered within five seconds; or "".
std::string ReleaseCheckCode(const wechat::Message& message);
// The text message that goes back to whoever wrote, as XML.
std::string PassiveReplyXml(const wechat::Message& message, absl::string_view text, absl::Time now);

// Does the job of such a code: exchanges it, and writes back in the account's name. Nothing is kept
// of the account. Thread-safe. What it is given must outlive it.
class ReleaseCheck {
 public:
  ReleaseCheck(TokenBroker& tokens, PlatformClient& platform)
      : tokens_(tokens), platform_(platform) {}

  // The job that does it, of a component.
  static NewJob JobOf(const std::string& project, const std::string& component,
                      const std::string& code, absl::string_view openid);
  absl::Status Run(const Job& job, Deadline deadline);

 private:
  TokenBroker& tokens_;
  PlatformClient& platform_;
};

}  // namespace datong::broker
