#include "services/identity/store/policy_sql.h"

#include "services/identity/store/graph_sql.h"
#include "services/identity/store/sql_values.h"

namespace datong::identity {
namespace {

constexpr char kReadRules[] = R"sql(
  SELECT p.rules_version, p.policy_version,
    coalesce((SELECT string_agg(DISTINCT appid, E'\n') FROM identity.incidents AS i
              WHERE i.project_number = $1 AND i.closed_at IS NULL), ''),
    q.trust_client_claims, q.phone_may_merge, q.hub_device_partners, q.hub_login_partners,
    q.pending_days, q.login_max, q.max_ids, q.form_checks, q.erase_extend_days,
    q.require_consent_after_erase, q.max_component_ids, q.max_component_records,
    q.incident_conflicts, array_to_string(q.blocked_values, E'\n'), q.actor, )sql" DATONG_SQL_MICROS(
    "q.set_at") R"sql(,
    EXISTS (SELECT 1 FROM identity.recomputations AS r
            WHERE r.project_number = $1 AND r.appid = '' AND r.done_at IS NULL)
  FROM identity.projects AS p
  LEFT JOIN identity.policies AS q ON q.project_number = $1 AND q.version = p.policy_version
  WHERE p.project_number = $1)sql";

constexpr char kWritePolicy[] = R"sql(
  INSERT INTO identity.policies (project_number, version, trust_client_claims, phone_may_merge,
    hub_device_partners, hub_login_partners, pending_days, login_max, max_ids, form_checks,
    erase_extend_days, require_consent_after_erase, max_component_ids, max_component_records,
    incident_conflicts, blocked_values, actor, set_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16::text[], $17, )sql" DATONG_SQL_TIME(
    "$18::bigint") ")";

}  // namespace

ProjectRules ReadProjectRules(pqxx::transaction_base& work, const Project& project,
                              const Policy& fallback) {
  const pqxx::row row = work.exec_params1(kReadRules, project.number);
  ProjectRules rules;
  rules.rules_version = row[0].as<int64_t>();
  rules.policy.version = row[1].as<int64_t>();
  rules.held_apps = SplitIds(row[2].as<std::string>());
  rules.policy.recomputing = row[19].as<bool>();
  Policy& policy = rules.policy.policy;
  policy = fallback;
  if (row[3].is_null()) return rules;
  policy.trust_client_claims = row[3].as<bool>();
  policy.phone_may_merge = row[4].as<bool>();
  policy.hub_device_partners = row[5].as<int>();
  policy.hub_login_partners = row[6].as<int>();
  policy.pending_days = row[7].as<int>();
  policy.login_max = row[8].as<int>();
  policy.max_ids = row[9].as<int>();
  policy.form_checks = row[10].as<bool>();
  policy.erase_extend_days = row[11].as<int>();
  policy.require_consent_after_erase = row[12].as<bool>();
  policy.max_component_ids = row[13].as<size_t>();
  policy.max_component_records = row[14].as<size_t>();
  policy.incident_conflicts = row[15].as<int>();
  policy.blocked_values = SplitIds(row[16].as<std::string>());
  rules.policy.actor = row[17].as<std::string>();
  rules.policy.set_at = TimeOf(row[18]);
  return rules;
}

void WritePolicy(pqxx::transaction_base& work, const Project& project,
                 const ProjectPolicy& chosen) {
  const Policy& policy = chosen.policy;
  TextArray blocked;
  for (const std::string& value : policy.blocked_values) blocked.Add(value);
  work.exec_params(kWritePolicy, project.number, chosen.version, policy.trust_client_claims,
                   policy.phone_may_merge, policy.hub_device_partners, policy.hub_login_partners,
                   policy.pending_days, policy.login_max, policy.max_ids, policy.form_checks,
                   policy.erase_extend_days, policy.require_consent_after_erase,
                   static_cast<int64_t>(policy.max_component_ids),
                   static_cast<int64_t>(policy.max_component_records), policy.incident_conflicts,
                   blocked.Take(), chosen.actor, absl::ToUnixMicros(chosen.set_at));
  work.exec_params(
      "UPDATE identity.projects SET policy_version = $2, rules_version = rules_version + 1 "
      "WHERE project_number = $1",
      project.number, chosen.version);
}

}  // namespace datong::identity
