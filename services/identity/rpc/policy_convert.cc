#include "services/identity/rpc/policy_convert.h"

#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"

namespace datong::identity {
namespace {

constexpr int kMostBlocked = 1000;
constexpr size_t kLongestBlocked = 128;

absl::Status PolicyInvalid(absl::string_view problem) {
  return FieldInvalid("POLICY_INVALID", problem);
}

template <typename Number>
absl::Status Take(bool given, int32_t value, const char* name, int32_t least, int32_t most,
                  Number& out) {
  if (!given) return absl::OkStatus();
  if (value < least || value > most) {
    return PolicyInvalid(absl::StrCat(name, " is ", least, " to ", most));
  }
  out = static_cast<Number>(value);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> BlockedOf(const v1::BlockedValues& blocked) {
  if (blocked.values_size() > kMostBlocked) {
    return PolicyInvalid("blocked_values holds up to 1,000 values");
  }
  std::vector<std::string> values;
  for (const std::string& value : blocked.values()) {
    const bool control = absl::c_any_of(
        value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    if (value.empty() || value.size() > kLongestBlocked || control || !IsUtf8(value)) {
      return PolicyInvalid("A blocked value is 1 to 128 bytes of UTF-8 without control characters");
    }
    values.push_back(absl::AsciiStrToLower(value));
  }
  absl::c_sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace

absl::StatusOr<Policy> Merge(const Policy& policy, const v1::Policy& p) {
  constexpr int32_t kMillion = 1'000'000;
  Policy merged = policy;
  if (p.has_trust_client_claims()) merged.trust_client_claims = p.trust_client_claims();
  if (p.has_phone_may_merge()) merged.phone_may_merge = p.phone_may_merge();
  if (p.has_form_checks()) merged.form_checks = p.form_checks();
  if (p.has_require_consent_after_erase()) {
    merged.require_consent_after_erase = p.require_consent_after_erase();
  }
  DATONG_RETURN_IF_ERROR(Take(p.has_hub_device_partners(), p.hub_device_partners(),
                              "hub_device_partners", 1, kMillion, merged.hub_device_partners));
  DATONG_RETURN_IF_ERROR(Take(p.has_hub_login_partners(), p.hub_login_partners(),
                              "hub_login_partners", 1, kMillion, merged.hub_login_partners));
  DATONG_RETURN_IF_ERROR(
      Take(p.has_pending_days(), p.pending_days(), "pending_days", 1, 3650, merged.pending_days));
  DATONG_RETURN_IF_ERROR(
      Take(p.has_login_max(), p.login_max(), "login_max", 1, 1000, merged.login_max));
  DATONG_RETURN_IF_ERROR(Take(p.has_max_ids(), p.max_ids(), "max_ids", 2, 5000, merged.max_ids));
  DATONG_RETURN_IF_ERROR(Take(p.has_erase_extend_days(), p.erase_extend_days(), "erase_extend_days",
                              0, 365, merged.erase_extend_days));
  DATONG_RETURN_IF_ERROR(Take(p.has_max_component_ids(), p.max_component_ids(), "max_component_ids",
                              2, 100'000, merged.max_component_ids));
  DATONG_RETURN_IF_ERROR(Take(p.has_max_component_records(), p.max_component_records(),
                              "max_component_records", 2, kMillion, merged.max_component_records));
  DATONG_RETURN_IF_ERROR(Take(p.has_incident_conflicts(), p.incident_conflicts(),
                              "incident_conflicts", 0, kMillion, merged.incident_conflicts));
  if (p.has_blocked_values()) {
    DATONG_ASSIGN_OR_RETURN(merged.blocked_values, BlockedOf(p.blocked_values()));
  }
  return merged;
}

void ToProto(const Policy& policy, v1::Policy* out) {
  out->set_trust_client_claims(policy.trust_client_claims);
  out->set_phone_may_merge(policy.phone_may_merge);
  out->set_hub_device_partners(policy.hub_device_partners);
  out->set_hub_login_partners(policy.hub_login_partners);
  out->set_pending_days(policy.pending_days);
  out->set_login_max(policy.login_max);
  out->set_max_ids(policy.max_ids);
  out->set_form_checks(policy.form_checks);
  out->set_erase_extend_days(policy.erase_extend_days);
  out->set_require_consent_after_erase(policy.require_consent_after_erase);
  out->set_max_component_ids(static_cast<int32_t>(policy.max_component_ids));
  out->set_max_component_records(static_cast<int32_t>(policy.max_component_records));
  out->set_incident_conflicts(policy.incident_conflicts);
  out->mutable_blocked_values();
  for (const std::string& value : policy.blocked_values) {
    out->mutable_blocked_values()->add_values(value);
  }
}

}  // namespace datong::identity
