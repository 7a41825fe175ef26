#include "services/identity/rpc/decision_handlers.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/identifier/identifier.h"
#include "common/status/macros.h"
#include "services/identity/core/errors.h"
#include "services/identity/core/linker.h"
#include "services/identity/core/person_id.h"
#include "services/identity/rpc/convert.h"
#include "services/identity/rpc/decision_convert.h"

namespace datong::identity {
namespace {

constexpr size_t kLongestReason = 256;
constexpr int kMostPairs = 1000;
constexpr int kErasedAtOnce = 200;
constexpr absl::Duration kHoldBack = absl::Hours(24);  // H10
constexpr absl::Duration kLongestHoldBack = absl::Hours(24 * 30);
constexpr char kAllAuthorizations[] = "301";
constexpr char kPhoneAuthorization[] = "8";

absl::Status CheckReason(const std::string& reason) {
  if (reason.empty() || reason.size() > kLongestReason || !IsUtf8(reason) ||
      reason.find('\0') != std::string::npos) {
    return DecisionInvalid("A reason is 1 to 256 bytes of UTF-8");
  }
  return absl::OkStatus();
}

// The attributes that a RevokeInfo is about (R5.10).
std::vector<std::string> AttributesOf(const std::string& info) {
  static const auto* const kNames =
      new std::map<std::string, std::vector<std::string>>{{"2", {"address"}},
                                                          {"3", {"invoice"}},
                                                          {"6", {"nickname", "avatar"}},
                                                          {"8", {"phone"}},
                                                          {"12", {"steps"}},
                                                          {"13", {"location"}},
                                                          {"16", {"email"}},
                                                          {"18", {"location"}},
                                                          {"19", {"nickname", "avatar"}},
                                                          {"20", {"nickname", "avatar"}}};
  const auto found = kNames->find(info);
  return found == kNames->end() ? std::vector<std::string>{} : found->second;
}

}  // namespace

absl::StatusOr<absl::Time> DecisionHandlers::TimeOf(bool given,
                                                    const google::protobuf::Timestamp& time) const {
  const absl::Time now = clock_.Now();
  const absl::Time at = given ? FromProto(time) : now;
  if (at > now + absl::Minutes(5) || at <= absl::UnixEpoch()) {
    return DecisionInvalid("The time of a decision is not in the future");
  }
  return absl::FromUnixMicros(absl::ToUnixMicros(at));
}

absl::StatusOr<int64_t> DecisionHandlers::Decide(const Project& project,
                                                 std::vector<Decision> decisions,
                                                 std::vector<Evidence> records, Deadline deadline) {
  for (Evidence& record : records) {
    const std::string problem = Normalise(record);
    if (!problem.empty()) return EvidenceInvalid(problem);
  }
  DATONG_ASSIGN_OR_RETURN(const LinkOutcome outcome,
                          decisions_.Decide(project, decisions, records, deadline));
  return outcome.version;
}

absl::StatusOr<v1::UnlinkResponse> DecisionHandlers::Unlink(const rpc::CallContext& call,
                                                            const v1::UnlinkRequest& request) {
  DATONG_ASSIGN_OR_RETURN(std::string a, ReadIdentifier(request.identifier()));
  DATONG_ASSIGN_OR_RETURN(std::string b, ReadIdentifier(request.other_identifier()));
  DATONG_RETURN_IF_ERROR(CheckReason(request.reason()));
  if (a == b) return DecisionInvalid("An identifier cannot be taken apart from itself");
  if (request.mode() != v1::UNLINK_MODE_RETRACT && request.mode() != v1::UNLINK_MODE_CANNOT_LINK) {
    return DecisionInvalid("The mode is retract or cannot_link");
  }
  DATONG_ASSIGN_OR_RETURN(const absl::Time at,
                          TimeOf(request.has_decision_time(), request.decision_time()));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  if (b < a) std::swap(a, b);
  const bool retract = request.mode() == v1::UNLINK_MODE_RETRACT;
  const Decision decision{retract ? DecisionKind::kRetract : DecisionKind::kCannotLink,
                          std::move(a),
                          std::move(b),
                          at,
                          call.caller.name,
                          request.reason()};
  v1::UnlinkResponse response;
  DATONG_ASSIGN_OR_RETURN(const int64_t version, Decide(project, {decision}, {}, call.deadline));
  response.set_version(version);
  return response;
}

absl::StatusOr<v1::RebindResponse> DecisionHandlers::Rebind(const rpc::CallContext& call,
                                                            const v1::RebindRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const std::string identifier, ReadIdentifier(request.identifier()));
  DATONG_RETURN_IF_ERROR(CheckReason(request.reason()));
  if (KindOf(identifier) != IdKind::kLogin && KindOf(identifier) != IdKind::kPhone) {
    return DecisionInvalid("Only a login or a phone can be rebound");
  }
  DATONG_ASSIGN_OR_RETURN(const absl::Time at,
                          TimeOf(request.has_rebind_time(), request.rebind_time()));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  Evidence record;
  record.kind = "tenant.login";
  record.ids = {identifier};
  record.observed = at;
  record.obtained_by = "identity";
  record.request_id = "rebind";
  for (const std::string& text : request.to()) {
    DATONG_ASSIGN_OR_RETURN(std::string to, ReadIdentifier(text));
    record.ids.push_back(std::move(to));
  }
  const Decision decision{DecisionKind::kRebind, identifier,      "", at,
                          call.caller.name,      request.reason()};
  DATONG_ASSIGN_OR_RETURN(const int64_t version,
                          Decide(project, {decision}, {std::move(record)}, call.deadline));
  v1::RebindResponse response;
  response.set_version(version);
  return response;
}

absl::Status DecisionHandlers::RunErasures(Deadline deadline) {
  for (;;) {
    DATONG_ASSIGN_OR_RETURN(const bool done, decisions_.RunErasure(deadline));
    if (!done) return absl::OkStatus();
  }
}

absl::StatusOr<v1::RevokeAuthorizationResponse> DecisionHandlers::RevokeAuthorization(
    const rpc::CallContext& call, const v1::RevokeAuthorizationRequest& request) {
  DATONG_ASSIGN_OR_RETURN(const std::string openid, ReadIdentifier(request.identifier()));
  if (KindOf(openid) != IdKind::kOpenid) return DecisionInvalid("Only an openid can withdraw");
  DATONG_ASSIGN_OR_RETURN(const absl::Time at,
                          TimeOf(request.has_revoke_time(), request.revoke_time()));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  Erasure erasure{{openid}, false, at, clock_.Now(), "user_authorization_revoke 301", "wechat"};
  bool erase = absl::c_linear_search(request.infos(), kAllAuthorizations);
  if (request.deregistered()) {
    erase = true;
    erasure.basis = "user_authorization_cancellation";
    DATONG_ASSIGN_OR_RETURN(const RawComponent raw,
                            graph_.LoadComponent(project, openid, call.deadline));
    for (const Evidence& record : raw.evidence) {
      if (ClassOf(record.kind).value_or(kClaimClass) > kWebAuthorizationClass || record.snapshot ||
          !absl::c_linear_search(record.ids, openid)) {
        continue;
      }
      for (const std::string& id : record.ids) {
        if (KindOf(id) == IdKind::kUnionid) erasure.ids.push_back(id);
      }
    }
  }
  std::vector<std::string> forgotten;
  for (const std::string& info : request.infos()) {
    for (std::string& name : AttributesOf(info)) forgotten.push_back(std::move(name));
  }
  if (!forgotten.empty()) {
    DATONG_RETURN_IF_ERROR(
        decisions_.ForgetAttributes(project, openid, forgotten, at, call.deadline));
  }
  if (absl::c_linear_search(request.infos(), kPhoneAuthorization)) {
    const Decision decision{DecisionKind::kRevokePhone,   openid, "", at, call.caller.name,
                            "user_authorization_revoke 8"};
    DATONG_RETURN_IF_ERROR(Decide(project, {decision}, {}, call.deadline).status());
  }
  if (erase) {
    DATONG_RETURN_IF_ERROR(decisions_.RequestErasure(project, erasure, call.deadline).status());
    DATONG_RETURN_IF_ERROR(RunErasures(call.deadline));
  }
  v1::RevokeAuthorizationResponse response;
  DATONG_ASSIGN_OR_RETURN(const int64_t version, graph_.Version(project, call.deadline));
  response.set_version(version);
  return response;
}

absl::StatusOr<v1::MigrateOpenidResponse> DecisionHandlers::MigrateOpenid(
    const rpc::CallContext& call, const v1::MigrateOpenidRequest& request) {
  if (request.pairs_size() < 1 || request.pairs_size() > kMostPairs) {
    return BatchTooLarge(static_cast<size_t>(request.pairs_size()), kMostPairs);
  }
  DATONG_ASSIGN_OR_RETURN(const absl::Time at,
                          TimeOf(request.has_migrate_time(), request.migrate_time()));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  std::vector<Evidence> records;
  std::vector<std::string> retired;
  for (const auto& pair : request.pairs()) {
    Evidence record;
    record.kind = "wx.changeopenid";
    record.observed = at;
    record.obtained_by = "identity";
    for (const std::string& text : {pair.old_openid(), pair.new_openid()}) {
      DATONG_ASSIGN_OR_RETURN(std::string openid, ReadIdentifier(text));
      if (KindOf(openid) != IdKind::kOpenid) return DecisionInvalid("Only openids migrate");
      record.ids.push_back(std::move(openid));
    }
    retired.push_back(record.ids.front());
    records.push_back(std::move(record));
  }
  DATONG_ASSIGN_OR_RETURN(const int64_t version,
                          Decide(project, {}, std::move(records), call.deadline));
  DATONG_RETURN_IF_ERROR(decisions_.MarkRetired(project, retired, at, call.deadline));
  v1::MigrateOpenidResponse response;
  response.set_version(version);
  return response;
}

absl::StatusOr<v1::RebindOpenPlatformResponse> DecisionHandlers::RebindOpenPlatform(
    const rpc::CallContext& call, const v1::RebindOpenPlatformRequest& request) {
  v1::BindAppRequest bind;
  bind.set_project(request.project());
  bind.set_appid(request.appid());
  bind.set_open_platform_account(request.open_platform_account());
  DATONG_ASSIGN_OR_RETURN(const absl::Time at,
                          TimeOf(request.has_rebind_time(), request.rebind_time()));
  ToProto(at, bind.mutable_from_time());
  DATONG_ASSIGN_OR_RETURN(const v1::BindAppResponse bound, graph_handlers_.BindApp(call, bind));
  v1::RebindOpenPlatformResponse response;
  response.set_released_count(bound.released_count());
  response.set_version(bound.version());
  return response;
}

absl::StatusOr<v1::EraseResponse> DecisionHandlers::Erase(const rpc::CallContext& call,
                                                          const v1::EraseRequest& request) {
  DATONG_RETURN_IF_ERROR(CheckReason(request.basis()));
  const absl::Duration hold_back = request.has_hold_back()
                                       ? absl::Seconds(request.hold_back().seconds()) +
                                             absl::Nanoseconds(request.hold_back().nanos())
                                       : kHoldBack;
  if (hold_back < absl::ZeroDuration() || hold_back > kLongestHoldBack) {
    return DecisionInvalid("The hold-back is 0 to 30 days");
  }
  if (request.has_erase_time() && hold_back != absl::ZeroDuration()) {
    return DecisionInvalid("A time goes with a hold-back of 0 alone");
  }
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  Erasure erasure;
  erasure.whole_person = true;
  if (request.who_case() == v1::EraseRequest::kPerson) {
    DATONG_ASSIGN_OR_RETURN(const ParsedPersonName name, ParsePersonName(request.person()));
    if (name.project != project.name) return PersonUnknown();
    DATONG_ASSIGN_OR_RETURN(const std::vector<PersonView> persons,
                            graph_.LoadPersons(project, {name.index}, call.deadline));
    if (persons.empty()) return PersonUnknown();
    for (const HeldIdentifier& held : persons.front().identifiers) {
      erasure.ids.push_back(held.identifier);
    }
  } else {
    DATONG_ASSIGN_OR_RETURN(std::string id, ReadIdentifier(request.identifier()));
    DATONG_ASSIGN_OR_RETURN(const ProjectPolicy policy,
                            policies_.GetPolicy(project, call.deadline));
    if (FaultOf(id, policy.policy).has_value()) {
      return DecisionInvalid("The value is blocked: it says nothing of anybody");
    }
    erasure.ids = {std::move(id)};
  }
  DATONG_ASSIGN_OR_RETURN(const absl::Time at,
                          TimeOf(request.has_erase_time(), request.erase_time()));
  erasure.due = absl::FromUnixMicros(absl::ToUnixMicros(clock_.Now() + hold_back));
  // What comes during the hold-back is the person's too.
  erasure.erased = hold_back == absl::ZeroDuration() ? at : erasure.due;
  erasure.basis = request.basis();
  erasure.actor = call.caller.name;
  DATONG_RETURN_IF_ERROR(decisions_.RequestErasure(project, erasure, call.deadline).status());
  if (hold_back == absl::ZeroDuration()) DATONG_RETURN_IF_ERROR(RunErasures(call.deadline));
  v1::EraseResponse response;
  ToProto(erasure.due, response.mutable_due_time());
  return response;
}

absl::StatusOr<v1::CancelCorpAuthorizationResponse> DecisionHandlers::CancelCorpAuthorization(
    const rpc::CallContext& call, const v1::CancelCorpAuthorizationRequest& request) {
  const std::string& provider = request.provider();
  const std::string& corp = request.corp();
  std::vector<std::string> prefixes = {absl::StrCat("ext:", corp, "/prov-", provider, ":"),
                                       absl::StrCat("ext:", corp, "/provv1-", provider, ":"),
                                       absl::StrCat("pending:", provider, "/", corp, ":")};
  for (const std::string& prefix : prefixes) {
    const bool whole = absl::c_count(prefix, ':') == 2 && absl::c_count(prefix, '/') == 1;
    if (provider.empty() || corp.empty() || !whole || !Identifier::Parse(prefix + "x").ok()) {
      return DecisionInvalid(
          "The provider or the company is missing or holds bytes that it cannot");
    }
  }
  DATONG_ASSIGN_OR_RETURN(const absl::Time at,
                          TimeOf(request.has_cancel_time(), request.cancel_time()));
  DATONG_ASSIGN_OR_RETURN(const Project project,
                          graph_.FindProject(request.project(), call.deadline));
  v1::CancelCorpAuthorizationResponse response;
  for (const std::string& prefix : prefixes) {
    std::string after;
    for (;;) {
      DATONG_ASSIGN_OR_RETURN(
          std::vector<std::string> ids,
          graph_.ListIdentifiers(project, prefix, after, kErasedAtOnce, call.deadline));
      if (ids.empty()) break;
      after = ids.back();
      response.set_identifier_count(response.identifier_count() + static_cast<int64_t>(ids.size()));
      const Erasure erasure{std::move(ids), false,         at,
                            clock_.Now(),   "cancel_auth", call.caller.name};
      DATONG_RETURN_IF_ERROR(decisions_.RequestErasure(project, erasure, call.deadline).status());
    }
  }
  DATONG_RETURN_IF_ERROR(RunErasures(call.deadline));
  return response;
}

}  // namespace datong::identity
