#include "common/log/redact.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace datong {
namespace {

constexpr size_t kTokenLength = 40;
constexpr size_t kOpenIdLength = 28;
constexpr size_t kPhoneLength = 11;

bool IsWord(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
}

bool IsDigits(absl::string_view word) {
  return std::all_of(word.begin(), word.end(),
                     [](char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); });
}

bool IsSecretName(absl::string_view word) {
  const std::string name = absl::AsciiStrToLower(word);
  return absl::EndsWith(name, "token") || absl::EndsWith(name, "secret") ||
         absl::EndsWith(name, "ticket") || absl::EndsWith(name, "password") ||
         absl::EndsWith(name, "authorization") || name == "session_key" || name == "auth_code" ||
         name == "authorization_code" || name == "js_code" || name == "encodingaeskey" ||
         name == "pre_auth_code";
}

// A word with two parts at least of one-letter case or digit classes: names of metrics and files
// are long too, but they hold separators or are all lower case letters.
bool LooksLikeToken(absl::string_view word) {
  if (word.size() < kTokenLength) return false;
  return std::any_of(word.begin(), word.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
           absl::ascii_isupper(static_cast<unsigned char>(c));
  });
}

// How many characters between a name and its value: `=`, `: `, `":"` and the like; 0 when none.
size_t SeparatorLength(absl::string_view text) {
  size_t at = 0;
  bool sign = false;
  while (at < text.size() && at < 5) {
    const char c = text[at];
    if (c == '=' || c == ':') {
      sign = true;
    } else if (c != '"' && c != ' ' && c != '\\' && c != '\'') {
      break;
    }
    ++at;
  }
  return sign ? at : 0;
}

}  // namespace

std::string Redact(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  size_t at = 0;
  while (at < text.size()) {
    if (!IsWord(text[at])) {
      out.push_back(text[at++]);
      continue;
    }
    size_t end = at;
    while (end < text.size() && IsWord(text[end])) ++end;
    const absl::string_view word = text.substr(at, end - at);
    if (word.size() == kOpenIdLength && word[0] == 'o') {
      out.append("[openid]");
    } else if (LooksLikeToken(word)) {
      out.append("[token]");
    } else if (word.size() == kPhoneLength && word[0] == '1' && word[1] >= '3' && IsDigits(word)) {
      out.append("[phone]");
    } else {
      out.append(word.data(), word.size());
      const size_t gap = IsSecretName(word) ? SeparatorLength(text.substr(end)) : 0;
      if (gap > 0 && end + gap < text.size()) {
        out.append(text.data() + end, gap);
        end += gap;
        const size_t value = end;
        while (end < text.size() && text[end] != '&' && text[end] != '"' && text[end] != ',' &&
               text[end] != ' ' && text[end] != '}' && text[end] != '\'' && text[end] != '\\') {
          ++end;
        }
        if (absl::EqualsIgnoreCase(text.substr(value, end - value), "bearer") &&
            end < text.size() && text[end] == ' ') {
          ++end;
          while (end < text.size() && text[end] != ' ' && text[end] != '"') ++end;
        }
        if (end > value) out.append("***");
      }
    }
    at = end;
  }
  return out;
}

}  // namespace datong
