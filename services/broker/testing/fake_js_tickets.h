#pragma once

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "services/broker/core/errors.h"
#include "services/broker/core/js_ticket_platform.h"
#include "services/broker/core/js_ticket_store.h"

namespace datong::broker {

// broker.js_tickets in memory; held to the contract of the real one. For tests on one thread.
class FakeJsTicketStore : public JsTicketStore {
 public:
  // A lease that is no longer the newest; its writes are refused.
  std::string lost_lease;

  absl::StatusOr<std::optional<JsTicket>> LoadJsTicket(const std::string& appid, JsTicketType type,
                                                       Deadline) override {
    const auto found = tickets_.find({appid, type});
    if (found == tickets_.end()) return std::optional<JsTicket>();
    return std::optional<JsTicket>(found->second);
  }
  absl::StatusOr<int64_t> SaveJsTicket(const Lease& lease, const JsTicket& ticket,
                                       Deadline) override {
    if (lease.key == lost_lease) return absl::AbortedError("the lease was lost");
    JsTicket& held = tickets_[{ticket.appid, ticket.type}];
    if (held.generation != ticket.generation) return TokenSuperseded(ticket.appid);
    held = ticket;
    return ++held.generation;
  }

 private:
  std::map<std::pair<std::string, JsTicketType>, JsTicket> tickets_;
};

// Makes "ticket-1", "ticket-2", …
class FakeJsTicketPlatform : public JsTicketPlatform {
 public:
  int calls = 0;
  std::vector<std::string> tokens;     // with which it was asked
  std::vector<absl::Status> failures;  // of the next calls

  absl::StatusOr<FetchedToken> FetchJsTicket(const Secret& token, JsTicketType, Deadline) override {
    ++calls;
    tokens.push_back(token.Expose());
    if (!failures.empty()) {
      absl::Status status = failures.front();
      failures.erase(failures.begin());
      return status;
    }
    return FetchedToken{Secret(absl::StrCat("ticket-", ++made_)), absl::Seconds(7200), Secret()};
  }

 private:
  int made_ = 0;
};

}  // namespace datong::broker
