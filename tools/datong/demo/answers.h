#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "datong/broker/v1/authorization.pb.h"
#include "datong/broker/v1/readiness.pb.h"
#include "datong/broker/v1/token.pb.h"
#include "datong/datacube/v1/statistics.pb.h"
#include "datong/identity/v1/identity.pb.h"
#include "datong/ingest/v1/quarantine.pb.h"
#include "datong/insight/v1/insight.pb.h"
#include "tools/datong/demo/story.h"

namespace datong::demo {

// What the suite says about the estate: the answers of its public RPCs, as they came.
struct Answers {
  std::vector<broker::v1::App> apps;
  std::vector<broker::v1::Authorization> authorizations;
  broker::v1::CheckReadinessResponse readiness;
  std::vector<datacube::v1::ApiFreshness> freshness;
  identity::v1::GetGraphStatsResponse graph;
  std::vector<identity::v1::Refusal> refusals;
  std::vector<ingest::v1::QuarantinedEvent> quarantined;
  insight::v1::QueryTrafficResponse traffic_total;
  insight::v1::QueryTrafficResponse traffic_by_day;
  insight::v1::QueryOverlapResponse overlap;
  insight::v1::QueryFunnelResponse funnel;
  insight::v1::QueryRetentionResponse retention;
  insight::v1::QueryFollowerGrowthResponse followers;
  insight::v1::GetTimelineResponse timeline;
  insight::v1::QueryTrafficResponse captured_traffic;
  int64_t token_reads_audited = 0;
  absl::Duration slowest_question;
  const char* slowest_name = "";
};

constexpr int kRetentionPeriods = 14;
constexpr absl::Duration kFunnelWindow = absl::Hours(24 * 7);

// Waits until all that was acknowledged has reached the answers, then asks.
// `identifier` is whose timeline is wanted. Errors: those of the RPCs.
absl::StatusOr<Answers> AskTheSuite(const Stage& stage, const Estate& estate,
                                    const std::string& identifier);

}  // namespace datong::demo
