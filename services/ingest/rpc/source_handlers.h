#pragma once

#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "datong/ingest/v1/source.pb.h"
#include "services/ingest/core/source_registry.h"

namespace datong::ingest {

// Answers the RPCs of datong.ingest.v1.SourceService. Thread-safe. `sources` must outlive it.
class SourceHandlers {
 public:
  explicit SourceHandlers(SourceRegistry& sources) : sources_(sources) {}

  absl::StatusOr<v1::RegisterProjectResponse> RegisterProject(
      const rpc::CallContext& call, const v1::RegisterProjectRequest& request);
  absl::StatusOr<v1::CreateSourceResponse> CreateSource(const rpc::CallContext& call,
                                                        const v1::CreateSourceRequest& request);
  absl::StatusOr<v1::GetSourceResponse> GetSource(const rpc::CallContext& call,
                                                  const v1::GetSourceRequest& request);
  absl::StatusOr<v1::ListSourcesResponse> ListSources(const rpc::CallContext& call,
                                                      const v1::ListSourcesRequest& request);
  absl::StatusOr<v1::UpdateSourceResponse> UpdateSource(const rpc::CallContext& call,
                                                        const v1::UpdateSourceRequest& request);
  absl::StatusOr<v1::EnsurePushSourceResponse> EnsurePushSource(
      const rpc::CallContext& call, const v1::EnsurePushSourceRequest& request);

 private:
  SourceRegistry& sources_;
};

// The project and the last part of `projects/{project}/sources/{source}`.
// Errors: INVALID_ARGUMENT/SOURCE_NAME_INVALID.
struct SourceName {
  std::string project;
  std::string source;
};
absl::StatusOr<SourceName> ParseSourceName(absl::string_view name);

}  // namespace datong::ingest
