#include "services/identity/config.h"

namespace datong::identity {

Config Config::FromSettings(config::Settings& settings) {
  Config config;
  config.policy.form_checks = settings.Bool("identity.form_checks", false,
                                            "Refuse openids, unionids and external user ids that "
                                            "do not look like one (new evidence only).");
  config.known_evidence_entries = static_cast<size_t>(settings.Int(
      "identity.known_evidence_entries", 500'000, 1'000, 100'000'000,
      "How many facts are remembered, so that repeats cost no query; about 60 bytes each."));
  config.policy.incident_conflicts = static_cast<int>(settings.Int(
      "identity.incident_conflicts", 3, 0, 1'000'000,
      "After more conflicts of one app's unionids in a day its unionids wait for somebody to look; "
      "0: never."));
  config.check_interval = absl::Hours(
      settings.Int("identity.check_interval_hours", 24, 1, 8'760,
                   "How often all persons are worked out anew and compared with what is kept."));
  return config;
}

}  // namespace datong::identity
