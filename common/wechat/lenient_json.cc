#include "common/wechat/lenient_json.h"

#include <cstdlib>
#include <string>

#include "common/base/strings.h"

namespace datong::wechat {
namespace {

// The code unit of "\uXXXX" at `at`, or -1.
int CodeUnitAt(absl::string_view text, size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
  const std::string bytes = HexToBytes(text.substr(at + 2, 4));
  if (bytes.size() != 2) return -1;
  return static_cast<unsigned char>(bytes[0]) << 8 | static_cast<unsigned char>(bytes[1]);
}

std::string Repair(absl::string_view text) {
  const std::string clean = SanitizeUtf8(text);
  const absl::string_view in = clean;
  std::string out;
  out.reserve(in.size());
  bool in_string = false;
  for (size_t i = 0; i < in.size(); ++i) {
    const char c = in[i];
    if (!in_string) {
      in_string = c == '"';
      out.push_back(c);
    } else if (c == '\\') {
      const int unit = CodeUnitAt(in, i);
      if (unit >= 0xd800 && unit <= 0xdfff) {
        const int next = CodeUnitAt(in, i + 6);
        const bool is_pair = unit < 0xdc00 && next >= 0xdc00 && next <= 0xdfff;
        out += is_pair ? std::string(in.substr(i, 12)) : "\\ufffd";
        i += is_pair ? 11 : 5;
      } else {
        out.push_back(c);
        if (i + 1 < in.size()) out.push_back(in[++i]);
      }
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.push_back(' ');
    } else {
      if (c == '"') in_string = false;
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace

std::optional<nlohmann::json> ParseLenientJson(absl::string_view text) {
  nlohmann::json json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_discarded()) json = nlohmann::json::parse(Repair(text), nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

}  // namespace datong::wechat
