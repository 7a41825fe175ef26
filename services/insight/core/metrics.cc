#include "services/insight/core/metrics.h"

#include <utility>

namespace datong::insight {

InsightMetrics::InsightMetrics(metrics::Registry& registry)
    : feed_lag_(registry, "insight_persons") {
  const std::pair<QueryKind, const char*> kinds[] = {
      {QueryKind::kTraffic, "traffic"},     {QueryKind::kOverlap, "overlap"},
      {QueryKind::kFunnel, "funnel"},       {QueryKind::kRetention, "retention"},
      {QueryKind::kTimeline, "timeline"},   {QueryKind::kPersons, "persons"},
      {QueryKind::kFollowers, "followers"},
  };
  const std::pair<Result, const char*> results[] = {{Result::kOk, "ok"},
                                                    {Result::kRefused, "refused"},
                                                    {Result::kUnavailable, "unavailable"},
                                                    {Result::kError, "error"}};
  for (const auto& [kind, kind_name] : kinds) {
    Series& series = series_[kind];
    for (const auto& [result, result_name] : results) {
      series.answers[result] =
          &registry.AddCounter("datong_insight_queries_total", "Questions answered, by result.",
                               {{"kind", kind_name}, {"result", result_name}});
    }
    series.seconds = &registry.AddHistogram("datong_insight_query_seconds", "Time of an answer.",
                                            metrics::kRpcBuckets, {{"kind", kind_name}});
  }
}

void InsightMetrics::Answered(QueryKind kind, const absl::Status& status, absl::Duration elapsed) {
  Result result = Result::kError;
  switch (status.code()) {
    case absl::StatusCode::kOk:
      result = Result::kOk;
      break;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
      result = Result::kRefused;
      break;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      result = Result::kUnavailable;
      break;
    default:
      break;
  }
  const Series& series = series_.at(kind);
  series.answers.at(result)->Increment();
  series.seconds->Observe(absl::ToDoubleSeconds(elapsed));
}

}  // namespace datong::insight
