// What the running suite exports: the metrics that we promise, with exactly their labels, and no
// others. A new metric gets a line here and one in the README of its service.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/testing/matchers.h"
#include "tests/integration/marked_suite.h"

namespace datong {
namespace {

using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

using Names = std::set<std::string>;

// When a series is there.
enum class When { kFromZero, kOnUse, kLater };

struct Promise {
  When when;
  Names labels;
};

const std::map<std::string, Promise>& Promises() {
  static const auto& promises = *new std::map<std::string, Promise>{
      {"datong_build_info", {When::kFromZero, {"version", "revision", "component"}}},
      {"datong_ready", {When::kFromZero, {"reason"}}},
      {"datong_token_requests_total", {When::kFromZero, {"kind", "result"}}},
      {"datong_token_refresh_total", {When::kFromZero, {"kind", "result"}}},
      {"datong_token_refresh_seconds", {When::kFromZero, {"kind"}}},
      {"datong_token_expiry_timestamp_seconds", {When::kOnUse, {"kind", "app"}}},
      {"datong_token_refresh_consecutive_failures", {When::kOnUse, {"kind", "app"}}},
      {"datong_token_invalidations_total", {When::kFromZero, {"kind", "reason"}}},
      {"datong_token_fenced_writes_total", {When::kFromZero, {"kind"}}},
      {"datong_lease_held", {When::kFromZero, {"lease"}}},
      {"datong_lease_transitions_total", {When::kFromZero, {"lease"}}},
      {"datong_component_ticket_received_timestamp_seconds", {When::kOnUse, {"app"}}},
      {"datong_authorizers", {When::kFromZero, {"state"}}},
      {"datong_audit_writes_total", {When::kFromZero, {"result"}}},
      {"datong_audit_pending", {When::kFromZero, {}}},
      {"datong_authz_decisions_total", {When::kFromZero, {"decision", "reason"}}},
      {"datong_crypto_failures_total", {When::kFromZero, {"op", "reason"}}},
      {"datong_crypto_records", {When::kFromZero, {"key_id"}}},
      {"datong_upstream_requests_total", {When::kFromZero, {"api", "result"}}},
      {"datong_upstream_errcode_total", {When::kOnUse, {"api", "errcode"}}},
      {"datong_upstream_request_seconds", {When::kFromZero, {"api"}}},
      {"datong_upstream_calls_today", {When::kOnUse, {"api", "app"}}},
      {"datong_upstream_calls_limit", {When::kLater, {"api", "app"}}},
      {"datong_ingest_events_total", {When::kFromZero, {"source", "result"}}},
      {"datong_ingest_rejected_total", {When::kFromZero, {"source", "reason"}}},
      {"datong_ingest_batch_events", {When::kFromZero, {"source"}}},
      {"datong_ingest_commit_seconds", {When::kFromZero, {"source"}}},
      {"datong_ingest_queue_events", {When::kFromZero, {"queue"}}},
      {"datong_ingest_queue_capacity_events", {When::kFromZero, {"queue"}}},
      {"datong_ingest_oldest_pending_timestamp_seconds", {When::kFromZero, {"queue"}}},
      {"datong_ingest_event_lag_seconds", {When::kFromZero, {"source"}}},
      {"datong_quarantined_events", {When::kFromZero, {"reason"}}},
      {"datong_feed_lag_seconds", {When::kFromZero, {"feed"}}},
      {"datong_spool_bytes", {When::kLater, {}}},
      {"datong_spool_oldest_pending_timestamp_seconds", {When::kLater, {}}},
      {"datong_spool_fsync_seconds", {When::kLater, {}}},
      {"datong_datacube_fetch_total", {When::kFromZero, {"api", "result"}}},
      {"datong_datacube_days_missing", {When::kFromZero, {"api"}}},
      {"datong_identity_merges_total", {When::kFromZero, {"rule", "result"}}},
      {"datong_identity_conflicts_total", {When::kFromZero, {"rule"}}},
      {"datong_identity_cluster_size", {When::kFromZero, {}}},
      {"datong_privacy_requests_total", {When::kFromZero, {"type", "result"}}},
      {"datong_privacy_oldest_open_timestamp_seconds", {When::kFromZero, {"type"}}},
      {"datong_insight_queries_total", {When::kFromZero, {"kind", "result"}}},
      {"datong_insight_query_seconds", {When::kFromZero, {"kind"}}},
      {"datong_job_runs_total", {When::kFromZero, {"job_name", "result"}}},
      {"datong_job_duration_seconds", {When::kFromZero, {"job_name"}}},
      {"datong_job_last_success_timestamp_seconds", {When::kFromZero, {"job_name"}}},
      {"datong_job_interval_seconds", {When::kFromZero, {"job_name"}}},
      {"datong_db_pool_connections", {When::kFromZero, {"state"}}},
      {"datong_db_pool_max_connections", {When::kFromZero, {}}},
      {"datong_db_pool_wait_seconds", {When::kFromZero, {}}},
      {"datong_db_query_seconds", {When::kOnUse, {"op"}}},
      {"datong_db_errors_total", {When::kOnUse, {"op", "class"}}},
      {"datong_tls_certificate_not_after_timestamp_seconds", {When::kLater, {"usage"}}},
      {"datong_tls_certificate_not_before_timestamp_seconds", {When::kLater, {"usage"}}},
      {"datong_log_dropped_total", {When::kFromZero, {"reason"}}},
      {"datong_trace_spans_dropped_total", {When::kFromZero, {"reason"}}},
      // In no list but the services' own.
      {"datong_identity_evidence_total", {When::kFromZero, {"result"}}},
      {"datong_identity_frozen_components_total", {When::kFromZero, {}}},
      {"datong_identity_incidents_total", {When::kFromZero, {}}},
      {"datong_identity_differences_total", {When::kFromZero, {}}},
      {"datong_ingest_commit_events", {When::kFromZero, {}}},
      {"datong_broker_reconciled_accounts_total", {When::kFromZero, {"result"}}},
      {"datong_token_refresh_cut_off_total", {When::kFromZero, {"kind"}}},
      {"datong_upstream_breaker_open", {When::kFromZero, {"api"}}},
      {"datong_upstream_cache_total", {When::kFromZero, {"result"}}},
      {"datong_upstream_calls_refused_total", {When::kFromZero, {"api", "reason"}}},
      {"datong_upstream_host_breaker_open", {When::kFromZero, {}}},
      {"datong_rpc_calls_without_deadline_total", {When::kFromZero, {}}},
      // Names from existing practice.
      {"grpc_server_started_total",
       {When::kFromZero, {"grpc_type", "grpc_service", "grpc_method"}}},
      {"grpc_server_msg_received_total",
       {When::kFromZero, {"grpc_type", "grpc_service", "grpc_method"}}},
      {"grpc_server_msg_sent_total",
       {When::kFromZero, {"grpc_type", "grpc_service", "grpc_method"}}},
      {"grpc_server_handled_total",
       {When::kFromZero, {"grpc_type", "grpc_service", "grpc_method", "grpc_code"}}},
      {"grpc_server_handling_seconds",
       {When::kFromZero, {"grpc_type", "grpc_service", "grpc_method"}}},
      {"grpc_client_started_total",
       {When::kFromZero, {"grpc_type", "grpc_service", "grpc_method"}}},
      {"grpc_client_msg_received_total",
       {When::kFromZero, {"grpc_type", "grpc_service", "grpc_method"}}},
      {"grpc_client_msg_sent_total",
       {When::kFromZero, {"grpc_type", "grpc_service", "grpc_method"}}},
      {"grpc_client_handled_total",
       {When::kFromZero, {"grpc_type", "grpc_service", "grpc_method", "grpc_code"}}},
      {"grpc_client_handling_seconds",
       {When::kFromZero, {"grpc_type", "grpc_service", "grpc_method"}}},
      {"http_requests_total", {When::kFromZero, {"handler", "method", "code"}}},
      {"http_request_duration_seconds", {When::kFromZero, {"handler", "method", "code"}}},
      {"http_request_size_bytes", {When::kFromZero, {"handler", "method", "code"}}},
      {"http_requests_in_flight", {When::kFromZero, {"handler"}}},
      {"process_cpu_seconds_total", {When::kFromZero, {}}},
      {"process_resident_memory_bytes", {When::kFromZero, {}}},
      {"process_virtual_memory_bytes", {When::kFromZero, {}}},
      {"process_open_fds", {When::kFromZero, {}}},
      {"process_max_fds", {When::kFromZero, {}}},
      {"process_start_time_seconds", {When::kFromZero, {}}},
  };
  return promises;
}

struct Exported {
  std::map<std::string, std::set<Names>> labels;                     // by metric
  std::map<std::string, std::map<std::string, Names>> label_values;  // by metric and label
  int64_t series = 0;
};

// Takes the text format apart: histograms under their own name, without `le`.
Exported Parse(const std::string& text) {
  Exported exported;
  std::map<std::string, std::string> types;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, "# TYPE ")) {
      const std::vector<std::string> parts = absl::StrSplit(line, ' ');
      types[parts[2]] = parts[3];
    }
    if (line.empty() || line[0] == '#') continue;
    ++exported.series;
    const size_t end = line.find_first_of("{ ");
    std::string name(line.substr(0, end));
    for (const char* suffix : {"_bucket", "_sum", "_count"}) {
      const absl::string_view base = absl::StripSuffix(name, suffix);
      const auto type = types.find(std::string(base));
      if (base != name && type != types.end() && type->second == "histogram")
        name = std::string(base);
    }
    Names labels;
    if (line[end] == '{') {
      const absl::string_view inside = line.substr(end + 1, line.rfind('}') - end - 1);
      // No value of ours holds a quote or a comma.
      for (const absl::string_view label : absl::StrSplit(inside, ',', absl::SkipEmpty())) {
        const std::pair<std::string, std::string> pair =
            absl::StrSplit(label, absl::MaxSplits('=', 1));
        if (pair.first == "le") continue;
        labels.insert(pair.first);
        exported.label_values[name][pair.first].insert(
            pair.second.substr(1, pair.second.size() - 2));
      }
    }
    exported.labels[name].insert(labels);
  }
  return exported;
}

// What promtool says against it; it is installed by tools/deps test.
std::vector<std::string> PromtoolFindings(const std::string& text) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/metrics.", getpid());
  std::ofstream(path) << text;
  FILE* pipe = popen(absl::StrCat("promtool check metrics <'", path, "' 2>&1").c_str(), "r");
  std::string output;
  char part[4096];
  for (size_t size; pipe != nullptr && (size = fread(part, 1, sizeof part, pipe)) > 0;) {
    output.append(part, size);
  }
  const int status = pipe == nullptr ? -1 : pclose(pipe);
  std::remove(path.c_str());
  std::vector<std::string> findings = absl::StrSplit(output, '\n', absl::SkipEmpty());
  // Its name counts days of accounts, not time: there is no base unit to use.
  std::erase_if(findings, [](const std::string& finding) {
    return absl::StartsWith(finding, "datong_datacube_days_missing use base unit \"seconds\"");
  });
  // 0: nothing found, 3: findings; else it did not run, or could not read the text.
  if (status != 0 && WEXITSTATUS(status) != 3) findings.push_back("promtool failed");
  return findings;
}

std::vector<std::string> Unkept(const Exported& exported, bool used) {
  std::vector<std::string> unkept;
  for (const auto& [name, promise] : Promises()) {
    const auto found = exported.labels.find(name);
    const bool is_due = promise.when == When::kFromZero || (used && promise.when == When::kOnUse);
    if (found == exported.labels.end()) {
      if (is_due) unkept.push_back(absl::StrCat(name, " is missing"));
    } else if (found->second != std::set<Names>{promise.labels}) {
      for (const Names& labels : found->second) {
        if (labels == promise.labels) continue;
        unkept.push_back(absl::StrCat(name, " has the labels {", absl::StrJoin(labels, ","), "}"));
      }
    }
  }
  for (const auto& [name, labels] : exported.labels) {
    if (!Promises().contains(name)) unkept.push_back(absl::StrCat(name, " is in no list"));
  }
  return unkept;
}

TEST(ExportedMetricsTest, AreThosePromisedFromZeroAndInUse) {
  auto suite = MarkedSuite::Start();
  ASSERT_OK(suite);
  const std::string before = (*suite)->Metrics();
  EXPECT_THAT(PromtoolFindings(before), IsEmpty());
  EXPECT_THAT(Unkept(Parse(before), false), IsEmpty());

  ASSERT_OK((*suite)->Play());
  const std::string text = (*suite)->Metrics();
  EXPECT_THAT(PromtoolFindings(text), IsEmpty());
  Exported exported = Parse(text);
  EXPECT_THAT(Unkept(exported, true), IsEmpty());
  EXPECT_LE(exported.series, 12'000);  // six services in one process, each at most 5,000

  for (const auto& [name, labels] : exported.label_values) {
    for (const auto& [label, values] : labels) {
      EXPECT_FALSE(
          Names({"openid", "unionid", "phone", "token", "secret", "url", "job", "instance"})
              .contains(label))
          << name;
      // What comes from outside would make ever more series.
      EXPECT_LE(values.size(), 150U) << name << " " << label;
    }
  }
  EXPECT_THAT(
      exported.label_values["datong_token_requests_total"]["result"],
      ::testing::UnorderedElementsAre("hit", "refreshed", "stale_served", "unavailable", "denied"));
  EXPECT_THAT(
      exported.label_values["http_requests_total"]["handler"],
      IsSupersetOf({"wechat_verify", "wechat_callback", "redirect", "rpc", "other", "collect"}));
}

}  // namespace
}  // namespace datong
