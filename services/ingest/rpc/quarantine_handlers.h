#pragma once

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/ingest/v1/quarantine.pb.h"
#include "services/ingest/core/replayer.h"
#include "services/ingest/core/source_registry.h"

namespace datong::ingest {

// Answers the RPCs of datong.ingest.v1.QuarantineService. Thread-safe. What it is given must
// outlive it.
class QuarantineHandlers {
 public:
  QuarantineHandlers(SourceRegistry& sources, QuarantineStore& store, Replayer& replayer)
      : sources_(sources), store_(store), replayer_(replayer) {}

  absl::StatusOr<v1::ListQuarantinedEventsResponse> ListQuarantinedEvents(
      const rpc::CallContext& call, const v1::ListQuarantinedEventsRequest& request);
  absl::StatusOr<v1::ReplayQuarantinedEventsResponse> ReplayQuarantinedEvents(
      const rpc::CallContext& call, const v1::ReplayQuarantinedEventsRequest& request);

 private:
  absl::StatusOr<QuarantineFilter> MakeFilter(const std::string& project, const std::string& source,
                                              const std::string& reason, Deadline deadline);

  SourceRegistry& sources_;
  QuarantineStore& store_;
  Replayer& replayer_;
};

}  // namespace datong::ingest
