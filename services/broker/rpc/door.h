#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/rpc/gate.h"
#include "services/broker/core/app_store.h"
#include "services/broker/core/audit_log.h"

namespace datong::broker {

// What the gate asks of the broker: the kinds of apps, by which the policy may grant, and a row of
// the audit for each call that was refused. Thread-safe.
class Door {
 public:
  Door(AppStore& apps, AuditLog& audit) : apps_(apps), audit_(audit) {}

  // "mini_program"; "" when there is no such app, or it cannot be asked for. Blocks.
  std::string KindOfApp(absl::string_view project, absl::string_view app) const;
  void Record(const rpc::Denial& denial);

 private:
  AppStore& apps_;
  AuditLog& audit_;
};

}  // namespace datong::broker
