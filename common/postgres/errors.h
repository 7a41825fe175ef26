#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace datong::postgres {

// The status of an SQLSTATE, as Pool::Transact documents them. `message` is the server's, for logs.
absl::Status StatusFromSqlState(absl::string_view sqlstate, absl::string_view message);

// UNAVAILABLE/DATABASE_UNAVAILABLE.
absl::Status DatabaseUnavailable(absl::string_view cause);
// DEADLINE_EXCEEDED/DATABASE_TIMEOUT.
absl::Status DatabaseTimeout(absl::string_view cause);

// What libpqxx threw, as a status; call it inside a catch block. `error_class`, if given, receives
// the class for metrics: the first two characters of the SQLSTATE, "conn" or "other".
absl::Status StatusFromException(std::string* error_class = nullptr);

}  // namespace datong::postgres
