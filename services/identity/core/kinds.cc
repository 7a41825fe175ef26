#include "services/identity/core/kinds.h"

#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace datong::identity {
namespace {

struct ReasonText {
  const char* name;
  const char* rule;
};
constexpr std::array<ReasonText, static_cast<size_t>(kLastReason) + 1> kReasons = {{
    {"blocked_value", "R1.9"},
    {"bad_format", "R1.10"},
    {"not_an_identifier", "R1.8"},
    {"snapshot_user", "R2.4"},
    {"watermark_invalid", "R2.5"},
    {"unionid_conflict", "R4.1"},
    {"openid_conflict", "R4.1"},
    {"external_userid_conflict", "R4.1"},
    {"wecom_openid_conflict", "R4.1"},
    {"login_conflict", "R4.1"},
    {"shared_device", "R3.4"},
    {"shared_phone", "R3.4"},
    {"hub_identifier", "R1.11"},
    {"client_claim_unverified", "R2.6"},
    {"pending_expired", "R2.7"},
    {"size_limit", "R3.7"},
    {"scope_unknown", "R1.3"},
    {"cannot_link", "R4.3"},
    {"erased", "R6.2"},
}};

constexpr std::array<std::pair<absl::string_view, IdKind>, 12> kKinds = {{
    {"unionid", IdKind::kUnionid},
    {"openid", IdKind::kOpenid},
    {"ext", IdKind::kExt},
    {"wopenid", IdKind::kWopenid},
    {"login", IdKind::kLogin},
    {"phone", IdKind::kPhone},
    {"device", IdKind::kDevice},
    {"pending", IdKind::kPending},
    {"staff", IdKind::kForbidden},
    {"chat", IdKind::kForbidden},
    {"txn", IdKind::kForbidden},
    {"hint", IdKind::kForbidden},
}};

size_t SecondColon(absl::string_view identifier) {
  return identifier.find(':', identifier.find(':') + 1);
}

}  // namespace

IdKind KindOf(absl::string_view identifier) {
  const absl::string_view name = identifier.substr(0, identifier.find(':'));
  for (const auto& [text, kind] : kKinds) {
    if (text == name) return kind;
  }
  return IdKind::kUnknown;
}

absl::string_view ValueOf(absl::string_view identifier) {
  const size_t colon = SecondColon(identifier);
  // "txn:4200001" has no scope: the whole rest is its value.
  if (colon == absl::string_view::npos) return identifier.substr(identifier.find(':') + 1);
  return identifier.substr(colon + 1);
}

std::string ExclusiveScope(IdKind kind, absl::string_view identifier) {
  const absl::string_view scope = identifier.substr(0, SecondColon(identifier));
  if (kind == IdKind::kExt) return absl::StrCat(scope, ":", ValueOf(identifier).substr(0, 2));
  return std::string(scope);
}

bool MayBridge(absl::string_view ext, absl::string_view pending) {
  // ext:{corp}/{view}:…, pending:{asker}/{corp}:…
  const auto scope_of = [](absl::string_view id) {
    const size_t begin = id.find(':') + 1;
    return id.substr(begin, SecondColon(id) - begin);
  };
  const absl::string_view seen = scope_of(ext);
  const absl::string_view asked = scope_of(pending);
  const size_t slash = asked.rfind('/');
  if (slash == absl::string_view::npos || seen.find('/') == absl::string_view::npos) return true;
  const absl::string_view asker = asked.substr(0, slash);
  const absl::string_view view = seen.substr(seen.find('/') + 1);
  if (seen.substr(0, seen.find('/')) != asked.substr(slash + 1)) return false;
  for (const absl::string_view provider : {"prov-", "provv1-"}) {
    if (absl::StartsWith(view, provider)) return view.substr(provider.size()) == asker;
  }
  return true;
}

const char* NameOf(Reason reason) { return kReasons[static_cast<size_t>(reason)].name; }
const char* RuleOf(Reason reason) { return kReasons[static_cast<size_t>(reason)].rule; }

Reason ConflictOf(IdKind kind) {
  switch (kind) {
    case IdKind::kUnionid:
      return Reason::kUnionidConflict;
    case IdKind::kOpenid:
      return Reason::kOpenidConflict;
    case IdKind::kExt:
      return Reason::kExternalUseridConflict;
    case IdKind::kWopenid:
      return Reason::kWecomOpenidConflict;
    default:
      return Reason::kLoginConflict;
  }
}

bool IsRecordLevel(Reason reason) {
  return reason == Reason::kBlockedValue || reason == Reason::kBadFormat ||
         reason == Reason::kNotAnIdentifier || reason == Reason::kWatermarkInvalid ||
         reason == Reason::kScopeUnknown || reason == Reason::kErased;
}

}  // namespace datong::identity
