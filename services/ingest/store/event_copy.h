#pragma once

#include <string>
#include <vector>

#include "common/postgres/copy_writer.h"
#include "services/ingest/core/event_store.h"

namespace datong::ingest {

// The columns of ingest.events and ingest.quarantined_events in the order that the functions below
// write them.
extern const char kEventColumns[];
extern const char kQuarantineColumns[];

void AppendEventRow(const EventRow& row, int64_t batch_id, postgres::CopyWriter* copy);
void AppendQuarantineRow(const QuarantineItem& item, int64_t id, postgres::CopyWriter* copy);

// A JSON array of texts.
std::string IdsToJson(const std::vector<std::string>& ids);

}  // namespace datong::ingest
