#include "services/broker/store/postgres_js_ticket_store.h"

#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "services/broker/core/errors.h"

namespace datong::broker {
namespace {

constexpr postgres::TransactOptions kReadOnly{.retry_conflicts = false, .read_only = true};

constexpr char kSaveSql[] = R"sql(
  INSERT INTO broker.js_tickets AS held (appid, type, ticket, fetched_at, expires_at, generation)
  VALUES ($1, $2, $3, to_timestamp($4::bigint / 1e6), to_timestamp($5::bigint / 1e6), 1)
  ON CONFLICT (appid, type) DO UPDATE
    SET ticket = excluded.ticket, fetched_at = excluded.fetched_at,
        expires_at = excluded.expires_at, generation = held.generation + 1
  RETURNING generation)sql";

std::string RecordOf(const std::string& appid, JsTicketType type) {
  return absl::StrCat(appid, "/", static_cast<int>(type));
}

}  // namespace

absl::StatusOr<std::optional<JsTicket>> PostgresJsTicketStore::LoadJsTicket(
    const std::string& appid, JsTicketType type, Deadline deadline) {
  return pool_.Query<std::optional<JsTicket>>(
      "load_js_ticket", deadline,
      [&](pqxx::work& work) -> absl::StatusOr<std::optional<JsTicket>> {
        const pqxx::result rows = work.exec_params(
            "SELECT ticket, (extract(epoch FROM fetched_at) * 1000000)::bigint, "
            "(extract(epoch FROM expires_at) * 1000000)::bigint, generation "
            "FROM broker.js_tickets WHERE appid = $1 AND type = $2",
            appid, static_cast<int>(type));
        if (rows.empty()) return std::optional<JsTicket>();
        JsTicket ticket;
        ticket.appid = appid;
        ticket.type = type;
        DATONG_ASSIGN_OR_RETURN(
            ticket.ticket, sealer_.Open(rows[0][0], "js_tickets.ticket", RecordOf(appid, type)));
        ticket.fetched = FromMicros(rows[0][1]);
        ticket.expires = FromMicros(rows[0][2]);
        ticket.generation = rows[0][3].as<int64_t>();
        return std::optional<JsTicket>(std::move(ticket));
      },
      kReadOnly);
}

absl::StatusOr<int64_t> PostgresJsTicketStore::SaveJsTicket(const Lease& lease,
                                                            const JsTicket& ticket,
                                                            Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(std::string sealed, sealer_.Seal(ticket.ticket, "js_tickets.ticket",
                                                           RecordOf(ticket.appid, ticket.type)));
  return pool_.Query<int64_t>(
      "save_js_ticket", deadline, [&](pqxx::work& work) -> absl::StatusOr<int64_t> {
        DATONG_RETURN_IF_ERROR(tokens_.Fence(work, lease));
        const pqxx::result rows = work.exec_params(
            "SELECT generation FROM broker.js_tickets WHERE appid = $1 AND type = $2 FOR UPDATE",
            ticket.appid, static_cast<int>(ticket.type));
        const int64_t held = rows.empty() ? 0 : rows[0][0].as<int64_t>();
        if (held != ticket.generation) return TokenSuperseded(ticket.appid);
        const pqxx::result written = work.exec_params(
            kSaveSql, ticket.appid, static_cast<int>(ticket.type), pqxx::binarystring(sealed),
            ToMicros(ticket.fetched), ToMicros(ticket.expires));
        return written[0][0].as<int64_t>();
      });
}

}  // namespace datong::broker
