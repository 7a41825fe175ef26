#include "services/ingest/store/postgres_event_store.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/strings.h"
#include "common/postgres/copy_writer.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "common/time/shanghai.h"
#include "services/ingest/store/event_copy.h"

namespace datong::ingest {
namespace {

constexpr char kInsertBatchSql[] = R"sql(
  INSERT INTO ingest.batches (committed_at, row_count, tenant_ids, days, min_event_time,
                              max_event_time, min_event_id, max_event_id)
  VALUES (to_timestamp($1::double precision / 1000000), $2, $3::int[], $4::date[],
          to_timestamp($5::double precision / 1000000), to_timestamp($6::double precision / 1000000),
          $7::uuid, $8::uuid)
  RETURNING id)sql";
constexpr char kUpdateBatchSql[] = R"sql(
  UPDATE ingest.batches
  SET row_count = $2, tenant_ids = $3::int[], days = $4::date[],
      min_event_time = to_timestamp($5::double precision / 1000000),
      max_event_time = to_timestamp($6::double precision / 1000000),
      min_event_id = $7::uuid, max_event_id = $8::uuid
  WHERE id = $1)sql";
constexpr char kDropBatchSql[] = "DELETE FROM ingest.batches WHERE id = $1";

constexpr char kStageSql[] = "CREATE TEMPORARY TABLE staged (LIKE ingest.events) ON COMMIT DROP";
// What the staged rows met: themselves, or what was there before them.
constexpr char kMergeSql[] = R"sql(
  WITH inserted AS (
    INSERT INTO ingest.events SELECT * FROM staged ORDER BY event_id, device_key
    ON CONFLICT DO NOTHING
    RETURNING event_id, device_key)
  SELECT s.event_id, s.device_key, i.event_id IS NOT NULL AS is_new, s.content_hash
  FROM staged AS s LEFT JOIN inserted AS i USING (event_id, device_key))sql";
constexpr char kCompareSql[] = R"sql(
  SELECT s.event_id, s.device_key, e.content_hash <> s.content_hash AS differs
  FROM staged AS s
  JOIN ingest.events AS e ON e.event_id = s.event_id AND e.device_key = s.device_key
  WHERE e.batch_id <> s.batch_id OR e.content_hash <> s.content_hash)sql";

constexpr char kInsertEvidenceSql[] = R"sql(
  INSERT INTO ingest.evidence_outbox (tenant_id, evidence_id, kind, ids, app, source, observed_at)
  SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
                       $7::timestamptz[]))sql";

constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kShanghaiMs = 8 * 3'600'000;
constexpr int32_t kNewestMadeDays = 8;
constexpr int32_t kQuarantineDays = 30;

int32_t DayOfMs(int64_t ms) {
  const int64_t local = ms + kShanghaiMs;
  return static_cast<int32_t>(local >= 0 ? local / kDayMs : (local - kDayMs + 1) / kDayMs);
}
int64_t BeginOfDayMs(int32_t day) { return int64_t{day} * kDayMs - kShanghaiMs; }

std::string DayName(int32_t day) {
  std::string name = FormatDay(DayFromNumber(day));
  name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
  return name;
}

// The least event id of a day.
std::string LeastIdOfDay(int32_t day) {
  EventId id;
  const int64_t ms = BeginOfDayMs(day);
  for (size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<uint8_t>(ms >> (40 - 8 * i));
  return id.ToString();
}

// What the row of ingest.batches says of its events.
struct Extent {
  std::vector<int32_t> tenants;
  std::vector<int32_t> days;
  int64_t min_us = 0;
  int64_t max_us = 0;
  EventId min_id;
  EventId max_id;
  int64_t count = 0;

  void Add(const EventRow& row) {
    if (count++ == 0) {
      min_us = max_us = row.event_us;
      min_id = max_id = row.event_id;
    }
    min_us = std::min(min_us, row.event_us);
    max_us = std::max(max_us, row.event_us);
    min_id = std::min(min_id, row.event_id);
    max_id = std::max(max_id, row.event_id);
    Note(row.tenant_id, &tenants);
    Note(DayOfMs(row.event_us / 1000), &days);
  }
  static void Note(int32_t value, std::vector<int32_t>* values) {
    if (std::find(values->begin(), values->end(), value) == values->end()) values->push_back(value);
  }
  std::string Tenants() const { return absl::StrCat("{", absl::StrJoin(tenants, ","), "}"); }
  std::string Days() const {
    return absl::StrCat("{",
                        absl::StrJoin(days, ",",
                                      [](std::string* out, int32_t day) {
                                        absl::StrAppend(out, FormatDay(DayFromNumber(day)));
                                      }),
                        "}");
  }
};

int64_t InsertBatch(pqxx::work& work, int64_t now_us, const Extent& extent) {
  return work
      .exec_params1(kInsertBatchSql, now_us, extent.count, extent.Tenants(), extent.Days(),
                    extent.min_us, extent.max_us, extent.min_id.ToString(),
                    extent.max_id.ToString())[0]
      .as<int64_t>();
}

std::string ArrayElement(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
  return out;
}

template <typename Get>
std::string Array(absl::Span<const EvidenceItem* const> items, Get get) {
  std::string out = "{";
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.push_back(',');
    out += ArrayElement(get(*items[i]));
  }
  out.push_back('}');
  return out;
}

void InsertEvidence(pqxx::work& work, absl::Span<const EvidenceItem* const> items) {
  if (items.empty()) return;
  using Item = EvidenceItem;
  work.exec_params(kInsertEvidenceSql,
                   Array(items, [](const Item& item) { return absl::StrCat(item.tenant_id); }),
                   Array(items, [](const Item& item) { return item.evidence_id; }),
                   Array(items, [](const Item& item) { return item.kind; }),
                   Array(items, [](const Item& item) { return IdsToJson(item.ids); }),
                   Array(items, [](const Item& item) { return item.app; }),
                   Array(items, [](const Item& item) { return item.source; }),
                   Array(items, [](const Item& item) {
                     return absl::FormatTime(absl::RFC3339_full,
                                             absl::FromUnixMicros(item.observed_us),
                                             absl::UTCTimeZone());
                   }));
}

absl::Status CopyRows(pqxx::work& work, const std::string& table, absl::Span<EventRow* const> rows,
                      int64_t batch_id) {
  postgres::CopyWriter copy(work, absl::StrCat(table, " (", kEventColumns, ")"));
  for (const EventRow* row : rows) AppendEventRow(*row, batch_id, &copy);
  return copy.Finish().status();
}

absl::Status WriteQuarantine(pqxx::work& work, absl::Span<const QuarantineItem* const> items) {
  if (items.empty()) return absl::OkStatus();
  // Ids are taken first: a COPY cannot ask for them.
  const pqxx::result ids =
      work.exec_params("SELECT nextval('ingest.quarantine_ids') FROM generate_series(1, $1)",
                       static_cast<int64_t>(items.size()));
  postgres::CopyWriter copy(work,
                            absl::StrCat("ingest.quarantined_events (", kQuarantineColumns, ")"));
  for (size_t i = 0; i < items.size(); ++i) {
    AppendQuarantineRow(*items[i], ids[static_cast<pqxx::result::size_type>(i)][0].as<int64_t>(),
                        &copy);
  }
  return copy.Finish().status();
}

// The optimistic way: fails as a whole when any id is there already.
absl::Status WriteFresh(pqxx::work& work, const WriteBatch& batch, WriteOutcome* outcome) {
  if (!batch.rows.empty()) {
    Extent extent;
    for (const EventRow* row : batch.rows) extent.Add(*row);
    outcome->batch_id = InsertBatch(work, batch.now_us, extent);
    DATONG_RETURN_IF_ERROR(CopyRows(work, "ingest.events", batch.rows, outcome->batch_id));
  }
  DATONG_RETURN_IF_ERROR(WriteQuarantine(work, batch.quarantine));
  InsertEvidence(work, batch.evidence);
  return absl::OkStatus();
}

using RowKey = std::pair<std::string, int64_t>;

// The careful way, for batches that hold what was stored before.
absl::Status WriteStaged(pqxx::work& work, const WriteBatch& batch, WriteOutcome* outcome) {
  Extent all;
  for (const EventRow* row : batch.rows) all.Add(*row);
  const int64_t batch_id = InsertBatch(work, batch.now_us, all);
  work.exec0(kStageSql);
  DATONG_RETURN_IF_ERROR(CopyRows(work, "staged", batch.rows, batch_id));
  absl::flat_hash_map<RowKey, RowFate> fates;
  for (const pqxx::row& row : work.exec(kMergeSql)) {
    fates[{row[0].as<std::string>(), row[1].as<int64_t>()}] =
        row[2].as<bool>() ? RowFate::kStored : RowFate::kDuplicate;
  }
  for (const pqxx::row& row : work.exec(kCompareSql)) {
    if (row[2].as<bool>()) {
      fates[{row[0].as<std::string>(), row[1].as<int64_t>()}] = RowFate::kIdReused;
    }
  }
  Extent stored;
  for (size_t i = 0; i < batch.rows.size(); ++i) {
    const EventRow& row = *batch.rows[i];
    const auto fate = fates.find(RowKey(row.event_id.ToString(), row.device_key));
    outcome->fates[i] = fate == fates.end() ? RowFate::kDuplicate : fate->second;
    if (outcome->fates[i] == RowFate::kStored) stored.Add(row);
  }
  if (stored.count == 0) {
    work.exec_params0(kDropBatchSql, batch_id);
  } else {
    outcome->batch_id = batch_id;
    work.exec_params0(kUpdateBatchSql, batch_id, stored.count, stored.Tenants(), stored.Days(),
                      stored.min_us, stored.max_us, stored.min_id.ToString(),
                      stored.max_id.ToString());
  }
  DATONG_RETURN_IF_ERROR(WriteQuarantine(work, batch.quarantine));
  InsertEvidence(work, batch.evidence);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WriteOutcome> PostgresEventStore::Write(const WriteBatch& batch, Deadline deadline) {
  DATONG_RETURN_IF_ERROR(EnsureDays(batch, deadline));
  WriteOutcome outcome;
  outcome.fates.assign(batch.rows.size(), RowFate::kStored);
  absl::Status status = pool_.Transact("write_events", deadline, [&](pqxx::work& work) {
    return WriteFresh(work, batch, &outcome);
  });
  if (status.code() == absl::StatusCode::kAlreadyExists) {
    outcome.batch_id = 0;
    status = pool_.Transact("write_events_staged", deadline,
                            [&](pqxx::work& work) { return WriteStaged(work, batch, &outcome); });
    // Another writer may have been quicker with the same ids, twice.
    if (status.code() == absl::StatusCode::kAlreadyExists) {
      return absl::AbortedError("Events of the batch are being written elsewhere.");
    }
  }
  if (!status.ok()) return status;
  return outcome;
}

absl::Status PostgresEventStore::EnsureDays(const WriteBatch& batch, Deadline deadline) {
  const int32_t today = DayOfMs(batch.now_us / 1000);
  std::vector<int32_t> event_days;
  std::vector<int32_t> quarantine_days;
  {
    MutexLock lock(&mutex_);
    for (const EventRow* row : batch.rows) {
      const int32_t day = DayOfMs(row->event_id.time_ms());
      // Odd times stay in the default partition.
      if (day < today - event_days_kept_ || day > today + kNewestMadeDays) continue;
      if (!event_days_.contains(day)) Extent::Note(day, &event_days);
    }
    for (const QuarantineItem* item : batch.quarantine) {
      const int32_t day = DayOfMs(item->received_us / 1000);
      if (!quarantine_days_.contains(day)) Extent::Note(day, &quarantine_days);
    }
  }
  for (const int32_t day : event_days) DATONG_RETURN_IF_ERROR(MakeEventDay(day, deadline));
  for (const int32_t day : quarantine_days)
    DATONG_RETURN_IF_ERROR(MakeQuarantineDay(day, deadline));
  return absl::OkStatus();
}

namespace {

std::string TimeOfDay(int32_t day) {
  return absl::FormatTime(absl::RFC3339_sec, absl::FromUnixMillis(BeginOfDayMs(day)),
                          absl::UTCTimeZone());
}

// Drops some of the oldest partitions before `oldest`, which is a day; true when there were any.
// Readers are not waited for long: the next run goes on.
absl::StatusOr<bool> DropDaysBefore(postgres::Pool& pool, const std::string& parent, int32_t oldest,
                                    Deadline deadline) {
  return pool.Query<bool>(
      "drop_partitions", deadline, [&](pqxx::work& work) -> absl::StatusOr<bool> {
        const pqxx::result old = work.exec_params(
            "SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'ingest' AND c.relkind = 'r' AND c.relname < $1 "
            "AND c.relname ~ $2 ORDER BY 1 LIMIT 5",
            absl::StrCat(parent, "_", DayName(oldest)), absl::StrCat("^", parent, "_[0-9]{8}$"));
        if (old.empty()) return false;
        work.exec0("SET LOCAL lock_timeout = '500ms'");
        for (const pqxx::row& row : old) {
          work.exec0(absl::StrCat("DROP TABLE ingest.", row[0].as<std::string>()));
        }
        return true;
      });
}

// Two processes may make one partition at once: the loser finds it made.
absl::Status MakePartition(postgres::Pool& pool, const std::string& parent, const std::string& name,
                           const std::string& key, const std::string& from, const std::string& to,
                           Deadline deadline) {
  absl::Status status;
  for (int tries = 0; tries < 3; ++tries) {
    status = pool.Transact("make_partition", deadline, [&](pqxx::work& work) -> absl::Status {
      const pqxx::result there =
          work.exec_params("SELECT to_regclass($1) IS NOT NULL", "ingest." + name);
      if (there[0][0].as<bool>()) return absl::OkStatus();
      // A reader of the default partition must not be waited for while everybody waits for us.
      work.exec0("SET LOCAL lock_timeout = '700ms'");
      work.exec0(
          absl::StrCat("CREATE TABLE ingest.", name, " (LIKE ingest.", parent, " INCLUDING ALL)"));
      // Rows of that day that came while it was odd.
      work.exec0(absl::StrCat("WITH moved AS (DELETE FROM ingest.", parent, "_default WHERE ", key,
                              " >= '", from, "' AND ", key, " < '", to,
                              "' RETURNING *) INSERT INTO ingest.", name, " SELECT * FROM moved"));
      work.exec0(absl::StrCat("ALTER TABLE ingest.", parent, " ATTACH PARTITION ingest.", name,
                              " FOR VALUES FROM ('", from, "') TO ('", to, "')"));
      return absl::OkStatus();
    });
    if (status.ok() || absl::IsUnavailable(status) || deadline.Passed()) return status;
  }
  return WithRetryDelay(
      MakeError(absl::StatusCode::kUnavailable,
                "The partition of a day could not be made, since its table is in use; retry.",
                {"ingest.datong", "PARTITION_BUSY", {{"partition", name}}}),
      absl::Seconds(1));
}

}  // namespace

absl::Status PostgresEventStore::MakeEventDay(int32_t day, Deadline deadline) {
  DATONG_RETURN_IF_ERROR(MakePartition(pool_, "events", absl::StrCat("events_", DayName(day)),
                                       "event_id", LeastIdOfDay(day), LeastIdOfDay(day + 1),
                                       deadline));
  MutexLock lock(&mutex_);
  event_days_.insert(day);
  return absl::OkStatus();
}

absl::Status PostgresEventStore::MakeQuarantineDay(int32_t day, Deadline deadline) {
  DATONG_RETURN_IF_ERROR(
      MakePartition(pool_, "quarantined_events", absl::StrCat("quarantined_events_", DayName(day)),
                    "received_at", TimeOfDay(day), TimeOfDay(day + 1), deadline));
  MutexLock lock(&mutex_);
  quarantine_days_.insert(day);
  return absl::OkStatus();
}

absl::Status PostgresEventStore::MaintainPartitions(int64_t now_us, int days, Deadline deadline) {
  const int32_t today = DayOfMs(now_us / 1000);
  for (int32_t day = today - 1; day <= today + days; ++day) {
    bool event_known = false;
    bool quarantine_known = false;
    {
      MutexLock lock(&mutex_);
      event_known = event_days_.contains(day);
      quarantine_known = quarantine_days_.contains(day);
    }
    if (!event_known) DATONG_RETURN_IF_ERROR(MakeEventDay(day, deadline));
    if (!quarantine_known) DATONG_RETURN_IF_ERROR(MakeQuarantineDay(day, deadline));
  }
  DATONG_RETURN_IF_ERROR(
      DropDaysBefore(pool_, "quarantined_events", today - kQuarantineDays, deadline).status());
  return DropOldEvents(today, deadline);
}

absl::Status PostgresEventStore::DropOldEvents(int32_t today, Deadline deadline) {
  const int32_t oldest = today - event_days_kept_;
  DATONG_ASSIGN_OR_RETURN(const bool dropped, DropDaysBefore(pool_, "events", oldest, deadline));
  if (dropped) {
    MutexLock lock(&mutex_);
    absl::erase_if(event_days_, [oldest](int32_t day) { return day < oldest; });
  }
  // What has no day of its own goes by when it came.
  return pool_.Transact("drop_old_events", deadline, [&](pqxx::work& work) -> absl::Status {
    const std::string before = TimeOfDay(oldest);
    work.exec_params0("DELETE FROM ingest.events_default WHERE received_at < $1", before);
    work.exec_params0("DELETE FROM ingest.batches WHERE committed_at < $1 AND max_event_time < $1",
                      before);
    return absl::OkStatus();
  });
}

}  // namespace datong::ingest
