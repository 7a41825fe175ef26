#pragma once

#include <string>

#include "absl/time/time.h"
#include "datong/datacube/v1/statistics.pb.h"
#include "datong/datacube/v1/sync.pb.h"
#include "services/datacube/core/store.h"

// Our types as messages.
namespace datong::datacube {

void SetTimestamp(absl::Time time, google::protobuf::Timestamp& timestamp);
std::string AppResource(const AppKey& app);
v1::SyncRun RunMessage(const SyncRun& run);
v1::ApiFreshness FreshnessMessage(const ApiSnapshot& snapshot, absl::Time now);
v1::StatisticRow RowMessage(const std::string& project, v1::Metric metric, const StatisticRow& row);

}  // namespace datong::datacube
