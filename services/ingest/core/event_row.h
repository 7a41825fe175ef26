#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "services/ingest/core/source.h"

namespace datong::ingest {

// A UUIDv8 whose first 48 bits are the client's time in milliseconds.
struct EventId {
  std::array<uint8_t, 16> bytes{};

  int64_t time_ms() const {
    int64_t ms = 0;
    for (size_t i = 0; i < 6; ++i) ms = ms << 8 | bytes[i];
    return ms;
  }
  std::string ToString() const;
  auto operator<=>(const EventId&) const = default;
  template <typename H>
  friend H AbslHashValue(H h, const EventId& id) {
    return H::combine(std::move(h), id.bytes);
  }
};

// Numbers of ingest.events.event_type.
namespace event_type {
inline constexpr int16_t kVisit = 0, kCustom = 1, kVisitorAttributes = 2, kLoginUserAttributes = 3,
                         kConversionVariables = 4, kAppClosed = 5, kPage = 6, kPageAttributes = 7,
                         kViewClick = 8, kViewChange = 9, kFormSubmit = 10, kActivate = 11,
                         kReengage = 12, kPlatformPush = 100, kOther = 255;
}

// A network: an address cut to /24 or /48. Empty when unknown.
struct IpNet {
  std::array<uint8_t, 16> address{};
  uint8_t bits = 0;  // 0: none
  bool v6 = false;
};

// What identity shall be told of an event.
struct EvidenceItem {
  std::string kind;              // "client.claim", "tenant.login", "tenant.import"
  std::vector<std::string> ids;  // kind:scope:value; one alone makes it known
  uint64_t key = 0;  // of what it says, without the time: what was said is not said again
  // Filled in by the writer for what is new.
  int32_t tenant_id = 0;
  std::string app;
  std::string source;  // the source's name
  int64_t observed_us = 0;
  std::string evidence_id;
};

// One row of ingest.events, but for its batch. Times are microseconds since 1970; 0 in `client_us`
// and `sent_us` means null, as does the empty text.
struct EventRow {
  EventId event_id;
  int64_t event_us = 0;
  int64_t received_us = 0;
  int64_t client_us = 0;
  int64_t sent_us = 0;
  int64_t device_key = 0;
  int64_t node = 0;
  int64_t content_hash = 0;
  uint64_t flags = 0;
  std::optional<int64_t> seq;
  int32_t tenant_id = 0;
  int32_t source_id = 0;
  int16_t event_type = 0;
  int16_t ua_class = 0;
  int16_t provenance = 0;
  std::string event_name;
  std::string device_id;
  std::string user_id;
  std::string user_key;
  std::string session_id;
  std::string openid;
  std::string unionid;
  std::string platform;
  std::string domain;
  std::string path;
  std::string referrer;
  std::string title;
  IpNet ip_net;
  std::string rest;

  // Beside the row.
  SourcePtr source;
  std::vector<EvidenceItem> evidence;
};

}  // namespace datong::ingest
