#pragma once

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "common/time/clock.h"
#include "datong/identity/v1/privacy.pb.h"
#include "services/identity/core/graph_store.h"
#include "services/identity/core/privacy_metrics.h"
#include "services/identity/core/privacy_store.h"

namespace datong::identity {

// Answers the RPCs of datong.identity.v1.PrivacyService and RecordService. Errors: as the proto
// says. Thread-safe. What it is given must outlive it.
class PrivacyHandlers {
 public:
  PrivacyHandlers(GraphStore& graph, PrivacyStore& privacy, PrivacyMetrics& metrics,
                  const Clock& clock)
      : graph_(graph), privacy_(privacy), metrics_(metrics), clock_(clock) {}

  absl::StatusOr<v1::ExportPersonResponse> ExportPerson(const rpc::CallContext& call,
                                                        const v1::ExportPersonRequest& request);
  absl::StatusOr<v1::ListErasuresResponse> ListErasures(const rpc::CallContext& call,
                                                        const v1::ListErasuresRequest& request);
  absl::StatusOr<v1::PutRecordResponse> PutRecord(const rpc::CallContext& call,
                                                  const v1::PutRecordRequest& request);
  absl::StatusOr<v1::ListRecordsResponse> ListRecords(const rpc::CallContext& call,
                                                      const v1::ListRecordsRequest& request);

 private:
  absl::StatusOr<v1::ExportPersonResponse> Export(const rpc::CallContext& call,
                                                  const v1::ExportPersonRequest& request);

  GraphStore& graph_;
  PrivacyStore& privacy_;
  PrivacyMetrics& metrics_;
  const Clock& clock_;
};

}  // namespace datong::identity
