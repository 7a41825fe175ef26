#include "services/broker/config.h"

#include "absl/strings/str_split.h"

namespace datong::broker {

Config Config::FromSettings(config::Settings& settings) {
  const absl::Duration none = absl::ZeroDuration();
  const absl::Duration day = absl::Hours(24);
  Config config;
  config.tokens.refresh_ahead =
      settings.Duration("broker.refresh_ahead", absl::Seconds(900), absl::Seconds(120),
                        absl::Seconds(3600), "How long before its end a token is replaced.");
  config.tokens.serve_margin =
      settings.Duration("broker.serve_margin", absl::Seconds(60), none, absl::Seconds(300),
                        "A token with less left than this is replaced before it is handed out.");
  config.tokens.health.backoff_first =
      settings.Duration("broker.backoff_first", absl::Seconds(1), absl::Milliseconds(1),
                        absl::Seconds(60), "Wait after the first failed refresh of a token.");
  config.tokens.health.backoff_longest =
      settings.Duration("broker.backoff_longest", absl::Seconds(60), absl::Milliseconds(1),
                        absl::Seconds(600), "Longest wait between failed refreshes of a token.");
  config.tokens.health.probe_interval =
      settings.Duration("broker.probe_interval", absl::Minutes(10), absl::Milliseconds(1), day,
                        "How often an app that WeChat refuses for good is tried again.");
  config.tokens.refresh_threads = static_cast<int>(
      settings.Int("broker.refresh_threads", 4, 1, 64, "Tokens refreshed at the same time."));
  config.authorizer.link_lifetime =
      settings.Duration("broker.link_lifetime", 7 * day, absl::Minutes(1), 365 * day,
                        "How long an authorisation link opens.");
  config.estate.reconcile_interval = settings.Duration(
      "broker.reconcile_interval", day, absl::Minutes(1), 30 * day,
      "How often a component's accounts are compared with WeChat's list of them.");
  config.readiness.collector_url = settings.String(
      "broker.collector_url", "",
      "Where SDKs send events, as mini programs reach it; empty: public_url. Readiness compares "
      "its host with each mini program's request domains.");
  config.worker.batch = static_cast<int>(settings.Int(
      "broker.work_batch", 100, 1, 100, "Pushes worked on at once; one user/info call for all."));
  config.worker.retry_longest =
      settings.Duration("broker.retry_longest", absl::Minutes(5), absl::Seconds(1), day,
                        "Longest wait before background work is tried again.");
  config.worker.remember_pushes =
      settings.Duration("broker.remember_pushes", 7 * day, absl::Hours(1), 90 * day,
                        "How long a repeated push is known as such.");
  config.login_identity_timeout = settings.Duration(
      "broker.login_identity_timeout", absl::Seconds(2), absl::Milliseconds(10), absl::Seconds(10),
      "How long a login waits for its person before it answers without.");
  config.rosters.pages_per_step = static_cast<int>(settings.Int(
      "broker.wecom_pages_per_step", 10, 1, 100,
      "Pages of a hundred contacts that a pass over a WeCom corp reads before it rests."));
  config.rosters.step_interval =
      settings.Duration("broker.wecom_step_interval", absl::Seconds(1), none, absl::Minutes(10),
                        "How long a pass over the contacts of a WeCom corp rests between steps.");
  config.rosters.night_hour = static_cast<int>(settings.Int(
      "broker.wecom_night_hour", 2, 0, 23, "Hour in Shanghai from which nightly passes begin."));
  config.api_usage.reserve =
      static_cast<double>(settings.Int(
          "broker.quota_reserve_percent", 10, 0, 90,
          "Part of a daily quota of WeChat that CallApi leaves to the suite's own functions.")) /
      100.0;
  config.api_usage.app_calls_per_second = static_cast<double>(
      settings.Int("broker.app_calls_per_second", 500, 0, 100'000,
                   "Calls a second that CallApi lets through for one app; 0: any number."));
  config.api_usage.check_every =
      settings.Duration("broker.quota_check_interval", absl::Hours(1), absl::Seconds(1), day,
                        "How often WeChat is asked for the quota of an interface in use.");
  config.api.cache_bytes = static_cast<size_t>(
      settings.Int("broker.answer_cache_bytes", 16 << 20, 0, int64_t{1} << 30,
                   "Memory for answers that callers of CallApi let be kept (max_age)."));
  config.api.own_callers = absl::StrSplit(
      settings.String("broker.own_callers", "datacube",
                      "Callers, with commas between, whose calls may use the reserved quota."),
      ',', absl::SkipEmpty());
  config.poll_interval = settings.Duration(
      "broker.poll_interval", absl::Seconds(3), absl::Milliseconds(20), absl::Seconds(10),
      "How often tokens stored by other replicas are looked for, and due ones refreshed.");
  config.work_interval =
      settings.Duration("broker.work_interval", absl::Seconds(1), absl::Milliseconds(10),
                        absl::Seconds(60), "How often background work is looked for.");
  config.maintenance_interval =
      settings.Duration("broker.maintenance_interval", absl::Minutes(5), absl::Milliseconds(50),
                        absl::Hours(1), "How often silent tickets are asked for.");
  config.erasure_interval = settings.Duration(
      "broker.erasure_interval", absl::Seconds(10), absl::Milliseconds(20), absl::Hours(1),
      "How often identity's feed is asked for persons who were erased.");
  config.audit_spool = settings.String(
      "broker.audit_spool", "",
      "File for audit rows while the database is away; empty: none, and token reads "
      "are refused then.");
  config.audit_spool_bytes = settings.Int("broker.audit_spool_bytes", 256 << 20, 4096,
                                          int64_t{64} << 30, "Largest size of that file.");
  config.audit_fail_open =
      settings.Bool("broker.audit_fail_open", false, "Hand tokens out though nothing records it.");
  config.metrics_per_app = settings.Bool("broker.metrics_per_app", true,
                                         "Gauges per app; off for installations with very many.");
  if (config.tokens.health.backoff_longest < config.tokens.health.backoff_first) {
    settings.AddFault("broker.backoff_longest", "must not be below broker.backoff_first");
  }
  return config;
}

}  // namespace datong::broker
