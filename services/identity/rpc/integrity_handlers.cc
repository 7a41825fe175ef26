#include "services/identity/rpc/integrity_handlers.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "services/identity/rpc/convert.h"

namespace datong::identity {

absl::StatusOr<v1::GetIntegrityResponse> IntegrityHandlers::GetIntegrity(
    const rpc::CallContext& call, const v1::GetIntegrityRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const IntegrityView view, policies_.GetIntegrity(project, call.deadline));
  v1::GetIntegrityResponse response;
  response.set_frozen_count(view.frozen);
  response.set_open_incident_count(view.open_incidents);
  if (!view.any) return response;
  ToProto(view.last.began, response.mutable_begin_time());
  ToProto(view.last.ended, response.mutable_end_time());
  response.set_component_count(view.last.components);
  response.set_identifier_count(view.last.identifiers);
  response.set_difference_count(view.last.differences);
  return response;
}

absl::StatusOr<v1::ListFrozenComponentsResponse> IntegrityHandlers::ListFrozenComponents(
    const rpc::CallContext& call, const v1::ListFrozenComponentsRequest& request) {
  const std::string filter = absl::StrCat("frozen\n", request.project());
  DATONG_ASSIGN_OR_RETURN(const int32_t limit, rpc::PageSize(request.page_size()));
  DATONG_ASSIGN_OR_RETURN(const std::string after,
                          rpc::ReadPageToken(request.page_token(), filter));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const PageOf<FrozenView> page,
                          policies_.ListFrozen(project, after, limit, call.deadline));
  v1::ListFrozenComponentsResponse response;
  for (const FrozenView& view : page.items) {
    auto* out = response.add_components();
    out->set_component(view.component);
    out->set_identifier_count(view.ids);
    out->set_record_count(view.records);
    ToProto(view.since, out->mutable_frozen_time());
    for (const std::string& id : view.busiest) out->add_busiest_identifiers(id);
  }
  if (!page.next_key.empty()) {
    response.set_next_page_token(rpc::MakePageToken(page.next_key, filter));
  }
  return response;
}

absl::StatusOr<v1::ListIncidentsResponse> IntegrityHandlers::ListIncidents(
    const rpc::CallContext& call, const v1::ListIncidentsRequest& request) {
  const std::string filter =
      absl::StrCat("incidents\n", request.project(), "\n", request.include_closed());
  DATONG_ASSIGN_OR_RETURN(const int32_t limit, rpc::PageSize(request.page_size()));
  DATONG_ASSIGN_OR_RETURN(const std::string after,
                          rpc::ReadPageToken(request.page_token(), filter));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(
      const PageOf<IncidentView> page,
      policies_.ListIncidents(project, request.include_closed(), after, limit, call.deadline));
  v1::ListIncidentsResponse response;
  for (const IncidentView& view : page.items) {
    auto* out = response.add_incidents();
    out->set_appid(view.appid);
    out->set_reason(view.reason);
    out->set_conflict_count(view.conflicts);
    ToProto(view.opened, out->mutable_open_time());
    if (view.closed != absl::InfiniteFuture()) ToProto(view.closed, out->mutable_close_time());
    out->set_closed_by(view.closed_by);
    out->set_waiting_count(view.waiting);
  }
  if (!page.next_key.empty()) {
    response.set_next_page_token(rpc::MakePageToken(page.next_key, filter));
  }
  return response;
}

absl::StatusOr<v1::CloseIncidentsResponse> IntegrityHandlers::CloseIncidents(
    const rpc::CallContext& call, const v1::CloseIncidentsRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(
      const int closed,
      policies_.CloseIncidents(project, request.appid(), call.caller.name, call.deadline));
  v1::CloseIncidentsResponse response;
  response.set_closed_count(closed);
  for (;;) {
    DATONG_ASSIGN_OR_RETURN(const int released,
                            graph_.ReleaseParked(project, request.appid(), call.deadline));
    if (released == 0) return response;
    response.set_released_count(response.released_count() + released);
  }
}

}  // namespace datong::identity
