#include "services/datacube/core/metrics.h"

#include <string>

namespace datong::datacube {
namespace {

constexpr char kJob[] = "datacube_nightly";
constexpr char kRunsHelp[] = "Runs of background jobs that ended.";

const char* ResultName(FetchResult result) {
  switch (result) {
    case FetchResult::kOk:
      return "ok";
    case FetchResult::kEmpty:
      return "empty";
    case FetchResult::kNotReady:
      return "not_ready";
    case FetchResult::kQuota:
      return "quota";
    case FetchResult::kError:
      break;
  }
  return "error";
}

}  // namespace

Metrics::Metrics(metrics::Registry& registry)
    : nights_ok_(registry.AddCounter("datong_job_runs_total", kRunsHelp,
                                     {{"job_name", kJob}, {"result", "ok"}})),
      nights_failed_(registry.AddCounter("datong_job_runs_total", kRunsHelp,
                                         {{"job_name", kJob}, {"result", "error"}})),
      night_seconds_(registry.AddHistogram("datong_job_duration_seconds",
                                           "How long runs of background jobs took.",
                                           metrics::kJobBuckets, {{"job_name", kJob}})),
      night_success_time_(registry.AddGauge("datong_job_last_success_timestamp_seconds",
                                            "When the job last ended well.", {{"job_name", kJob}})),
      account_lag_(registry, "broker_accounts") {
  for (const Api api : kApis) {
    const std::string name(ApiName(api));
    for (const FetchResult result : {FetchResult::kOk, FetchResult::kEmpty, FetchResult::kNotReady,
                                     FetchResult::kQuota, FetchResult::kError}) {
      fetches_[{api, result}] = &registry.AddCounter(
          "datong_datacube_fetch_total", "Calls for platform statistics and rosters.",
          {{"api", name}, {"result", ResultName(result)}});
    }
    if (api == Api::kRoster) continue;
    days_missing_[api] =
        &registry.AddGauge("datong_datacube_days_missing",
                           "App-days past their publishing time and not stored.", {{"api", name}});
  }
  registry
      .AddGauge("datong_job_interval_seconds", "How often the job is meant to run.",
                {{"job_name", kJob}})
      .Set(absl::ToDoubleSeconds(absl::Hours(24)));
}

void Metrics::Fetched(Api api, FetchResult result) { fetches_.at({api, result})->Increment(); }

void Metrics::DaysMissing(const std::map<Api, int64_t>& missing) {
  for (const auto& [api, gauge] : days_missing_) {
    const auto found = missing.find(api);
    gauge->Set(found == missing.end() ? 0 : static_cast<double>(found->second));
  }
}

void Metrics::NightEnded(bool succeeded, absl::Duration took, absl::Time end_time) {
  (succeeded ? nights_ok_ : nights_failed_).Increment();
  night_seconds_.Observe(absl::ToDoubleSeconds(took));
  if (succeeded) night_success_time_.Set(static_cast<double>(absl::ToUnixSeconds(end_time)));
}

}  // namespace datong::datacube
