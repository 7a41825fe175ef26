#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/secret.h"
#include "common/time/deadline.h"
#include "services/broker/core/token_store.h"

namespace datong::broker {

// Numbers as in datong.broker.v1 and in the database.
enum class JsTicketType { kJsapi = 1, kWxCard = 2 };

struct JsTicket {
  std::string appid;
  JsTicketType type = JsTicketType::kJsapi;
  Secret ticket;
  absl::Time fetched;
  absl::Time expires;
  int64_t generation = 0;  // grows with every write
};

// jsapi_ticket and wx_card tickets, sealed. Thread-safe; every call is one transaction and blocks
// until its deadline. Errors of all: those of postgres::Pool.
class JsTicketStore {
 public:
  virtual ~JsTicketStore() = default;

  virtual absl::StatusOr<std::optional<JsTicket>> LoadJsTicket(const std::string& appid,
                                                               JsTicketType type,
                                                               Deadline deadline) = 0;
  // Writes the ticket over the one of `ticket.generation` (0: there is none yet) and answers the
  // next generation. Errors: ABORTED/LEASE_LOST when `lease` is no longer the newest,
  // ABORTED/TOKEN_SUPERSEDED when another was written meanwhile.
  virtual absl::StatusOr<int64_t> SaveJsTicket(const Lease& lease, const JsTicket& ticket,
                                               Deadline deadline) = 0;
};

}  // namespace datong::broker
