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
  return config;
}

}  // namespace datong::identity
