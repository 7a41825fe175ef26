#include "common/postgres/lease.h"

#include "absl/strings/str_cat.h"
#include "common/status/error.h"
#include "common/status/macros.h"

namespace datong::postgres {
namespace {

absl::Status LeaseLost(const Lease& lease) {
  return MakeError(absl::StatusCode::kAborted,
                   absl::StrCat("The lease \"", lease.name, "\" is held by another by now."),
                   {"postgres.datong", "LEASE_LOST", {{"lease", lease.name}}});
}

absl::Time TimeFromMicros(const pqxx::field& field) {
  return absl::FromUnixMicros(field.as<int64_t>());
}

}  // namespace

LeaseTable::LeaseTable(Pool& pool, std::string table, std::string holder,
                       metrics::Registry& registry, const char* kind)
    : pool_(pool),
      table_(std::move(table)),
      holder_(std::move(holder)),
      held_(registry.AddGauge("datong_lease_held", "Leases that this process holds.",
                              {{"lease", kind}})),
      transitions_(registry.AddCounter("datong_lease_transitions_total",
                                       "Leases taken by this process, and lost by it.",
                                       {{"lease", kind}})) {}

absl::StatusOr<std::optional<Lease>> LeaseTable::Acquire(const std::string& name,
                                                         absl::Duration ttl, Deadline deadline) {
  const std::string sql = absl::StrCat(
      "INSERT INTO ", table_,
      " AS held (name, holder, epoch, expires_at) VALUES ($1, $2, 1, clock_timestamp() + "
      "$3 * interval '1 ms') ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, "
      "epoch = held.epoch + 1, expires_at = excluded.expires_at "
      "WHERE held.expires_at <= clock_timestamp() "
      "RETURNING epoch, (extract(epoch FROM expires_at) * 1000000)::bigint");
  auto lease = pool_.Query<std::optional<Lease>>(
      "acquire_lease", deadline, [&](pqxx::work& work) -> absl::StatusOr<std::optional<Lease>> {
        const pqxx::result rows =
            work.exec_params(sql, name, holder_, absl::ToInt64Milliseconds(ttl));
        if (rows.empty()) return std::nullopt;
        return Lease{name, holder_, rows[0][0].as<int64_t>(), TimeFromMicros(rows[0][1])};
      });
  if (lease.ok() && lease->has_value()) {
    held_.Increment();
    transitions_.Increment();
  }
  return lease;
}

absl::Status LeaseTable::Renew(Lease& lease, absl::Duration ttl, Deadline deadline) {
  const std::string sql =
      absl::StrCat("UPDATE ", table_,
                   " SET expires_at = clock_timestamp() + $3 * interval '1 ms' "
                   "WHERE name = $1 AND epoch = $2 AND expires_at > '-infinity' "
                   "RETURNING (extract(epoch FROM expires_at) * 1000000)::bigint");
  absl::Status status =
      pool_.Transact("renew_lease", deadline, [&](pqxx::work& work) -> absl::Status {
        const pqxx::result rows =
            work.exec_params(sql, lease.name, lease.epoch, absl::ToInt64Milliseconds(ttl));
        if (rows.empty()) return LeaseLost(lease);
        lease.expires_at = TimeFromMicros(rows[0][0]);
        return absl::OkStatus();
      });
  if (GetReason(status) == "LEASE_LOST") {
    held_.Decrement();
    transitions_.Increment();
  }
  return status;
}

absl::StatusOr<std::vector<std::string>> LeaseTable::RenewAll(const std::vector<Lease>& leases,
                                                              absl::Duration ttl,
                                                              Deadline deadline) {
  const std::string sql =
      absl::StrCat("UPDATE ", table_,
                   " SET expires_at = clock_timestamp() + $3 * interval '1 ms' "
                   "WHERE name = $1 AND epoch = $2 AND expires_at > '-infinity'");
  auto held = pool_.Query<std::vector<std::string>>(
      "renew_leases", deadline, [&](pqxx::work& work) -> absl::StatusOr<std::vector<std::string>> {
        std::vector<std::string> names;
        for (const Lease& lease : leases) {
          const pqxx::result renewed =
              work.exec_params(sql, lease.name, lease.epoch, absl::ToInt64Milliseconds(ttl));
          if (renewed.affected_rows() == 1) names.push_back(lease.name);
        }
        return names;
      });
  if (held.ok() && held->size() < leases.size()) {
    const auto lost = static_cast<double>(leases.size() - held->size());
    held_.Decrement(lost);
    transitions_.Increment(lost);
  }
  return held;
}

absl::Status LeaseTable::Release(const Lease& lease, Deadline deadline) {
  bool released = false;
  const absl::Status status =
      pool_.Transact("release_lease", deadline, [&](pqxx::work& work) -> absl::Status {
        released = work.exec_params(absl::StrCat("UPDATE ", table_,
                                                 " SET expires_at = '-infinity' "
                                                 "WHERE name = $1 AND epoch = $2 "
                                                 "AND expires_at > '-infinity'"),
                                    lease.name, lease.epoch)
                       .affected_rows() == 1;
        return absl::OkStatus();
      });
  // Where the database could not be told, the lease runs out by itself.
  if (released || !status.ok()) held_.Decrement();
  return status;
}

absl::Status LeaseTable::Fence(pqxx::work& work, const Lease& lease) const {
  const pqxx::result rows = work.exec_params(absl::StrCat("SELECT FROM ", table_,
                                                          " WHERE name = $1 AND epoch = $2 "
                                                          "AND expires_at > '-infinity' FOR SHARE"),
                                             lease.name, lease.epoch);
  return rows.empty() ? LeaseLost(lease) : absl::OkStatus();
}

}  // namespace datong::postgres
