#include "services/broker/store/key_keeper.h"

#include <utility>

#include "common/log/log.h"
#include "common/status/macros.h"

namespace datong::broker {
namespace {

constexpr char kRecordsName[] = "datong_crypto_records";
constexpr char kRecordsHelp[] = "Sealed values by the key that they need.";

}  // namespace

KeyKeeper::KeyKeeper(std::string folder, crypto::Envelope& envelope, postgres::Pool& pool,
                     metrics::Registry& registry)
    : folder_(std::move(folder)),
      envelope_(envelope),
      rewrapper_(pool, envelope),
      registry_(registry) {
  for (const std::string& id : envelope.keys()->ids()) {
    records_[id] = &registry.AddGauge(kRecordsName, kRecordsHelp, {{"key_id", id}});
  }
}

void KeyKeeper::FollowFolder() {
  absl::StatusOr<crypto::KeyRing> keys = crypto::KeyRing::Load(folder_);
  if (!keys.ok()) {
    const std::string fault(keys.status().message());
    if (fault != last_fault_) LogError("the key folder is not taken", {{"cause", fault}});
    last_fault_ = fault;
    return;
  }
  last_fault_.clear();
  if (*keys == *envelope_.keys()) return;
  LogInfo("keys changed", {{"active_key", keys->active_id()}});
  envelope_.SetKeys(*std::move(keys));
}

absl::Status KeyKeeper::CountRecords(Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(auto counts, rewrapper_.CountByKey(deadline));
  for (const std::string& id : envelope_.keys()->ids()) counts.try_emplace(id, 0);
  for (auto it = records_.begin(); it != records_.end();) {
    if (counts.count(it->first) > 0) {
      ++it;
      continue;
    }
    registry_.RemoveGauge(kRecordsName, {{"key_id", it->first}});
    it = records_.erase(it);
  }
  for (const auto& [id, count] : counts) {
    metrics::Gauge*& gauge = records_[id];
    if (gauge == nullptr) {
      gauge = &registry_.AddGauge(kRecordsName, kRecordsHelp, {{"key_id", id}});
    }
    gauge->Set(static_cast<double>(count));
  }
  return absl::OkStatus();
}

}  // namespace datong::broker
