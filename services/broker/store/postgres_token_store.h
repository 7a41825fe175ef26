#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/crypto/envelope.h"
#include "common/postgres/lease.h"
#include "common/postgres/pool.h"
#include "services/broker/core/token_store.h"
#include "services/broker/store/sealer.h"

namespace datong::broker {

// broker.tokens, broker.tickets and broker.leases.
class PostgresTokenStore : public TokenStore {
 public:
  // `holder` is unique to this process.
  PostgresTokenStore(postgres::Pool& pool, const crypto::Envelope& envelope, std::string holder,
                     metrics::Registry& registry);

  absl::StatusOr<std::vector<TokenVersion>> ListVersions(Deadline deadline) override;
  absl::StatusOr<std::optional<TokenRecord>> Load(const std::string& appid,
                                                  Deadline deadline) override;
  absl::StatusOr<int64_t> Save(const Lease& lease, const TokenRecord& record,
                               Deadline deadline) override;
  absl::Status SaveTicket(const std::string& component, const Ticket& ticket,
                          Deadline deadline) override;
  absl::StatusOr<std::optional<Ticket>> GetTicket(const std::string& component,
                                                  Deadline deadline) override;
  absl::StatusOr<std::optional<Lease>> TryAcquire(const std::string& key, absl::Duration ttl,
                                                  Deadline deadline) override;
  absl::StatusOr<std::vector<std::string>> Renew(const std::vector<Lease>& leases,
                                                 absl::Duration ttl, Deadline deadline) override;
  void Release(const Lease& lease) override;

  // Within a transaction: refuses a lost lease (ABORTED/LEASE_LOST) and writes the record. Shared
  // with the exchange of authorisation codes, which writes more in the same transaction.
  absl::StatusOr<int64_t> Write(pqxx::work& work, const Lease& lease, const TokenRecord& record);
  // Within a transaction: the record, and whether the lease is still ours (ABORTED/LEASE_LOST),
  // which any other write under a lease asks too.
  absl::StatusOr<std::optional<TokenRecord>> Read(pqxx::work& work, const std::string& appid) const;
  absl::Status Fence(pqxx::work& work, const Lease& lease) const;

 private:
  postgres::Lease Held(const Lease& lease) const;

  postgres::Pool& pool_;
  const Sealer sealer_;
  const std::string holder_;
  postgres::LeaseTable leases_;
};

}  // namespace datong::broker
