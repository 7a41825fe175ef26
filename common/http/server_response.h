#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/http/server.h"

namespace datong::http {

// The status line and headers of an answer, up to and with the blank line.
std::string SerializeHead(const ServerResponse& response, absl::string_view request_id,
                          bool keep_alive);

// The server's own answer to what it does not hand to a handler; 503 says when to come back.
ServerResponse Refusal(int status);

// True when an X-Request-Id of a client may go into answers and logs.
bool IsRequestId(absl::string_view id);

}  // namespace datong::http
