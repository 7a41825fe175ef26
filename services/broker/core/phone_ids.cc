#include "services/broker/core/phone_ids.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/status/macros.h"
#include "services/broker/core/login_errors.h"

namespace datong::broker {
namespace {

constexpr char kKeyName[] = "k1";
constexpr size_t kMostPhones = 1000;

}  // namespace

std::string NormalisePhone(absl::string_view text, absl::string_view country) {
  std::string digits;
  bool is_international = false;
  for (const char c : absl::StripAsciiWhitespace(text)) {
    if (absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      digits.push_back(c);
    } else if (c == '+' && digits.empty() && !is_international) {
      is_international = true;
    } else if (c != ' ' && c != '-' && c != '(' && c != ')') {
      return "";
    }
  }
  if (!is_international && absl::StartsWith(digits, "00")) {
    is_international = true;
    digits.erase(0, 2);
  }
  if (!is_international) digits = absl::StrCat(country, digits);
  if (digits.size() < 6 || digits.size() > 15 || digits[0] == '0') return "";
  return absl::StrCat("+", digits);
}

absl::StatusOr<std::string> PhoneIds::IdentifierOf(const std::string& project,
                                                   const std::string& normalised,
                                                   Deadline deadline) {
  Secret key;
  {
    MutexLock lock(&mutex_);
    const auto found = keys_.find(project);
    if (found != keys_.end()) key = found->second;
  }
  if (key.empty()) {
    DATONG_ASSIGN_OR_RETURN(key, store_.GetPhoneKey(project, deadline));
    MutexLock lock(&mutex_);
    keys_[project] = key;
  }
  return absl::StrCat("phone:", kKeyName, ":", BytesToHex(crypto::HmacSha256(key, normalised)));
}

absl::StatusOr<std::vector<std::string>> PhoneIds::IdentifiersOf(
    const std::string& project, const std::vector<std::string>& phones, Deadline deadline) {
  if (phones.empty() || phones.size() > kMostPhones) {
    return UserBatchTooLarge(phones.size(), kMostPhones);
  }
  std::vector<std::string> identifiers;
  for (size_t i = 0; i < phones.size(); ++i) {
    const std::string normalised = NormalisePhone(phones[i]);
    if (normalised.empty()) return PhoneInvalid(i);
    DATONG_ASSIGN_OR_RETURN(std::string identifier, IdentifierOf(project, normalised, deadline));
    identifiers.push_back(std::move(identifier));
  }
  return identifiers;
}

}  // namespace datong::broker
