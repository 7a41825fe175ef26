#include "services/broker/core/api_metrics.h"

namespace datong::broker {
namespace {

using Refused = ApiMetrics::Refused;

// What the suite calls, and what other teams call most: a closed set, since it labels series.
constexpr const char* kLabelled[] = {
    "/cgi-bin/user/get",
    "/cgi-bin/user/info",
    "/cgi-bin/user/info/batchget",
    "/cgi-bin/open/get",
    "/cgi-bin/open/have",
    "/cgi-bin/account/getaccountbasicinfo",
    "/cgi-bin/message/custom/send",
    "/cgi-bin/message/template/send",
    "/cgi-bin/message/subscribe/send",
    "/datacube/getusersummary",
    "/datacube/getusercumulate",
};
constexpr std::pair<Refused, const char*> kRefused[] = {{Refused::kQuota, "quota"},
                                                        {Refused::kReserve, "reserve"},
                                                        {Refused::kRate, "rate"},
                                                        {Refused::kStopped, "stopped"},
                                                        {Refused::kBreaker, "breaker"}};
constexpr char kOther[] = "other";

}  // namespace

std::string ApiLabel(const std::string& path) {
  for (const char* known : kLabelled) {
    if (path == known) return path;
  }
  return kOther;
}

ApiMetrics::ApiMetrics(metrics::Registry& registry, bool per_app)
    : registry_(registry), per_app_(per_app) {
  const auto add = [&](const std::string& label) {
    Api& api = apis_[label];
    for (const auto& [reason, name] : kRefused) {
      api.refused[reason] = &registry.AddCounter("datong_upstream_calls_refused_total",
                                                 "Calls that were not sent to the platform.",
                                                 {{"api", label}, {"reason", name}});
    }
    api.open = &registry.AddGauge("datong_upstream_breaker_open",
                                  "Interfaces that are not asked since they failed repeatedly.",
                                  {{"api", label}});
  };
  for (const char* label : kLabelled) add(label);
  add(kOther);
  host_open_ = &registry.AddGauge("datong_upstream_host_breaker_open",
                                  "1 while the platform is not asked since it failed repeatedly.");
  cache_hits_ =
      &registry.AddCounter("datong_upstream_cache_total",
                           "Calls that might be answered from memory.", {{"result", "hit"}});
  cache_misses_ =
      &registry.AddCounter("datong_upstream_cache_total",
                           "Calls that might be answered from memory.", {{"result", "miss"}});
}

void ApiMetrics::CallRefused(const std::string& path, Refused reason) {
  apis_.at(ApiLabel(path)).refused.at(reason)->Increment();
}

void ApiMetrics::BreakerChanged(const std::string& path, bool is_open) {
  const std::string label = ApiLabel(path);
  MutexLock lock(&mutex_);
  int& open = open_[label];
  open += is_open ? 1 : -1;
  apis_.at(label).open->Set(open);
}

void ApiMetrics::CallsToday(const std::string& path, const std::string& appid, int64_t calls,
                            int64_t limit) {
  const std::string label = ApiLabel(path);
  if (label == kOther) return;
  metrics::Labels labels = {{"api", label}};
  if (per_app_) {
    labels["app"] = appid;
  } else {
    const double share = limit > 0 ? static_cast<double>(calls) / static_cast<double>(limit) : 0.0;
    MutexLock lock(&mutex_);
    auto& [worst_app, worst_share] = worst_[label];
    if (!worst_app.empty() && worst_app != appid && share <= worst_share) return;
    worst_app = appid;
    worst_share = share;
  }
  registry_.AddGauge("datong_upstream_calls_today", "Calls since midnight in Shanghai.", labels)
      .Set(static_cast<double>(calls));
  registry_
      .AddGauge("datong_upstream_calls_limit",
                "Calls that the platform allows a day; 0 while it has told none.", labels)
      .Set(static_cast<double>(limit));
}

}  // namespace datong::broker
