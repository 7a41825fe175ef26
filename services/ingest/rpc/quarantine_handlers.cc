#include "services/ingest/rpc/quarantine_handlers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/names.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "services/ingest/core/errors.h"
#include "services/ingest/rpc/source_handlers.h"

namespace datong::ingest {
namespace {

constexpr int kMostReplayed = 1'000;

void ToProto(int64_t micros, google::protobuf::Timestamp* out) {
  out->set_seconds(micros / 1'000'000);
  out->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
}

absl::Status FilterInvalid(absl::string_view field, absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, absl::StrCat(field, " ", problem, "."),
                   {kErrorDomain, "FILTER_INVALID", {{"field", std::string(field)}}});
}

}  // namespace

absl::StatusOr<QuarantineFilter> QuarantineHandlers::MakeFilter(const std::string& project,
                                                                const std::string& source,
                                                                const std::string& reason,
                                                                Deadline deadline) {
  DATONG_ASSIGN_OR_RETURN(const std::string id, rpc::ParseProjectName(project));
  DATONG_ASSIGN_OR_RETURN(const Project known, sources_.GetProject(id, deadline));
  QuarantineFilter filter;
  filter.tenant_id = known.number;
  if (!source.empty()) {
    DATONG_ASSIGN_OR_RETURN(const SourceName name, ParseSourceName(source));
    if (name.project != id) return FilterInvalid("source", "is of another project");
    DATONG_ASSIGN_OR_RETURN(const SourcePtr found,
                            sources_.Get(name.project, name.source, deadline));
    filter.source_id = found->number;
  }
  if (!reason.empty()) {
    filter.reason = ReasonFromName(reason);
    if (filter.reason == Reason::kNone) return FilterInvalid("reason", "is not one of the list");
  }
  return filter;
}

absl::StatusOr<v1::ListQuarantinedEventsResponse> QuarantineHandlers::ListQuarantinedEvents(
    const rpc::CallContext& call, const v1::ListQuarantinedEventsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(QuarantineFilter filter, MakeFilter(request.project(), request.source(),
                                                              request.reason(), call.deadline));
  filter.show_replayed = request.show_replayed();
  DATONG_ASSIGN_OR_RETURN(const int32_t size, rpc::PageSize(request.page_size()));
  const std::string list = absl::StrCat("quarantine:", request.project(), "|", request.source(),
                                        "|", request.reason(), "|", request.show_replayed());
  DATONG_ASSIGN_OR_RETURN(const std::string last, rpc::ReadPageToken(request.page_token(), list));
  int64_t before = 0;
  if (!last.empty()) static_cast<void>(absl::SimpleAtoi(last, &before));
  DATONG_ASSIGN_OR_RETURN(const std::vector<QuarantineItem> items,
                          store_.List(filter, before, size + 1, call.deadline));
  v1::ListQuarantinedEventsResponse response;
  const std::shared_ptr<const SourceSnapshot> snapshot = sources_.Snapshot();
  for (const QuarantineItem& item : items) {
    if (response.events_size() == size) {
      const absl::string_view name = response.events(size - 1).name();
      response.set_next_page_token(rpc::MakePageToken(name.substr(name.rfind('/') + 1), list));
      break;
    }
    v1::QuarantinedEvent& event = *response.add_events();
    event.set_name(absl::StrCat(request.project(), "/quarantinedEvents/", item.id));
    if (const SourcePtr source = snapshot->ByNumber(item.source_id)) {
      event.set_source(source->Name());
    }
    ToProto(item.received_us, event.mutable_receive_time());
    event.set_dialect(item.dialect);
    event.set_reason(ReasonName(item.reason));
    event.set_detail(item.detail);
    event.set_raw(item.raw);
    event.set_raw_bytes(item.raw_bytes);
    if (item.replayed_us != 0) ToProto(item.replayed_us, event.mutable_replay_time());
  }
  return response;
}

absl::StatusOr<v1::ReplayQuarantinedEventsResponse> QuarantineHandlers::ReplayQuarantinedEvents(
    const rpc::CallContext& call, const v1::ReplayQuarantinedEventsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(QuarantineFilter filter, MakeFilter(request.project(), request.source(),
                                                              request.reason(), call.deadline));
  const std::string prefix = absl::StrCat(request.project(), "/quarantinedEvents/");
  for (const std::string& name : request.names()) {
    int64_t id = 0;
    if (name.rfind(prefix, 0) != 0 || !absl::SimpleAtoi(name.substr(prefix.size()), &id)) {
      return FilterInvalid("names", "holds no quarantinedEvents of this project");
    }
    filter.ids.push_back(id);
  }
  if (request.limit() < 0) return FilterInvalid("limit", "is below 0");
  const int limit = request.limit() == 0 ? kMostReplayed : std::min(request.limit(), kMostReplayed);
  DATONG_ASSIGN_OR_RETURN(const ReplayReport report,
                          replayer_.Replay(filter, limit, call.deadline));
  v1::ReplayQuarantinedEventsResponse response;
  response.set_tried(report.tried);
  response.set_stored(report.stored);
  response.set_duplicate(report.duplicate);
  response.set_failed(report.failed);
  response.set_refused(report.refused);
  return response;
}

}  // namespace datong::ingest
