#pragma once

#include <string>

#include "common/base/secret.h"

namespace datong::tools {

// A callback as an operator has it: what was configured, and what WeChat sent.
struct CallbackCheck {
  Secret token;
  Secret encoding_aes_key;  // empty in plain mode
  std::string receive_id;   // appid, component appid, corp or suite id; "" skips its check
  std::string query;        // of the URL, without '?'
  std::string body;         // empty for the GET that verifies a URL
};

struct CallbackVerdict {
  bool is_right = false;
  std::string text;  // lines for a person: what is right, what is wrong, what to do, the plaintext
};

// Says whether the signature is right, what the push holds, and what is wrong with it.
CallbackVerdict CheckCallback(const CallbackCheck& check);

}  // namespace datong::tools
