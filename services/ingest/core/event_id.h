#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "services/ingest/core/event_row.h"

namespace datong::ingest {

// The id of an event: 48 bits of `client_ms` (0 when it is no time between 2000 and 2100), then 74
// bits of SHA-256 over project number, source number and `dialect_id`, what the dialect says makes
// an event the same when it is sent again.
EventId MakeEventId(int64_t client_ms, int32_t tenant_id, int32_t source_id,
                    absl::string_view dialect_id);

// 64 bits of SHA-256: tells an event sent twice from an id used twice.
int64_t ContentHash(absl::string_view bytes);

// Hash of project and device id, or user id where there is none: the same for each retry, in every
// process, for ever.
int64_t DeviceKey(int32_t tenant_id, absl::string_view device_id, absl::string_view user_id);

// A quick hash for caches in this process only.
uint64_t CacheKey(int32_t tenant_id, absl::string_view kind, const std::vector<std::string>& ids);

}  // namespace datong::ingest
