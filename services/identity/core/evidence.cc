#include "services/identity/core/evidence.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/identifier/sha256.h"

namespace datong::identity {
namespace {

constexpr std::array<std::pair<absl::string_view, int>, 24> kClasses = {{
    {"mp.code2session", 0},
    {"mp.component_jscode2session", 0},
    {"mp.cloud_context", 0},
    {"mp.paid_unionid", 0},
    {"mp.encrypted_userinfo", 0},
    {"mp.phone_number", 0},
    {"oa.user_info", 0},
    {"oa.event_subscribe", 0},
    {"oa.push_unionid", 0},
    {"wx.changeopenid", 0},
    {"wecom.contact_detail", 0},
    {"wecom.group_detail", 0},
    {"wecom.unionid_to_external", 0},
    {"wecom.unionid_to_pending", 0},
    {"wecom.external_to_pending", 0},
    {"wecom.id_convert", 0},
    {"wecom.oauth_userinfo", 0},
    {"wecom.kf_customer", 0},
    {"wecom.event_add_contact", 0},
    {"oauth.userinfo", kWebAuthorizationClass},
    {"oauth.base", kWebAuthorizationClass},
    {"tenant.login", 2},
    {"tenant.import", 3},
    {"client.claim", kClaimClass},
}};

constexpr std::array<absl::string_view, 20> kBlocked = {
    "",       "-1",      "null", "none",        "undefined",
    "nan",    "nil",     "true", "false",       "anonymous",
    "guest",  "unknown", "test", "0",           "[object object]",
    "openid", "unionid", "id",   "distinct_id", "not_authenticated"};

// A fact is stored at most once in each such span of time.
constexpr int64_t kKnownForSeconds = 30 * 24 * 60 * 60;

bool HasGoodForm(IdKind kind, absl::string_view identifier) {
  const absl::string_view value = ValueOf(identifier);
  if (kind == IdKind::kExt) {
    return value.size() <= 128 && (absl::StartsWith(value, "wm") || absl::StartsWith(value, "wo"));
  }
  if (kind != IdKind::kOpenid && kind != IdKind::kUnionid) return true;
  return value.size() >= 6 && value.size() <= 128 && absl::c_all_of(value, [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-';
         });
}

std::string Trimmed(const std::string& identifier) {
  const absl::string_view value = ValueOf(identifier);
  const size_t head = identifier.size() - value.size();
  return absl::StrCat(identifier.substr(0, head), absl::StripAsciiWhitespace(value));
}

std::string Facts(int32_t project_number, const Evidence& record) {
  std::string facts = absl::StrCat(project_number, "\n", record.kind);
  for (const std::string& id : record.ids) absl::StrAppend(&facts, "\n", id);
  absl::StrAppend(&facts, "\n", record.snapshot ? 1 : 0, static_cast<int>(record.watermark), "\n");
  return facts;
}

}  // namespace

std::optional<int> ClassOf(absl::string_view evidence_kind) {
  for (const auto& [kind, evidence_class] : kClasses) {
    if (kind == evidence_kind) return evidence_class;
  }
  return std::nullopt;
}

bool IsBlockedValue(absl::string_view value) {
  if (absl::c_all_of(value, [](char c) { return c == '0' || c == '-'; })) return true;
  return absl::c_any_of(
      kBlocked, [&](absl::string_view blocked) { return absl::EqualsIgnoreCase(value, blocked); });
}

std::optional<Reason> FaultOf(const std::string& identifier, const Policy& policy) {
  const IdKind kind = KindOf(identifier);
  if (kind == IdKind::kForbidden) return Reason::kNotAnIdentifier;
  if (kind == IdKind::kUnknown) return Reason::kBadFormat;
  const absl::string_view value = ValueOf(identifier);
  if (IsBlockedValue(value) ||
      absl::c_any_of(policy.blocked_values, [&](const std::string& blocked) {
        return absl::EqualsIgnoreCase(value, blocked);
      })) {
    return Reason::kBlockedValue;
  }
  if (policy.form_checks && !HasGoodForm(kind, identifier)) return Reason::kBadFormat;
  return std::nullopt;
}

Evidence Clean(const Evidence& record, const Policy& policy, std::vector<Refusal>& refusals) {
  Evidence clean = record;
  clean.ids.clear();
  const int evidence_class = ClassOf(record.kind).value_or(kClaimClass);
  const auto refuse = [&](std::vector<std::string> ids, Reason reason) {
    refusals.push_back({std::move(ids), reason, evidence_class, record.observed});
  };
  for (const std::string& id : record.ids) clean.ids.push_back(Trimmed(id));
  absl::c_sort(clean.ids);
  clean.ids.erase(std::unique(clean.ids.begin(), clean.ids.end()), clean.ids.end());
  if (record.watermark == Watermark::kAppidMismatch || record.watermark == Watermark::kStale) {
    refuse(std::move(clean.ids), Reason::kWatermarkInvalid);
    clean.ids.clear();
    return clean;
  }
  std::erase_if(clean.ids, [&](const std::string& id) {
    const std::optional<Reason> reason = FaultOf(id, policy);
    if (reason.has_value()) refuse({id}, *reason);
    return reason.has_value();
  });
  return clean;
}

bool IsClean(const Evidence& record, const Policy& policy) {
  if (record.watermark == Watermark::kAppidMismatch || record.watermark == Watermark::kStale) {
    return false;
  }
  for (size_t i = 0; i < record.ids.size(); ++i) {
    const std::string& id = record.ids[i];
    if (i > 0 && record.ids[i - 1] >= id) return false;
    const absl::string_view value = ValueOf(id);
    if (value.size() != absl::StripAsciiWhitespace(value).size()) return false;
    if (FaultOf(id, policy).has_value()) return false;
  }
  return true;
}

FactKey KnownKey(int32_t project_number, const Evidence& record) {
  const bool instant = absl::c_any_of(
      record.ids, [](const std::string& id) { return KindOf(id) == IdKind::kPending; });
  const int64_t time = instant ? absl::ToUnixMicros(record.observed)
                               : absl::ToUnixSeconds(record.observed) / kKnownForSeconds;
  std::string facts = Facts(project_number, record);
  absl::StrAppend(&facts, time);
  const std::array<unsigned char, 32> digest = Sha256(facts);
  FactKey key;
  std::memcpy(&key, digest.data(), sizeof(key));
  return key;
}

std::string EvidenceId(int32_t project_number, const Evidence& record) {
  std::string facts = Facts(project_number, record);
  absl::StrAppend(&facts, absl::ToUnixMicros(record.observed), "\n", record.request_id);
  const std::array<unsigned char, 32> digest = Sha256(facts);
  return std::string(reinterpret_cast<const char*>(digest.data()), 16);
}

}  // namespace datong::identity
