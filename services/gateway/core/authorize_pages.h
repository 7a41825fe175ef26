#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/gateway/core/broker.h"

namespace datong::gateway {

// What the person before the launch page holds in hand.
enum class Visitor { kComputer, kPhoneInWechat, kPhoneElsewhere };
Visitor VisitorOf(absl::string_view user_agent);

// A page and the HTTP status it goes with.
struct Page {
  int status = 200;
  std::string html;
};

// The pages that an account's administrator sees on the way through an authorisation: Chinese
// first, English under it. Pure functions; whatever comes from outside is escaped here.
// `base` is where the links are: "/authorize" or "/wecom/install".
Page LaunchPage(const LaunchLink& link, absl::string_view base, Visitor visitor);
Page ConnectedPage(const ConnectedAccount& account);
// WeChat came back without a code: the administrator refused or left.
Page RefusedPage(absl::string_view base, absl::string_view link);
// Why it did not work and what to do; known reasons have their own words, others show the request
// id.
Page FailurePage(const absl::Status& status, absl::string_view base, absl::string_view link,
                 absl::string_view request_id);

}  // namespace datong::gateway
