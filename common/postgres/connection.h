#pragma once

#include <libpq-fe.h>

#include <pqxx/pqxx>

#include "common/base/secret.h"
#include "common/time/deadline.h"

namespace datong::postgres {

// How a Connection connects: within its deadline, and once. libpqxx 6 would otherwise reconnect in
// silence after a loss, and the session's settings would be gone.
class ConnectOnce : public pqxx::connectionpolicy {
 public:
  ConnectOnce(const Secret& dsn, Deadline deadline)
      : pqxx::connectionpolicy(""), dsn_(dsn), deadline_(deadline) {}
  handle do_startconnect(handle old) override;

 private:
  const Secret& dsn_;
  Deadline deadline_;
  bool used_ = false;
};

// A libpqxx connection that never comes back after a loss. Throws what libpqxx throws.
class Connection : public pqxx::connection_base {
 public:
  // `dsn` must outlive the connection. Throws pqxx::broken_connection.
  Connection(const Secret& dsn, Deadline deadline);
  ~Connection() noexcept;

  PGconn* raw() const { return raw_; }

 private:
  class Policy : public ConnectOnce {
   public:
    Policy(const Secret& dsn, Deadline deadline, PGconn*& raw)
        : ConnectOnce(dsn, deadline), raw_(raw) {}
    handle do_startconnect(handle old) override { return raw_ = ConnectOnce::do_startconnect(old); }

   private:
    PGconn*& raw_;
  };

  PGconn* raw_ = nullptr;
  Policy policy_;
};

}  // namespace datong::postgres
