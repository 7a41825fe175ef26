#pragma once

#include <string>

#include "common/http/server.h"

namespace datong::gateway {

// The pages that alerts lead to, as this version's docs/runbooks has them: "/runbooks" lists them,
// "/runbooks/<alert>" shows one, with or without ".md". Thread-safe.
class RunbookHandlers {
 public:
  void RegisterRoutes(http::Router& router) const;
  http::ServerResponse List() const;
  http::ServerResponse Show(const std::string& alert) const;
};

}  // namespace datong::gateway
