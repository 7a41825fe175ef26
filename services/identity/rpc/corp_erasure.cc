// DecisionHandlers: what goes when a corp of WeCom takes its authorisation back (R5.10).
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/rpc/convert.h"
#include "services/identity/rpc/decision_handlers.h"

namespace datong::identity {
namespace {

constexpr int kPersonsAtOnce = 500;

bool IsScopePart(const std::string& text) {
  return !text.empty() && text.size() <= 64 && !absl::StrContains(text, ':') &&
         !absl::StrContains(text, '/');
}

}  // namespace

absl::StatusOr<v1::EraseCorpResponse> DecisionHandlers::EraseCorp(
    const rpc::CallContext& call, const v1::EraseCorpRequest& request) {
  if (!IsScopePart(request.corpid()) || !IsScopePart(request.provider())) {
    return DecisionInvalid("corpid and provider are 1 to 64 characters without \":\" and \"/\"");
  }
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  DATONG_ASSIGN_OR_RETURN(const absl::Time at,
                          TimeOf(request.has_erase_time(), request.erase_time()));
  v1::EraseCorpResponse response;
  int32_t count = 0;
  for (const std::string& prefix :
       {absl::StrCat("ext:", request.corpid(), "/prov-", request.provider(), ":"),
        absl::StrCat("ext:", request.corpid(), "/provv1-", request.provider(), ":"),
        absl::StrCat("pending:", request.provider(), "/", request.corpid(), ":")}) {
    std::string after;
    do {
      DATONG_ASSIGN_OR_RETURN(
          const PageOf<PersonView> page,
          graph_.ListPersons(project, {prefix, ""}, after, kPersonsAtOnce, call.deadline));
      Erasure erasure;
      for (const PersonView& person : page.items) {
        for (const HeldIdentifier& held : person.identifiers) {
          if (absl::StartsWith(held.identifier, prefix)) erasure.ids.push_back(held.identifier);
        }
      }
      after = page.next_key;
      if (erasure.ids.empty()) continue;
      count += static_cast<int32_t>(erasure.ids.size());
      erasure.erased = at;
      erasure.due = clock_.Now();
      erasure.basis = "cancel_auth";
      erasure.actor = call.caller.name;
      DATONG_RETURN_IF_ERROR(decisions_.RequestErasure(project, erasure, call.deadline).status());
      DATONG_RETURN_IF_ERROR(RunErasures(call.deadline));
    } while (!after.empty());
  }
  response.set_identifier_count(count);
  return response;
}

}  // namespace datong::identity
