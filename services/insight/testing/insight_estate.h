#pragma once

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/metrics/registry.h"
#include "common/postgres/pool.h"
#include "common/rpc/call_context.h"
#include "common/testing/fake_clock.h"
#include "common/testing/test_database.h"
#include "insight_migrations.h"
#include "insight_test_ingest_migrations.h"
#include "services/insight/core/analyst.h"
#include "services/insight/store/postgres_event_store.h"
#include "services/insight/store/postgres_person_projection.h"
#include "services/insight/testing/fakes.h"

namespace datong::insight {

// An event as a test gives it.
struct TestEvent {
  absl::Time time;
  int32_t source = 1;
  int64_t node = 0;
  int type = 1;
  std::string name = {};
  std::string session = {};
};

// Project "demo" (number 1) with the sources 1 and 2 of surface "h5", 3 of "mini" and 4 of "oa", on
// a database of its own, and everything up to the analyst. Project 2's events lie beside it.
class InsightEstate {
 public:
  InsightEstate() {
    sources.projects["demo"] = {1,
                                {{1, "projects/demo/sources/h5-a", "h5"},
                                 {2, "projects/demo/sources/h5-b", "h5"},
                                 {3, "projects/demo/sources/mini", "mini"},
                                 {4, "projects/demo/sources/push-oa", "oa"}}};
  }

  // Stores the events as one batch; its position.
  int64_t Store(const std::vector<TestEvent>& stored, int32_t project = 1) {
    std::vector<std::string> rows;
    for (const TestEvent& event : stored) {
      const std::string time = absl::StrCat("timestamptz 'epoch' + ",
                                            absl::ToUnixMicros(event.time), " * interval '1 us'");
      rows.push_back(absl::StrCat("(gen_random_uuid(), ", time, ", ", time, ", 1, ", event.node,
                                  ", 0, (SELECT id FROM batch), 0, ", project, ", ", event.source,
                                  ", ", event.type, ", 1, 0, nullif('", event.name,
                                  "', ''), nullif('", event.session, "', ''), '{}')"));
    }
    pqxx::connection connection(database.dsn().Expose());
    pqxx::work work(connection);
    const int64_t position = work.exec1(absl::StrCat(
        "WITH batch AS (INSERT INTO ingest.batches (committed_at, row_count, "
        "tenant_ids, days, min_event_time, max_event_time, min_event_id, "
        "max_event_id) VALUES (now(), ",
        rows.size(),
        ", '{1}', '{}', now(), now(), gen_random_uuid(), gen_random_uuid()) "
        "RETURNING id), stored AS (INSERT INTO ingest.events (event_id, "
        "event_time, received_at, device_key, node, content_hash, batch_id, flags, "
        "tenant_id, source_id, event_type, ua_class, provenance, event_name, "
        "session_id, rest) VALUES ",
        absl::StrJoin(rows, ","), ") SELECT id FROM batch"))[0]
                                 .as<int64_t>();
    work.commit();
    return position;
  }

  Asker Someone() { return {Deadline::After(absl::Seconds(20)), call}; }

  TestDatabase database{{{"ingest", insight_test::Migrations()}, {"insight", Migrations()}}};
  metrics::Registry registry;
  std::unique_ptr<postgres::Pool> pool = database.MakePool(registry);
  FakeClock clock{absl::FromUnixSeconds(1'795'000'000)};  // 2026-11-18
  InsightMetrics metrics{registry};
  FakeIdentityFeed feed{"demo", 1};
  FakeProjectDirectory projects;
  FakeSourceDirectory sources;
  FakeFollowerStatistics followers;
  PostgresEventStore events{*pool};
  PostgresPersonProjection projection{*pool};
  PersonFollower persons{projects, feed, projection, metrics, clock};
  Analyst analyst{events, persons, sources, followers, clock};
  rpc::CallContext call;
};

}  // namespace datong::insight
