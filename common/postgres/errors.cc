#include "common/postgres/errors.h"

#include <pqxx/pqxx>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/status/error.h"

namespace datong::postgres {
namespace {

constexpr char kDomain[] = "postgres.datong";

absl::Status Error(absl::StatusCode code, const char* reason, absl::string_view sentence,
                   absl::string_view cause, absl::string_view sqlstate = "") {
  cause = absl::StripTrailingAsciiWhitespace(cause);
  ErrorInfo info{kDomain, reason, {{"cause", std::string(cause)}}};
  if (!sqlstate.empty()) info.metadata["sqlstate"] = std::string(sqlstate);
  return MakeError(code, absl::StrCat(sentence, " Cause: ", cause), info);
}

}  // namespace

absl::Status DatabaseUnavailable(absl::string_view cause) {
  return Error(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE",
               "The database cannot be reached; retry later.", cause);
}

absl::Status DatabaseTimeout(absl::string_view cause) {
  return Error(absl::StatusCode::kDeadlineExceeded, "DATABASE_TIMEOUT",
               "The database did not answer in time.", cause);
}

absl::Status StatusFromSqlState(absl::string_view sqlstate, absl::string_view message) {
  // The lines behind the first (DETAIL, CONTEXT) quote rows.
  if (!sqlstate.empty()) message = message.substr(0, message.find('\n'));
  const absl::string_view cls = sqlstate.substr(0, 2);
  if (sqlstate == "57014" || sqlstate == "55P03") return DatabaseTimeout(message);
  if (sqlstate == "40001" || sqlstate == "40P01") {
    return Error(absl::StatusCode::kAborted, "DATABASE_CONFLICT",
                 "Another transaction got in the way; redo the whole operation.", message,
                 sqlstate);
  }
  if (sqlstate == "23505") {
    return Error(absl::StatusCode::kAlreadyExists, "DATABASE_DUPLICATE",
                 "A row with this key exists already.", message, sqlstate);
  }
  if (cls == "22") {
    return Error(absl::StatusCode::kInvalidArgument, "DATABASE_VALUE_REFUSED",
                 "The database refused a value.", message, sqlstate);
  }
  // 25006: a standby after a failover; 57P0x: the server is stopping or starting.
  if (sqlstate.empty() || cls == "08" || cls == "53" || cls == "57" || sqlstate == "25006" ||
      sqlstate == "25P03") {
    return DatabaseUnavailable(message);
  }
  return Error(absl::StatusCode::kInternal, "DATABASE_ERROR", "The database refused a statement.",
               message, sqlstate);
}

absl::Status StatusFromException(std::string* error_class) {
  std::string unused;
  std::string& cls = error_class != nullptr ? *error_class : unused;
  try {
    throw;
  } catch (const pqxx::sql_error& error) {
    // libpqxx leaves the SQLSTATE empty when the connection went before an answer came.
    const std::string& sqlstate = error.sqlstate();
    cls = sqlstate.empty() ? "conn" : sqlstate.substr(0, 2);
    return StatusFromSqlState(sqlstate, error.what());
  } catch (const pqxx::deadlock_detected& error) {
    cls = "40";
    return StatusFromSqlState("40P01", error.what());
  } catch (const pqxx::statement_completion_unknown& error) {
    cls = "conn";
    return DatabaseUnavailable(error.what());
  } catch (const pqxx::transaction_rollback& error) {
    cls = "40";
    return StatusFromSqlState("40001", error.what());
  } catch (const pqxx::broken_connection& error) {
    cls = "conn";
    return DatabaseUnavailable(error.what());
  } catch (const pqxx::in_doubt_error& error) {
    cls = "conn";
    return DatabaseUnavailable(error.what());
  } catch (const std::exception& error) {
    cls = "other";
    return Error(absl::StatusCode::kInternal, "DATABASE_ERROR",
                 "An answer of the database could not be used.", error.what());
  } catch (...) {
    cls = "other";
    return Error(absl::StatusCode::kInternal, "DATABASE_ERROR",
                 "A transaction ended by something that is no exception.", "unknown");
  }
}

}  // namespace datong::postgres
