#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/http/server.h"

// What the simulator's pages are made of.
namespace datong::wechat_sim {

std::string Escape(absl::string_view text);
http::ServerResponse Html(int status, const std::string& title, const std::string& body);
// A hidden field of a form.
std::string Hidden(const char* name, const std::string& value);
http::ServerResponse Redirect(const std::string& url);

// The host of an absolute URL, without port, in lower case.
std::string HostOf(absl::string_view url);
std::string WithQuery(const std::string& url, const std::string& query);

}  // namespace datong::wechat_sim
