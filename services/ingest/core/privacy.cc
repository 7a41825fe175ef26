#include "services/ingest/core/privacy.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "services/ingest/core/collector.h"
#include "services/ingest/core/dialect.h"
#include "services/ingest/core/flags.h"
#include "services/ingest/core/json_text.h"

namespace datong::ingest {
namespace {

template <size_t N>
bool IsOneOf(absl::string_view name, const std::array<absl::string_view, N>& names) {
  return std::any_of(names.begin(), names.end(),
                     [name](absl::string_view one) { return absl::EqualsIgnoreCase(one, name); });
}

bool IsOneOf(absl::string_view name, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(),
                     [name](const std::string& one) { return absl::EqualsIgnoreCase(one, name); });
}

// Texts that are parameters from their first sign on.
bool HoldsBareParameters(absl::string_view key) {
  static constexpr std::array<absl::string_view, 5> kKeys = {"query", "search", "$share_query",
                                                             "queryString", "query_string"};
  return IsOneOf(key, kKeys);
}

bool IsCoordinate(absl::string_view key) {
  static constexpr std::array<absl::string_view, 7> kKeys = {
      "latitude", "longitude", "lat", "lng", "lon", "$latitude", "$longitude"};
  return !key.empty() && (key[0] == '$' || (key[0] | 0x20) == 'l') && IsOneOf(key, kKeys);
}

bool IsAddressKey(absl::string_view key) { return key == "ip" || key == "$ip"; }

// The network of an address. True when it is one.
bool CutIp(std::string* address) {
  const IpNet net = CutAddress(*address);
  if (net.bits == 0) return false;
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(net.v6 ? AF_INET6 : AF_INET, net.address.data(), text.data(),
            static_cast<socklen_t>(text.size()));
  *address = text.data();
  return true;
}

// Leaves two decimals of a number. True when there were more.
bool CutDecimals(std::string* number) {
  if (number->find_first_of("eE") != std::string::npos) {
    double value = 0;
    if (!absl::SimpleAtod(*number, &value)) return false;
    *number = absl::StrFormat("%.2f", std::trunc(value * 100) / 100);
    return true;
  }
  const size_t point = number->find('.');
  if (point == std::string::npos || number->size() <= point + 3) return false;
  if (!std::all_of(number->begin() + static_cast<std::ptrdiff_t>(point) + 1, number->end(),
                   [](char c) { return (c >= '0' && c <= '9') || c == ' '; })) {
    return false;
  }
  number->resize(point + 3);
  return true;
}

std::string PercentDecoded(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      if (absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) &&
          absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]))) {
        out.append(absl::HexStringToBytes(text.substr(i + 1, 2)));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

bool IsDropped(const PrivacyRules& rules, absl::string_view parameter) {
  const size_t equals = parameter.find('=');
  if (equals == absl::string_view::npos) return false;
  absl::string_view name = parameter.substr(0, equals);
  std::string decoded;
  if (absl::StrContains(name, '%')) {
    decoded = PercentDecoded(name);
    name = decoded;
  }
  if (IsOneOf(name, rules.dropped_parameters)) return true;
  return IsPrivateParameter(name) && !IsOneOf(name, rules.kept_parameters);
}

bool MayHoldParameters(absl::string_view json_string) {
  // '=' may be written as \u003d.
  return absl::StrContains(json_string, '=') || absl::StrContains(json_string, "\\u003");
}

std::array<unsigned char, 32> Hmac(absl::string_view key, absl::string_view bytes) {
  std::array<unsigned char, 32> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(), &size);
  return digest;
}

absl::string_view AsText(const std::array<unsigned char, 32>& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

}  // namespace

bool IsPrivateParameter(absl::string_view name) {
  static constexpr std::array<absl::string_view, 24> kNames = {
      "phone",         "mobile",   "tel",     "email",    "token",       "access_token",
      "refresh_token", "id_token", "code",    "js_code",  "auth_code",   "ticket",
      "openid",        "open_id",  "unionid", "union_id", "session_key", "sessionkey",
      "password",      "passwd",   "pwd",     "secret",   "idcard",      "id_card"};
  return IsOneOf(name, kNames);
}

bool IsStructuralField(absl::string_view name) {
  static constexpr std::array<absl::string_view, 34> kNames = {"eventType",
                                                               "eventName",
                                                               "deviceId",
                                                               "userId",
                                                               "userKey",
                                                               "sessionId",
                                                               "gioId",
                                                               "domain",
                                                               "platform",
                                                               "timestamp",
                                                               "eventSequenceId",
                                                               "path",
                                                               "title",
                                                               "referralPage",
                                                               "dataSourceId",
                                                               "globalSequenceId",
                                                               "type",
                                                               "event",
                                                               "name",
                                                               "anonymousId",
                                                               "messageId",
                                                               "previousId",
                                                               "groupId",
                                                               "sentAt",
                                                               "originalTimestamp",
                                                               "openid",
                                                               "unionid",
                                                               "$wechat_openId",
                                                               "$wechat_unionId",
                                                               "eventId",
                                                               "identifier",
                                                               "identifiers",
                                                               "referrer",
                                                               "eventTime"};
  return IsOneOf(name, kNames);
}

bool DropParameters(const PrivacyRules& rules, bool bare, std::string* text) {
  constexpr absl::string_view kSeparators = "?&#";
  const absl::string_view whole = *text;
  if (!absl::StrContains(whole, '=')) return false;
  size_t at = bare ? 0 : whole.find_first_of(kSeparators);
  if (at == absl::string_view::npos) return false;
  std::string out(whole.substr(0, at));
  // What stands before the next parameter that stays: that of the first one that went.
  absl::string_view held;
  bool holding = false;
  bool changed = false;
  while (at < whole.size()) {
    const bool separated = absl::StrContains(kSeparators, whole[at]);
    absl::string_view separator = whole.substr(at, separated ? 1 : 0);
    const size_t begin = at + separator.size();
    const size_t end = std::min(whole.find_first_of(kSeparators, begin), whole.size());
    const absl::string_view parameter = whole.substr(begin, end - begin);
    at = end;
    if (IsDropped(rules, parameter)) {
      changed = true;
      if (!holding) held = separator;
      holding = true;
      continue;
    }
    if (holding && separator == "&") separator = held;
    holding = false;
    out.append(separator.data(), separator.size());
    out.append(parameter.data(), parameter.size());
  }
  if (changed) *text = std::move(out);
  return changed;
}

std::string Privacy::Hash(int32_t tenant_id, absl::string_view value) const {
  const auto key = Hmac(hash_key_.Expose(), absl::StrCat("datong.ingest.hash/", tenant_id));
  return absl::BytesToHexString(AsText(Hmac(AsText(key), value)).substr(0, 16));
}

void Privacy::Apply(const Source& source, EventRow* row) const {
  const PrivacyRules& rules = source.privacy;
  DropParameters(rules, /*bare=*/false, &row->path);
  DropParameters(rules, /*bare=*/false, &row->referrer);
  if (row->event_type == event_type::kViewChange && !rules.keep_typed_text) {
    row->rest = WithoutKeys(row->rest, {"textValue"});  // what a person typed
  }
  bool cut = false;
  EditValues(&row->rest,
             [&](absl::string_view key, absl::string_view value) -> std::optional<std::string> {
               const bool is_text = value[0] == '"';
               if (!rules.hashed_fields.empty() && IsOneOf(key, rules.hashed_fields)) {
                 const std::string plain = is_text ? Unquoted(value) : std::string(value);
                 return absl::StrCat("\"", CanHash() ? Hash(source.tenant_id, plain) : "", "\"");
               }
               const bool coordinate = !rules.keep_exact_location && IsCoordinate(key);
               if (!is_text) {
                 std::string number(value);
                 if (coordinate && CutDecimals(&number)) return number;
                 return std::nullopt;
               }
               const bool parameters = MayHoldParameters(value);
               const bool long_text = value.size() > kMaxTextBytes + 2;
               const bool address = IsAddressKey(key);
               if (!parameters && !coordinate && !long_text && !address) return std::nullopt;
               std::string text = Unquoted(value);
               bool changed = parameters && DropParameters(rules, HoldsBareParameters(key), &text);
               if (coordinate) changed |= CutDecimals(&text);
               if (address) changed |= CutIp(&text);
               if (CutUtf8(&text, kMaxTextBytes)) changed = cut = true;
               if (!changed) return std::nullopt;
               std::string quoted;
               AppendJsonString(text, &quoted);
               return quoted;
             });
  if (cut) row->flags |= kTextCut;
}

}  // namespace datong::ingest
