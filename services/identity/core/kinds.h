#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace datong::identity {

// The kinds of identifiers (R1.3), strongest first.
enum class IdKind {
  kUnionid,
  kOpenid,
  kExt,
  kWopenid,
  kLogin,
  kPhone,
  kDevice,
  kPending,    // a bridge: joins, but anchors nothing
  kForbidden,  // staff, chat, txn, hint: never an identifier (R1.8, R2.8)
  kUnknown,
};

IdKind KindOf(absl::string_view identifier);

// Anchors make a person known; at most one value of each per exclusive scope.
inline bool IsAnchor(IdKind kind) { return kind <= IdKind::kLogin; }
// Weak identifiers join one owner and merge nobody.
inline bool IsWeak(IdKind kind) { return kind == IdKind::kPhone || kind == IdKind::kDevice; }

// The part behind the second colon.
absl::string_view ValueOf(absl::string_view identifier);

// Within this a person holds one value only (R4.1): kind and scope, and for ext the contact's type.
std::string ExclusiveScope(IdKind kind, absl::string_view identifier);

// True when a pending id may bridge to the external user id: both of one company and, where the
// latter is a provider's view, asked for by that provider (R1.4, R2.7).
bool MayBridge(absl::string_view ext, absl::string_view pending);

// Why a link or an identifier is refused.
enum class Reason {
  kBlockedValue,
  kBadFormat,
  kNotAnIdentifier,
  kSnapshotUser,
  kWatermarkInvalid,
  kUnionidConflict,
  kOpenidConflict,
  kExternalUseridConflict,
  kWecomOpenidConflict,
  kLoginConflict,
  kSharedDevice,
  kSharedPhone,
  kHubIdentifier,
  kClientClaimUnverified,
  kPendingExpired,  // or not of the one who asked
  kSizeLimit,
  kScopeUnknown,
  kCannotLink,
  kErased,  // names no identifier
};
constexpr Reason kLastReason = Reason::kErased;

const char* NameOf(Reason reason);  // "blocked_value"
const char* RuleOf(Reason reason);  // "R1.9"
Reason ConflictOf(IdKind kind);     // an anchor's
// True for what is wrong with one record alone, whatever else is known.
bool IsRecordLevel(Reason reason);

}  // namespace datong::identity
