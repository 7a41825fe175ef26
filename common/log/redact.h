#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace datong {

// The text without what must never be in a log, as a last line of defence: values of parameters
// that are named like a secret ("access_token=…", "\"session_key\":\"…\""), openid-like words (28
// characters that begin with 'o'), runs of 40 and more characters of a token's alphabet, and mobile
// numbers of mainland China.
std::string Redact(absl::string_view text);

}  // namespace datong
