#include "services/ingest/core/json_text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

namespace datong::ingest {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

size_t SkipBlanks(absl::string_view text, size_t at) {
  while (at < text.size() && IsBlank(text[at])) ++at;
  return at;
}

// `at` is behind an opening quote; the result is behind the closing one.
size_t SkipString(absl::string_view text, size_t at) {
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') return at + 1;
    at += c == '\\' ? 2 : 1;
  }
  return text.size();
}

// The value that begins at `at`; `*end` is behind it.
JsonSpan ScanValue(absl::string_view text, size_t at, size_t* end) {
  JsonSpan span;
  const size_t begin = at;
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = SkipString(text, at + 1);
      if (depth == 0) break;
      continue;
    }
    if (c == '{' || c == '[') {
      span.depth = std::max(span.depth, ++depth);
    } else if (c == '}' || c == ']') {
      if (depth == 0) break;  // closes what is around a scalar
      if (--depth == 0) {
        ++at;
        break;
      }
    } else if (c == ':') {
      ++span.keys;
    } else if (c == ',' && depth == 0) {
      break;
    }
    ++at;
  }
  size_t stop = at;
  while (stop > begin && IsBlank(text[stop - 1])) --stop;
  span.text = text.substr(begin, stop - begin);
  *end = at;
  return span;
}

// Calls `visit(key bytes with quotes, value bytes, begin, end)` for each top-level member.
template <typename Visit>
void ForEachMember(absl::string_view object, Visit visit) {
  size_t at = SkipBlanks(object, 0);
  if (at >= object.size() || object[at] != '{') return;
  at = SkipBlanks(object, at + 1);
  while (at < object.size() && object[at] == '"') {
    const size_t key_begin = at;
    at = SkipString(object, at + 1);
    const absl::string_view key = object.substr(key_begin, at - key_begin);
    at = SkipBlanks(object, at);
    if (at >= object.size()) return;
    at = SkipBlanks(object, at + 1);  // the colon
    size_t end = at;
    const JsonSpan value = ScanValue(object, at, &end);
    visit(key, value.text, key_begin);
    at = SkipBlanks(object, end);
    if (at < object.size() && object[at] == ',') at = SkipBlanks(object, at + 1);
  }
}

bool IsKey(absl::string_view quoted, absl::string_view key) {
  return quoted.size() == key.size() + 2 && quoted.substr(1, key.size()) == key;
}

constexpr absl::string_view kReplacement = "\xEF\xBF\xBD";

// Length of the well-formed UTF-8 character that begins at `at`, or 0.
size_t Utf8Length(absl::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[at + i]); };
  const uint8_t lead = byte(0);
  const size_t length = lead < 0x80                    ? 1
                        : lead >= 0xC2 && lead <= 0xDF ? 2
                        : (lead & 0xF0) == 0xE0        ? 3
                        : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                       : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  if (lead == 0xE0 && byte(1) < 0xA0) return 0;
  if (lead == 0xED && byte(1) > 0x9F) return 0;  // a surrogate
  if (lead == 0xF0 && byte(1) < 0x90) return 0;
  if (lead == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

// The four hexadecimal digits of an escape that begins at `at` with "\u".
std::optional<uint32_t> EscapedUnit(absl::string_view text, size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  uint32_t unit = 0;
  for (size_t i = at + 2; i < at + 6; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return std::nullopt;
    unit = unit << 4 | static_cast<uint32_t>(digit);
  }
  return unit;
}

bool NumberFits(absl::string_view number) {
  if (number.find_first_of(".eE") == absl::string_view::npos) {
    int64_t whole = 0;
    uint64_t positive = 0;
    return absl::SimpleAtoi(number, &whole) || absl::SimpleAtoi(number, &positive);
  }
  double value = 0;
  return !absl::SimpleAtod(number, &value) || std::isfinite(value);
}

// Copies one string's inside from `at` (behind the opening quote) to its closing quote, repaired.
size_t SanitiseString(absl::string_view json, size_t at, SanitisedJson* out) {
  const auto replace = [out]() {
    out->changed_at.push_back(out->text.size());
    out->text.append(kReplacement.data(), kReplacement.size());
  };
  while (at < json.size()) {
    const char c = json[at];
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"') {
      out->text.push_back('"');
      return at + 1;
    }
    if (c == '\\') {
      const std::optional<uint32_t> unit = EscapedUnit(json, at);
      if (!unit.has_value()) {
        out->text.append(json.data() + at, std::min<size_t>(2, json.size() - at));
        at += 2;
      } else if (*unit == 0 || (*unit >= 0xDC00 && *unit <= 0xDFFF)) {
        replace();
        at += 6;
      } else if (*unit >= 0xD800 && *unit <= 0xDBFF) {
        const std::optional<uint32_t> low = EscapedUnit(json, at + 6);
        if (low.has_value() && *low >= 0xDC00 && *low <= 0xDFFF) {
          out->text.append(json.data() + at, 12);
          at += 12;
        } else {
          replace();
          at += 6;
        }
      } else {
        out->text.append(json.data() + at, 6);
        at += 6;
      }
      continue;
    }
    if (byte == 0) {
      replace();
      ++at;
    } else if (byte < 0x20) {
      out->changed_at.push_back(out->text.size());
      absl::StrAppendFormat(&out->text, "\\u%04x", byte);
      ++at;
    } else if (byte < 0x80) {
      out->text.push_back(c);
      ++at;
    } else if (const size_t length = Utf8Length(json, at); length > 0) {
      out->text.append(json.data() + at, length);
      at += length;
    } else {
      replace();
      ++at;
    }
  }
  return at;
}

}  // namespace

std::vector<JsonSpan> TopLevelElements(absl::string_view json) {
  std::vector<JsonSpan> elements;
  size_t at = SkipBlanks(json, 0);
  if (at >= json.size()) return elements;
  if (json[at] != '[') {
    elements.push_back(ScanValue(json, at, &at));
    return elements;
  }
  at = SkipBlanks(json, at + 1);
  while (at < json.size() && json[at] != ']') {
    elements.push_back(ScanValue(json, at, &at));
    at = SkipBlanks(json, at);
    if (at < json.size() && json[at] == ',') at = SkipBlanks(json, at + 1);
  }
  return elements;
}

absl::string_view TopLevelValue(absl::string_view object, absl::string_view key) {
  absl::string_view found;
  ForEachMember(object, [&](absl::string_view name, absl::string_view value, size_t) {
    if (IsKey(name, key)) found = value;
  });
  return found;
}

std::string WithoutKeys(absl::string_view object, std::initializer_list<absl::string_view> keys) {
  std::string out = "{";
  ForEachMember(object, [&](absl::string_view name, absl::string_view value, size_t) {
    for (const absl::string_view key : keys) {
      if (IsKey(name, key)) return;
    }
    if (out.size() > 1) out.push_back(',');
    out.append(name.data(), name.size());
    out.push_back(':');
    out.append(value.data(), value.size());
  });
  out.push_back('}');
  return out;
}

bool EditValues(
    std::string* json,
    absl::FunctionRef<std::optional<std::string>(absl::string_view key, absl::string_view value)>
        edit) {
  const absl::string_view text = *json;
  std::string out;
  size_t copied = 0;  // of `text`, into `out`
  // The key of each object or list that is open; a list keeps the key that it stands under.
  struct Level {
    bool is_object;
    absl::string_view key;
  };
  std::vector<Level> levels;
  absl::string_view key;
  bool expect_key = false;
  size_t at = 0;
  const auto offer = [&](size_t begin, size_t end) {
    const std::optional<std::string> other = edit(key, text.substr(begin, end - begin));
    if (!other.has_value()) return;
    out.append(text.data() + copied, begin - copied);
    out.append(*other);
    copied = end;
  };
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      const size_t end = SkipString(text, at + 1);
      if (expect_key) {
        key = text.substr(at + 1, end - at - 2);
        expect_key = false;
      } else {
        offer(at, end);
      }
      at = end;
      continue;
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
      size_t end = at + 1;
      while (end < text.size() && text[end] != ',' && text[end] != '}' && text[end] != ']' &&
             !IsBlank(text[end])) {
        ++end;
      }
      offer(at, end);
      at = end;
      continue;
    }
    if (c == '{' || c == '[') {
      levels.push_back({c == '{', key});
      expect_key = c == '{';
    } else if (c == '}' || c == ']') {
      if (!levels.empty()) levels.pop_back();
      expect_key = false;
    } else if (c == ',' && !levels.empty()) {
      expect_key = levels.back().is_object;
      key = levels.back().key;
    }
    ++at;
  }
  if (copied == 0) return false;
  out.append(text.data() + copied, text.size() - copied);
  *json = std::move(out);
  return true;
}

std::string Unquoted(absl::string_view json_string) {
  const absl::string_view inside = json_string.substr(1, json_string.size() - 2);
  if (inside.find('\\') == absl::string_view::npos) return std::string(inside);
  const nlohmann::json value =
      nlohmann::json::parse(json_string.begin(), json_string.end(), nullptr,
                            /*allow_exceptions=*/false);
  return value.is_string() ? value.get<std::string>() : std::string(inside);
}

std::string CanonicalJson(absl::string_view object,
                          std::initializer_list<absl::string_view> without) {
  nlohmann::json value = nlohmann::json::parse(object.begin(), object.end(), nullptr,
                                               /*allow_exceptions=*/false);
  if (!value.is_object()) return std::string(object);
  for (const absl::string_view key : without) value.erase(std::string(key));
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

SanitisedJson Sanitise(absl::string_view json) {
  SanitisedJson out;
  out.text.reserve(json.size() + 64);
  size_t at = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      out.text.push_back('"');
      at = SanitiseString(json, at + 1, &out);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      size_t end = at;
      while (end < json.size() &&
             absl::string_view("0123456789+-.eE").find(json[end]) != absl::string_view::npos) {
        ++end;
      }
      const absl::string_view number = json.substr(at, end - at);
      const bool fits = NumberFits(number);
      if (!fits) out.text.push_back('"');
      out.text.append(number.data(), number.size());
      if (!fits) out.text.push_back('"');
      at = end;
    } else {
      out.text.push_back(c);
      ++at;
    }
  }
  return out;
}

void AppendJsonString(absl::string_view text, std::string* out) {
  out->push_back('"');
  size_t plain = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
    out->append(text.data() + plain, i - plain);
    plain = i + 1;
    if (byte == '"' || byte == '\\') {
      out->push_back('\\');
      out->push_back(static_cast<char>(byte));
    } else {
      absl::StrAppendFormat(out, "\\u%04x", byte);
    }
  }
  out->append(text.data() + plain, text.size() - plain);
  out->push_back('"');
}

bool CutUtf8(std::string* text, size_t bytes) {
  if (text->size() <= bytes) return false;
  size_t at = bytes;
  while (at > 0 && (static_cast<uint8_t>((*text)[at]) & 0xC0) == 0x80) --at;
  text->resize(at);
  return true;
}

}  // namespace datong::ingest
