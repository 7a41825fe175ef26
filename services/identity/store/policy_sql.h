#pragma once

#include <optional>
#include <pqxx/pqxx>
#include <string>

#include "services/identity/core/graph_store.h"
#include "services/identity/core/policy_store.h"

namespace datong::identity {

// What a transaction reads of a project before it does anything. All throw as libpqxx does.
struct ProjectRules {
  int64_t rules_version = 0;
  ProjectPolicy policy;
  std::vector<std::string> held_apps;  // of open incidents
};
ProjectRules ReadProjectRules(pqxx::transaction_base& work, const Project& project,
                              const Policy& fallback);

// Makes the policy the project's; the caller holds the project's lock.
void WritePolicy(pqxx::transaction_base& work, const Project& project, const ProjectPolicy& policy);

}  // namespace datong::identity
