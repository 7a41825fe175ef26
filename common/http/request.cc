#include "common/http/request.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace datong::http {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The raw value of the first parameter whose decoded name fits, or nothing.
bool FindParameter(absl::string_view query, absl::string_view name, absl::string_view* value) {
  for (const absl::string_view pair : absl::StrSplit(query, '&')) {
    const size_t equals = pair.find('=');
    const absl::string_view raw_name = pair.substr(0, equals);
    if (raw_name != name && UrlDecode(raw_name) != name) continue;
    *value = equals == absl::string_view::npos ? absl::string_view() : pair.substr(equals + 1);
    return true;
  }
  return false;
}

}  // namespace

absl::string_view Headers::Get(absl::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (absl::EqualsIgnoreCase(key, name)) return value;
  }
  return "";
}

bool Headers::Has(absl::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (absl::EqualsIgnoreCase(key, name)) return true;
  }
  return false;
}

std::string UrlDecode(absl::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out.push_back(' ');
    } else if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
               HexDigit(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string UrlEncode(absl::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' ||
        c == '~') {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    }
  }
  return out;
}

std::string QueryValue(absl::string_view query, absl::string_view name) {
  absl::string_view value;
  return FindParameter(query, name, &value) ? UrlDecode(value) : "";
}

bool HasQueryValue(absl::string_view query, absl::string_view name) {
  absl::string_view value;
  return FindParameter(query, name, &value);
}

}  // namespace datong::http
