#pragma once

#include <optional>
#include <string>

#include "common/crypto/envelope.h"
#include "common/postgres/pool.h"
#include "services/broker/core/js_ticket_store.h"
#include "services/broker/store/postgres_token_store.h"
#include "services/broker/store/sealer.h"

namespace datong::broker {

// broker.js_tickets, written under the leases of `tokens`.
class PostgresJsTicketStore : public JsTicketStore {
 public:
  PostgresJsTicketStore(postgres::Pool& pool, const crypto::Envelope& envelope,
                        const PostgresTokenStore& tokens)
      : pool_(pool), sealer_(envelope), tokens_(tokens) {}

  absl::StatusOr<std::optional<JsTicket>> LoadJsTicket(const std::string& appid, JsTicketType type,
                                                       Deadline deadline) override;
  absl::StatusOr<int64_t> SaveJsTicket(const Lease& lease, const JsTicket& ticket,
                                       Deadline deadline) override;

 private:
  postgres::Pool& pool_;
  const Sealer sealer_;
  const PostgresTokenStore& tokens_;
};

}  // namespace datong::broker
