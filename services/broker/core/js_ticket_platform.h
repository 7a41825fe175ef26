#pragma once

#include "absl/status/statusor.h"
#include "common/base/secret.h"
#include "common/time/deadline.h"
#include "services/broker/core/js_ticket_store.h"
#include "services/broker/core/platform_client.h"

namespace datong::broker {

// /cgi-bin/ticket/getticket. Thread-safe; blocks on the network until the deadline. Errors: as of
// PlatformClient.
class JsTicketPlatform {
 public:
  virtual ~JsTicketPlatform() = default;

  virtual absl::StatusOr<FetchedToken> FetchJsTicket(const Secret& token, JsTicketType type,
                                                     Deadline deadline) = 0;
};

}  // namespace datong::broker
