#pragma once

#include <cstdint>

namespace datong::ingest {

// Bits of ingest.events.flags; named in the table ingest.event_flags.
enum Flag : uint64_t {
  kClockCorrected = 1u << 0,
  kFutureClamped = 1u << 1,
  kLate = 1u << 2,
  kTimeMissing = 1u << 3,
  kTimeInvalid = 1u << 4,
  kTimeAfterSend = 1u << 5,
  kSanitised = 1u << 6,
  kUnknownType = 1u << 7,
  kBot = 1u << 8,
  kEmbedded = 1u << 9,
  kTrustServer = 1u << 10,
  kScopeUnknown = 1u << 11,
  kDomainMismatch = 1u << 12,
  kOriginUnlisted = 1u << 13,
  kTextCut = 1u << 14,
  kTestStream = 1u << 15,
  kRefererMismatch = 1u << 16,
};

}  // namespace datong::ingest
