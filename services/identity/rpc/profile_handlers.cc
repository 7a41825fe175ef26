#include "services/identity/rpc/profile_handlers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/rpc/paging.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/core/person_id.h"
#include "services/identity/rpc/convert.h"
#include "services/identity/rpc/subject.h"

namespace datong::identity {
namespace {

constexpr int kFeedPage = 1000;
constexpr int kLargestFeedPage = 5000;
constexpr int kMostAttributes = 100;

}  // namespace

absl::StatusOr<v1::RecordConsentResponse> ProfileHandlers::RecordConsent(
    const rpc::CallContext& call, const v1::RecordConsentRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const ConsentEntry consent, FromProto(request.consent(), clock_.Now()));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const Subject meant,
                          FindSubject(graph_, project, request.subject(), call.deadline));
  const absl::Status recorded =
      profiles_.AppendConsent(project, meant.identifiers, consent, call.deadline);
  if (!consent.granted) metrics_.ConsentWithdrawn(recorded.ok());
  DATONG_RETURN_IF_ERROR(recorded);
  if (consent.granted) {
    // After an erasure the person may be known again (R6.3).
    DATONG_RETURN_IF_ERROR(
        decisions_.RenewConsent(project, meant.identifiers, consent.time, call.deadline));
  }
  v1::RecordConsentResponse response;
  response.set_identifier_count(static_cast<int32_t>(meant.identifiers.size()));
  return response;
}

absl::StatusOr<v1::GetConsentResponse> ProfileHandlers::GetConsent(
    const rpc::CallContext& call, const v1::GetConsentRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const Subject meant,
                          FindSubject(graph_, project, request.subject(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const std::vector<ConsentEntry> consents,
                          profiles_.LatestConsents(project, meant.identifiers, call.deadline));
  v1::GetConsentResponse response;
  for (const ConsentEntry& consent : consents) {
    if (!request.purpose().empty() && consent.purpose != request.purpose()) continue;
    ToProto(consent, response.add_consents());
  }
  return response;
}

absl::StatusOr<v1::ListConsentChangesResponse> ProfileHandlers::ListConsentChanges(
    const rpc::CallContext& call, const v1::ListConsentChangesRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const int32_t limit,
                          rpc::PageSize(request.page_size(), kFeedPage, kLargestFeedPage));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(
      const ConsentPage page,
      profiles_.ListConsentChanges(project, request.cursor(), limit, call.deadline));
  v1::ListConsentChangesResponse response;
  for (const ConsentChangeView& change : page.changes) ToProto(change, response.add_changes());
  response.set_next_cursor(page.next_cursor);
  response.set_project_number(project.number);
  return response;
}

absl::StatusOr<v1::SetAttributesResponse> ProfileHandlers::SetAttributes(
    const rpc::CallContext& call, const v1::SetAttributesRequest& request) {
  if (request.attributes_size() < 1 || request.attributes_size() > kMostAttributes) {
    return FieldInvalid("ATTRIBUTE_INVALID", "A request sets 1 to 100 attributes");
  }
  std::vector<AttributeEntry> attributes;
  const absl::Time now = clock_.Now();
  for (const v1::Attribute& attribute : request.attributes()) {
    DATONG_ASSIGN_OR_RETURN(AttributeEntry entry, FromProto(attribute, now));
    attributes.push_back(std::move(entry));
  }
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const Subject meant,
                          FindKnownSubject(graph_, project, request.subject(), call.deadline));
  DATONG_RETURN_IF_ERROR(profiles_.AppendAttributes(project, meant.identifier, meant.identifiers,
                                                    attributes, call.deadline));
  v1::SetAttributesResponse response;
  response.set_person(PersonName(project.name, meant.person));
  return response;
}

absl::StatusOr<v1::GetProfileResponse> ProfileHandlers::GetProfile(
    const rpc::CallContext& call, const v1::GetProfileRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const Subject meant,
                          FindKnownSubject(graph_, project, request.subject(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const std::vector<AttributeEntry> attributes,
                          profiles_.LatestAttributes(project, meant.identifiers, call.deadline));
  v1::GetProfileResponse response;
  response.set_person(PersonName(project.name, meant.person));
  for (const AttributeEntry& attribute : attributes) ToProto(attribute, response.add_attributes());
  return response;
}

absl::StatusOr<v1::ListAttributeHistoryResponse> ProfileHandlers::ListAttributeHistory(
    const rpc::CallContext& call, const v1::ListAttributeHistoryRequest& request) {
  const std::string filter =
      absl::StrCat("attributes\n", request.project(), "\n", request.subject().person(), "\n",
                   request.subject().identifier(), "\n", request.attribute_name());
  DATONG_ASSIGN_OR_RETURN(const int32_t limit, rpc::PageSize(request.page_size()));
  DATONG_ASSIGN_OR_RETURN(const std::string after,
                          rpc::ReadPageToken(request.page_token(), filter));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const Subject meant,
                          FindKnownSubject(graph_, project, request.subject(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(
      const PageOf<AttributeEntry> page,
      profiles_.AttributeHistory(project, meant.identifiers, request.attribute_name(), after, limit,
                                 call.deadline));
  v1::ListAttributeHistoryResponse response;
  for (const AttributeEntry& attribute : page.items) ToProto(attribute, response.add_attributes());
  if (!page.next_key.empty()) {
    response.set_next_page_token(rpc::MakePageToken(page.next_key, filter));
  }
  return response;
}

}  // namespace datong::identity
