#include "services/ingest/store/postgres_source_store.h"

#include <nlohmann/json.hpp>

#include "common/status/error.h"
#include "services/ingest/core/errors.h"

namespace datong::ingest {
namespace {

constexpr char kRegisterSql[] = R"sql(
  INSERT INTO ingest.projects (number, project) VALUES ($1, $2) ON CONFLICT DO NOTHING)sql";
constexpr char kRegisteredSql[] =
    "SELECT 1 FROM ingest.projects WHERE number = $1 AND project = $2";
constexpr char kProjectsSql[] = "SELECT number, project FROM ingest.projects ORDER BY number";
constexpr char kSourcesSql[] = R"sql(
  SELECT s.number, s.tenant_id, p.project, s.source, s.display_name, s.kind, s.surface, s.app,
         s.write_key, s.sdk_project, s.data_source_id, s.device_scope, s.login_space,
         s.login_spaces, s.device_id_is_openid, s.attribute_by, s.origins, s.trust, s.consent_mode,
         s.disabled, s.privacy, (extract(epoch FROM s.created_at) * 1000000)::bigint,
         (extract(epoch FROM s.updated_at) * 1000000)::bigint
  FROM ingest.sources AS s JOIN ingest.projects AS p ON p.number = s.tenant_id
  ORDER BY s.number)sql";
constexpr char kExistsSql[] = "SELECT 1 FROM ingest.sources WHERE tenant_id = $1 AND source = $2";
constexpr char kInsertSql[] = R"sql(
  INSERT INTO ingest.sources (tenant_id, source, display_name, kind, surface, app, write_key,
      sdk_project, data_source_id, device_scope, login_space, login_spaces, device_id_is_openid,
      attribute_by, origins, trust, consent_mode, disabled, created_at, updated_at, privacy)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
          to_timestamp($19::double precision / 1000000), to_timestamp($19::double precision / 1000000),
          $20)
  RETURNING number)sql";
constexpr char kUpdateSql[] = R"sql(
  UPDATE ingest.sources
  SET display_name = $3, surface = $4, app = $5, write_key = $6, sdk_project = $7,
      data_source_id = $8, device_scope = $9, login_space = $10, login_spaces = $11,
      device_id_is_openid = $12, attribute_by = $13, origins = $14, trust = $15,
      consent_mode = $16, disabled = $17, updated_at = to_timestamp($18::double precision / 1000000),
      privacy = $19
  WHERE tenant_id = $1 AND source = $2
  RETURNING number)sql";
// The pushes of a mini program belong to the surface that its SDK source names.
constexpr char kFollowSql[] = R"sql(
  UPDATE ingest.sources SET surface = $3, updated_at = to_timestamp($4::double precision / 1000000)
  WHERE tenant_id = $1 AND kind = 3 AND app = $2 AND surface = $2 AND surface <> $3)sql";

// A push source that was made while the SDK source was.
constexpr char kJoinSql[] = R"sql(
  UPDATE ingest.sources AS push SET surface = sdk.surface
  FROM ingest.sources AS sdk
  WHERE push.tenant_id = $1 AND push.source = $2 AND push.kind = 3 AND push.surface = push.app
    AND sdk.tenant_id = push.tenant_id AND sdk.kind = 1 AND sdk.app = push.app
    AND sdk.device_scope = sdk.app
  RETURNING push.surface)sql";
// Sources of one project are made one after the other.
constexpr char kLockProjectSql[] = "SELECT 1 FROM ingest.projects WHERE number = $1 FOR UPDATE";

std::string PrivacyToJson(const PrivacyRules& rules) {
  return nlohmann::json{{"dropped_parameters", rules.dropped_parameters},
                        {"kept_parameters", rules.kept_parameters},
                        {"hashed_fields", rules.hashed_fields},
                        {"keep_typed_text", rules.keep_typed_text},
                        {"keep_exact_location", rules.keep_exact_location}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

PrivacyRules PrivacyFromJson(const std::string& text) {
  using Names = std::vector<std::string>;
  const nlohmann::json json = nlohmann::json::parse(text);
  return {json.value("dropped_parameters", Names()), json.value("kept_parameters", Names()),
          json.value("hashed_fields", Names()), json.value("keep_typed_text", false),
          json.value("keep_exact_location", false)};
}

Source FromRow(const pqxx::row& row) {
  Source source;
  source.number = row[0].as<int32_t>();
  source.tenant_id = row[1].as<int32_t>();
  source.project = row[2].as<std::string>();
  source.id = row[3].as<std::string>();
  source.display_name = row[4].as<std::string>();
  source.kind = static_cast<SourceKind>(row[5].as<int>());
  source.surface = row[6].as<std::string>();
  source.app = row[7].as<std::string>();
  source.write_key = row[8].as<std::string>();
  source.sdk_project = row[9].as<std::string>();
  source.data_source_id = row[10].as<std::string>();
  source.device_scope = row[11].as<std::string>();
  source.login_space = row[12].as<std::string>();
  source.login_spaces =
      nlohmann::json::parse(row[13].as<std::string>()).get<std::map<std::string, std::string>>();
  source.device_id_is_openid = row[14].as<bool>();
  source.attribute_by = static_cast<AttributeBy>(row[15].as<int>());
  source.origins = nlohmann::json::parse(row[16].as<std::string>()).get<std::vector<std::string>>();
  source.trust = static_cast<Trust>(row[17].as<int>());
  source.consent_mode = static_cast<ConsentMode>(row[18].as<int>());
  source.disabled = row[19].as<bool>();
  source.privacy = PrivacyFromJson(row[20].as<std::string>());
  source.create_time = absl::FromUnixMicros(row[21].as<int64_t>());
  source.update_time = absl::FromUnixMicros(row[22].as<int64_t>());
  return source;
}

void PushesFollow(pqxx::work& work, const Source& source) {
  const bool own_surface =
      source.kind == SourceKind::kSdk && !source.app.empty() && source.device_scope == source.app;
  if (own_surface) {
    work.exec_params0(kFollowSql, source.tenant_id, source.app, source.surface,
                      absl::ToUnixMicros(source.update_time));
  }
}

absl::Status KeyTaken(absl::Status status) {
  return status.code() == absl::StatusCode::kAlreadyExists &&
                 GetReason(status) == "DATABASE_DUPLICATE"
             ? WriteKeyTaken()
             : status;
}

}  // namespace

absl::Status PostgresSourceStore::RegisterProject(const Project& project, Deadline deadline) {
  return pool_.Transact("register_project", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params0(kRegisterSql, project.number, project.id);
    if (work.exec_params(kRegisteredSql, project.number, project.id).empty()) {
      return ProjectNumberTaken(project.id, project.number);
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<SourceCatalogue> PostgresSourceStore::LoadAll(Deadline deadline) {
  return pool_.Query<SourceCatalogue>(
      "load_sources", deadline,
      [](pqxx::work& work) -> absl::StatusOr<SourceCatalogue> {
        SourceCatalogue catalogue;
        for (const pqxx::row& row : work.exec(kProjectsSql)) {
          catalogue.projects.push_back({row[0].as<int32_t>(), row[1].as<std::string>()});
        }
        for (const pqxx::row& row : work.exec(kSourcesSql)) {
          catalogue.sources.push_back(FromRow(row));
        }
        return catalogue;
      },
      {.read_only = true});
}

absl::StatusOr<Source> PostgresSourceStore::Insert(const Source& source, Deadline deadline) {
  Source stored = source;
  const absl::Status status =
      pool_.Transact("insert_source", deadline, [&](pqxx::work& work) -> absl::Status {
        work.exec_params(kLockProjectSql, source.tenant_id);
        if (!work.exec_params(kExistsSql, source.tenant_id, source.id).empty()) {
          return SourceExists(source.Name());
        }
        stored.number =
            work.exec_params1(
                    kInsertSql, source.tenant_id, source.id, source.display_name,
                    static_cast<int>(source.kind), source.surface, source.app, source.write_key,
                    source.sdk_project, source.data_source_id, source.device_scope,
                    source.login_space, nlohmann::json(source.login_spaces).dump(),
                    source.device_id_is_openid, static_cast<int>(source.attribute_by),
                    nlohmann::json(source.origins).dump(), static_cast<int>(source.trust),
                    static_cast<int>(source.consent_mode), source.disabled,
                    absl::ToUnixMicros(source.create_time), PrivacyToJson(source.privacy))[0]
                .as<int32_t>();
        PushesFollow(work, source);
        const pqxx::result joined = work.exec_params(kJoinSql, source.tenant_id, source.id);
        if (!joined.empty()) stored.surface = joined[0][0].as<std::string>();
        return absl::OkStatus();
      });
  if (!status.ok()) return KeyTaken(status);
  return stored;
}

absl::StatusOr<Source> PostgresSourceStore::Update(const Source& source, Deadline deadline) {
  Source stored = source;
  const absl::Status status =
      pool_.Transact("update_source", deadline, [&](pqxx::work& work) -> absl::Status {
        const pqxx::result updated = work.exec_params(
            kUpdateSql, source.tenant_id, source.id, source.display_name, source.surface,
            source.app, source.write_key, source.sdk_project, source.data_source_id,
            source.device_scope, source.login_space, nlohmann::json(source.login_spaces).dump(),
            source.device_id_is_openid, static_cast<int>(source.attribute_by),
            nlohmann::json(source.origins).dump(), static_cast<int>(source.trust),
            static_cast<int>(source.consent_mode), source.disabled,
            absl::ToUnixMicros(source.update_time), PrivacyToJson(source.privacy));
        if (updated.empty()) return SourceUnknown(source.Name());
        stored.number = updated[0][0].as<int32_t>();
        PushesFollow(work, source);
        return absl::OkStatus();
      });
  if (!status.ok()) return KeyTaken(status);
  return stored;
}

}  // namespace datong::ingest
