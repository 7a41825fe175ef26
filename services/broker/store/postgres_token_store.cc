#include "services/broker/store/postgres_token_store.h"

#include <utility>

#include "common/status/macros.h"
#include "services/broker/core/errors.h"
#include "services/broker/store/token_notice.h"

namespace datong::broker {
namespace {

constexpr postgres::TransactOptions kReadOnly{.retry_conflicts = false, .read_only = true};

constexpr char kListVersionsSql[] = R"sql(
  SELECT a.project, a.appid, a.kind, a.component, a.state, coalesce(t.generation, 0)
  FROM broker.apps a LEFT JOIN broker.tokens t USING (appid)
  WHERE a.kind <> 3  -- web apps have no token
  ORDER BY a.appid)sql";

constexpr char kLoadSql[] = R"sql(
  SELECT access_token, refresh_token, previous_refresh_token,
         (extract(epoch FROM fetched_at) * 1000000)::bigint,
         (extract(epoch FROM expires_at) * 1000000)::bigint, generation
  FROM broker.tokens WHERE appid = $1)sql";

constexpr char kWriteSql[] = R"sql(
  INSERT INTO broker.tokens AS held
    (appid, access_token, refresh_token, previous_refresh_token, fetched_at, expires_at, generation)
  VALUES ($1, nullif($2, ''::bytea), nullif($3, ''::bytea), nullif($4, ''::bytea),
          to_timestamp($5::bigint / 1e6), to_timestamp($6::bigint / 1e6), 1)
  ON CONFLICT (appid) DO UPDATE
    SET access_token = excluded.access_token, refresh_token = excluded.refresh_token,
        previous_refresh_token = excluded.previous_refresh_token,
        fetched_at = excluded.fetched_at, expires_at = excluded.expires_at,
        generation = held.generation + 1
  RETURNING generation)sql";

// Pushes come twice and out of order: the newest by WeChat's clock stays.
constexpr char kSaveTicketSql[] = R"sql(
  INSERT INTO broker.tickets AS held (component, ticket, created_at, received_at)
  VALUES ($1, $2, to_timestamp($3::bigint / 1e6), to_timestamp($4::bigint / 1e6))
  ON CONFLICT (component) DO UPDATE
    SET ticket = excluded.ticket, created_at = excluded.created_at,
        received_at = excluded.received_at
    WHERE held.created_at <= excluded.created_at)sql";

}  // namespace

PostgresTokenStore::PostgresTokenStore(postgres::Pool& pool, const crypto::Envelope& envelope,
                                       std::string holder, metrics::Registry& registry)
    : pool_(pool),
      sealer_(envelope),
      holder_(holder),
      leases_(pool, "broker.leases", std::move(holder), registry, "token") {}

absl::StatusOr<std::vector<TokenVersion>> PostgresTokenStore::ListVersions(Deadline deadline) {
  return pool_.Query<std::vector<TokenVersion>>(
      "list_token_versions", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::vector<TokenVersion>> {
        std::vector<TokenVersion> versions;
        for (const pqxx::row& row : work.exec(kListVersionsSql)) {
          versions.push_back({row[0].as<std::string>(), row[1].as<std::string>(),
                              static_cast<AppKind>(row[2].as<int>()), row[3].as<std::string>(),
                              static_cast<AppState>(row[4].as<int>()), row[5].as<int64_t>()});
        }
        return versions;
      },
      kReadOnly);
}

absl::StatusOr<std::optional<TokenRecord>> PostgresTokenStore::Read(
    pqxx::work& work, const std::string& appid) const {
  const pqxx::result rows = work.exec_params(kLoadSql, appid);
  if (rows.empty()) return std::optional<TokenRecord>();
  TokenRecord record;
  record.appid = appid;
  DATONG_ASSIGN_OR_RETURN(record.access_token,
                          sealer_.Open(rows[0][0], "tokens.access_token", appid));
  DATONG_ASSIGN_OR_RETURN(record.refresh_token,
                          sealer_.Open(rows[0][1], "tokens.refresh_token", appid));
  DATONG_ASSIGN_OR_RETURN(record.previous_refresh_token,
                          sealer_.Open(rows[0][2], "tokens.refresh_token", appid));
  record.fetched = FromMicros(rows[0][3]);
  record.expires = FromMicros(rows[0][4]);
  record.generation = rows[0][5].as<int64_t>();
  return std::optional<TokenRecord>(std::move(record));
}

absl::StatusOr<std::optional<TokenRecord>> PostgresTokenStore::Load(const std::string& appid,
                                                                    Deadline deadline) {
  return pool_.Query<std::optional<TokenRecord>>(
      "load_token", deadline, [&](pqxx::work& work) { return Read(work, appid); }, kReadOnly);
}

postgres::Lease PostgresTokenStore::Held(const Lease& lease) const {
  postgres::Lease held;
  held.name = lease.key;
  held.holder = holder_;
  held.epoch = lease.epoch;
  return held;
}

absl::Status PostgresTokenStore::Fence(pqxx::work& work, const Lease& lease) const {
  return leases_.Fence(work, Held(lease));
}

absl::StatusOr<int64_t> PostgresTokenStore::Write(pqxx::work& work, const Lease& lease,
                                                  const TokenRecord& record) {
  DATONG_RETURN_IF_ERROR(Fence(work, lease));
  Secret refresh = record.refresh_token;
  Secret previous;
  const pqxx::result rows = work.exec_params(
      "SELECT refresh_token, previous_refresh_token FROM broker.tokens WHERE appid = $1 FOR UPDATE",
      record.appid);
  if (!rows.empty()) {
    DATONG_ASSIGN_OR_RETURN(Secret held,
                            sealer_.Open(rows[0][0], "tokens.refresh_token", record.appid));
    DATONG_ASSIGN_OR_RETURN(previous,
                            sealer_.Open(rows[0][1], "tokens.refresh_token", record.appid));
    if (refresh.empty()) refresh = held;
    if (!held.empty() && !(refresh == held)) previous = held;
  }
  DATONG_ASSIGN_OR_RETURN(std::string access_sealed,
                          sealer_.Seal(record.access_token, "tokens.access_token", record.appid));
  DATONG_ASSIGN_OR_RETURN(std::string refresh_sealed,
                          sealer_.Seal(refresh, "tokens.refresh_token", record.appid));
  DATONG_ASSIGN_OR_RETURN(std::string previous_sealed,
                          sealer_.Seal(previous, "tokens.refresh_token", record.appid));
  const pqxx::result written =
      work.exec_params(kWriteSql, record.appid, pqxx::binarystring(access_sealed),
                       pqxx::binarystring(refresh_sealed), pqxx::binarystring(previous_sealed),
                       ToMicros(record.fetched), ToMicros(record.expires));
  const auto generation = written[0][0].as<int64_t>();
  TellReplicas(work, record.appid, generation);
  return generation;
}

absl::StatusOr<int64_t> PostgresTokenStore::Save(const Lease& lease, const TokenRecord& record,
                                                 Deadline deadline) {
  return pool_.Query<int64_t>(
      "save_token", deadline, [&](pqxx::work& work) -> absl::StatusOr<int64_t> {
        DATONG_RETURN_IF_ERROR(Fence(work, lease));
        const pqxx::result rows = work.exec_params(
            "SELECT generation FROM broker.tokens WHERE appid = $1 FOR UPDATE", record.appid);
        const int64_t held = rows.empty() ? 0 : rows[0][0].as<int64_t>();
        if (held != record.generation) return TokenSuperseded(record.appid);
        return Write(work, lease, record);
      });
}

absl::Status PostgresTokenStore::SaveTicket(const std::string& component, const Ticket& ticket,
                                            Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::string sealed,
                          sealer_.Seal(ticket.value, "tickets.ticket", component));
  return pool_.Transact("save_ticket", deadline, [&](pqxx::work& work) -> absl::Status {
    work.exec_params(kSaveTicketSql, component, pqxx::binarystring(sealed),
                     ToMicros(ticket.created), ToMicros(ticket.received));
    TellReplicas(work, component);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::optional<Ticket>> PostgresTokenStore::GetTicket(const std::string& component,
                                                                    Deadline deadline) {
  return pool_.Query<std::optional<Ticket>>(
      "get_ticket", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::optional<Ticket>> {
        const pqxx::result rows = work.exec_params(
            "SELECT ticket, (extract(epoch FROM created_at) * 1000000)::bigint, "
            "(extract(epoch FROM received_at) * 1000000)::bigint "
            "FROM broker.tickets WHERE component = $1",
            component);
        if (rows.empty()) return std::optional<Ticket>();
        Ticket ticket;
        DATONG_ASSIGN_OR_RETURN(ticket.value,
                                sealer_.Open(rows[0][0], "tickets.ticket", component));
        ticket.created = FromMicros(rows[0][1]);
        ticket.received = FromMicros(rows[0][2]);
        return std::optional<Ticket>(std::move(ticket));
      },
      kReadOnly);
}

absl::StatusOr<std::optional<Lease>> PostgresTokenStore::TryAcquire(const std::string& key,
                                                                    absl::Duration ttl,
                                                                    Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::optional<postgres::Lease> lease,
                          leases_.Acquire(key, ttl, deadline));
  if (!lease.has_value()) return std::optional<Lease>();
  return std::optional<Lease>(Lease{lease->name, lease->epoch});
}

absl::StatusOr<std::vector<std::string>> PostgresTokenStore::Renew(const std::vector<Lease>& leases,
                                                                   absl::Duration ttl,
                                                                   Deadline deadline) {
  std::vector<postgres::Lease> held;
  for (const Lease& lease : leases) held.push_back(Held(lease));
  return leases_.RenewAll(held, ttl, deadline);
}

void PostgresTokenStore::Release(const Lease& lease) {
  leases_.Release(Held(lease), Deadline::After(absl::Seconds(2))).IgnoreError();
}

}  // namespace datong::broker
