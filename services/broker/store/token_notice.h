#pragma once

#include <pqxx/pqxx>
#include <string>

#include "absl/strings/str_cat.h"
#include "services/broker/core/token_notice.h"

namespace datong::broker {

inline constexpr char kTokenChannel[] = "datong_broker_tokens";

// Tells all replicas, once the transaction commits, that the token or the state of the app is
// another one, and ends what failures held back: whatever changed deserves a new try.
// `generation` is that of the token written, or 0.
inline void TellReplicas(pqxx::transaction_base& work, const std::string& appid,
                         int64_t generation = 0) {
  work.exec_params(
      "UPDATE broker.token_health SET held_until = NULL, failures = 0, "
      "prepared_epoch = CASE WHEN $2 THEN NULL ELSE prepared_epoch END WHERE appid = $1",
      appid, generation > 0);
  work.exec_params("SELECT pg_notify($1, $2)", kTokenChannel,
                   TokenNotice{appid, generation}.ToText());
}

}  // namespace datong::broker
