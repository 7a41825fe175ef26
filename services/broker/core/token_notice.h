#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace datong::broker {

// What replicas tell each other when the token or the state of an app changed.
struct TokenNotice {
  std::string appid;
  int64_t generation = 0;  // of the token written; 0 when the app changed in another way

  std::string ToText() const { return absl::StrCat(generation, " ", appid); }
  static std::optional<TokenNotice> FromText(absl::string_view text) {
    TokenNotice notice;
    const size_t space = text.find(' ');
    if (space == absl::string_view::npos ||
        !absl::SimpleAtoi(text.substr(0, space), &notice.generation)) {
      return std::nullopt;
    }
    notice.appid = std::string(text.substr(space + 1));
    return notice;
  }
};

}  // namespace datong::broker
