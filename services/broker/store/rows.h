#pragma once

#include <optional>
#include <pqxx/pqxx>
#include <string>

#include "absl/status/statusor.h"
#include "services/broker/core/types.h"

namespace datong::broker {

// Columns in the order in which the Read functions want them.
extern const char kAppColumns[];
extern const char kAuthorizationColumns[];

App ReadApp(const pqxx::row& row);
Authorization ReadAuthorization(const pqxx::row& row);

// Nothing when there is no such row.
std::optional<App> FindApp(pqxx::transaction_base& work, const std::string& appid);
std::optional<Authorization> FindAuthorization(pqxx::transaction_base& work,
                                               const std::string& appid);

}  // namespace datong::broker
