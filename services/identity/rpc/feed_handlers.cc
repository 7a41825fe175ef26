// The feed of changes, and the memberships to begin with.

#include "services/identity/rpc/graph_handlers.h"

#include <limits>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/identifier/identifier.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/core/person_id.h"
#include "services/identity/core/resolution.h"
#include "services/identity/rpc/convert.h"

namespace datong::identity {
namespace {

constexpr int kFeedPage = 1000;
constexpr int kLargestFeedPage = 5000;

}  // namespace

absl::StatusOr<v1::ListChangesResponse> GraphHandlers::ListChanges(
    const rpc::CallContext& call, const v1::ListChangesRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const int32_t limit,
                          rpc::PageSize(request.page_size(), kFeedPage, kLargestFeedPage));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          store_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const ChangePage page,
                          store_.ListChanges(project, request.cursor(), limit, call.deadline));
  v1::ListChangesResponse response;
  for (const ChangeView& change : page.changes) {
    ToProto(project.name, change, response.add_changes());
  }
  response.set_next_cursor(page.next_cursor);
  response.set_project_number(project.number);
  response.set_version(page.version);
  return response;
}

absl::StatusOr<v1::WatchChangesResponse> GraphHandlers::NextChanges(const rpc::CallContext& call,
                                                                    const std::string& project,
                                                                    const std::string& cursor) {
  v1::ListChangesRequest request;
  request.set_project(project);
  request.set_cursor(cursor);
  DATONG_ASSIGN_OR_RETURN(v1::ListChangesResponse page, ListChanges(call, request));
  v1::WatchChangesResponse response;
  *response.mutable_changes() = std::move(*page.mutable_changes());
  response.set_next_cursor(page.next_cursor());
  response.set_project_number(page.project_number());
  response.set_version(page.version());
  return response;
}

absl::StatusOr<v1::ListMembershipsResponse> GraphHandlers::ListMemberships(
    const rpc::CallContext& call, const v1::ListMembershipsRequest& request) {
  const std::string filter = absl::StrCat("memberships\n", request.project());
  DATONG_ASSIGN_OR_RETURN(const int32_t limit,
                          rpc::PageSize(request.page_size(), kFeedPage, kLargestFeedPage));
  DATONG_ASSIGN_OR_RETURN(const std::string after,
                          rpc::ReadPageToken(request.page_token(), filter));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          store_.FindProject(request.project(), call.deadline));
  // The node, and the feed's cursor as of the first page.
  const std::vector<std::string> key = absl::StrSplit(after, absl::MaxSplits('/', 1));
  int64_t node = std::numeric_limits<int64_t>::min();
  if (key.size() == 2 && !absl::SimpleAtoi(key[0], &node)) node = 0;
  DATONG_ASSIGN_OR_RETURN(const MembershipPage page,
                          store_.ListMemberships(project, node, limit, call.deadline));
  v1::ListMembershipsResponse response;
  for (const Membership& membership : page.memberships) {
    auto* out = response.add_memberships();
    out->set_identifier(membership.identifier);
    out->set_node(membership.node);
    out->set_person(PersonName(project.name, membership.person));
    out->set_person_index(membership.person);
  }
  response.set_next_cursor(key.size() == 2 ? key[1] : page.cursor);
  response.set_version(page.version);
  response.set_project_number(project.number);
  if (page.more) {
    response.set_next_page_token(
        rpc::MakePageToken(absl::StrCat(page.last, "/", response.next_cursor()), filter));
  }
  return response;
}

}  // namespace datong::identity
