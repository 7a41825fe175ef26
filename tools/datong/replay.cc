#include "tools/datong/replay.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/metrics/registry.h"
#include "common/rpc/client.h"
#include "common/status/macros.h"
#include "datong/identity/v1/decisions.grpc.pb.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/identity/v1/policy.grpc.pb.h"
#include "datong/identity/v1/relation.grpc.pb.h"

namespace datong::tools {
namespace {

using nlohmann::json;
namespace v1 = identity::v1;

// Numbers that broker gives to projects are small.
constexpr int32_t kFirstNumber = 1'500'000'000;
constexpr int32_t kNumbers = 500'000'000;
// What an erasure takes along is done in the background.
constexpr absl::Duration kLongestSettling = absl::Seconds(30);

// Persons and refusals, in a form that compares.
struct Picture {
  std::set<std::string> persons;
  std::set<std::string> refused;
  bool operator==(const Picture&) const = default;
};

Picture PictureOf(const json& from) {
  Picture picture;
  for (const json& person : from.at("persons")) {
    picture.persons.insert(absl::StrJoin(person.get<std::vector<std::string>>(), " "));
  }
  for (const json& refusal : from.at("refused")) {
    picture.refused.insert(
        absl::StrCat(refusal.at("reason").get<std::string>(), " ",
                     absl::StrJoin(refusal.at("ids").get<std::vector<std::string>>(), " ")));
  }
  return picture;
}

void SetTime(const json& step, google::protobuf::Timestamp* out) {
  absl::Time time;
  absl::ParseTime(absl::RFC3339_full, step.at("at").get<std::string>(), &time, nullptr);
  out->set_seconds(absl::ToUnixSeconds(time));
}

void SayMissing(const char* what, const std::set<std::string>& from,
                const std::set<std::string>& other,
                const std::function<void(const std::string&)>& say) {
  for (const std::string& line : from) {
    if (!other.contains(line)) say(absl::StrCat("    ", what, ": ", line));
  }
}

class Player {
 public:
  explicit Player(const ReplayOptions& options) : options_(options) {
    const std::shared_ptr<grpc::Channel>& channel = options.channel;
    identity_ = v1::IdentityService::NewStub(channel);
    decisions_ = v1::DecisionService::NewStub(channel);
    policies_ = v1::PolicyService::NewStub(channel);
    relations_ = v1::RelationService::NewStub(channel);
  }

  absl::Status Begin(const json& scenario) {
    erased_ = false;
    DATONG_RETURN_IF_ERROR(Register());
    v1::SetPolicyRequest request;
    request.set_project(project_);
    request.set_wait(true);
    DATONG_RETURN_IF_ERROR(Merge(kFilePolicy, *request.mutable_policy()));
    // The replay stands for what happened when the file says.
    request.mutable_policy()->set_erase_extend_days(365);
    if (scenario.contains("policy")) {
      DATONG_RETURN_IF_ERROR(Merge(scenario["policy"].dump(), *request.mutable_policy()));
    }
    if (!options_.policy.empty()) {
      DATONG_RETURN_IF_ERROR(Merge(options_.policy, *request.mutable_policy()));
    }
    return Call("PolicyService/SetPolicy", *policies_, &v1::PolicyService::StubInterface::SetPolicy,
                request)
        .status();
  }

  absl::Status Play(const json& step) {
    const std::string op = step.at("op");
    if (op == "link") return Link(step);
    if (op == "migrate") return Migrate(step);
    if (op == "unlink") return Unlink(step);
    if (op == "rebind") return Rebind(step);
    if (op == "revoke") return Revoke(step);
    if (op == "erase") return Erase(step);
    if (op == "unsubscribe" || op == "end_contact") return EndRelation(step);
    return absl::InvalidArgumentError(absl::StrCat("There is no operation \"", op, "\"."));
  }

  // What identity says now; waits for what an erasure left to be done.
  absl::StatusOr<Picture> Look(const Picture& expected) {
    const absl::Time until = absl::Now() + (erased_ ? kLongestSettling : absl::ZeroDuration());
    for (;;) {
      DATONG_ASSIGN_OR_RETURN(const Picture picture, Read());
      if (picture == expected || absl::Now() >= until) return picture;
      absl::SleepFor(absl::Milliseconds(200));
    }
  }

 private:
  // Of the installation nothing is taken over: the file goes by these.
  static constexpr char kFilePolicy[] =
      R"({"trust_client_claims": false, "phone_may_merge": false, "hub_device_partners": 20,
          "hub_login_partners": 5, "pending_days": 90, "login_max": 1, "max_ids": 200,
          "form_checks": false, "require_consent_after_erase": true, "incident_conflicts": 0,
          "blocked_values": {}})";

  static absl::Status Merge(const std::string& text, v1::Policy& policy) {
    v1::Policy part;
    const auto status = google::protobuf::util::JsonStringToMessage(text, &part);
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("The policy: ", status.ToString()));
    }
    policy.MergeFrom(part);
    return absl::OkStatus();
  }

  template <typename Stub, typename Interface, typename Request, typename Response>
  absl::StatusOr<Response> Call(absl::string_view method, Stub& stub,
                                grpc::Status (Interface::*rpc)(grpc::ClientContext*, const Request&,
                                                               Response*),
                                const Request& request) {
    const rpc::CallContext call =
        rpc::MakeBackgroundCall("replay", Deadline::After(absl::Seconds(60)));
    return outgoing_.Call(call, absl::StrCat("/datong.identity.v1.", method), stub, rpc, request,
                          {.longest = absl::Seconds(60), .idempotent = true});
  }

  absl::Status Register() {
    for (;;) {
      const int32_t number = kFirstNumber + absl::Uniform<int32_t>(random_, 0, kNumbers);
      project_ = absl::StrCat("projects/replay-", number);
      v1::RegisterProjectRequest request;
      request.set_project(project_);
      request.set_number(number);
      const absl::Status status =
          Call("IdentityService/RegisterProject", *identity_,
               &v1::IdentityService::StubInterface::RegisterProject, request)
              .status();
      if (!absl::IsAlreadyExists(status)) return status;
    }
  }

  absl::Status Link(const json& step) {
    v1::LinkRequest request;
    request.set_project(project_);
    v1::Evidence& evidence = *request.mutable_evidence();
    evidence.set_kind(step.at("evidence").get<std::string>());
    for (const json& id : step.at("ids")) evidence.add_ids(id.get<std::string>());
    SetTime(step, evidence.mutable_observed_time());
    evidence.set_snapshot(step.value("snapshot", false));
    evidence.set_consent_ref(step.value("consent", ""));
    const std::string watermark = step.value("watermark", "");
    if (watermark == "ok") evidence.set_watermark(v1::WATERMARK_VALID);
    if (watermark == "appid_mismatch") evidence.set_watermark(v1::WATERMARK_APPID_MISMATCH);
    if (watermark == "stale") evidence.set_watermark(v1::WATERMARK_STALE);
    return Call("IdentityService/Link", *identity_, &v1::IdentityService::StubInterface::Link,
                request)
        .status();
  }

  absl::Status Migrate(const json& step) {
    v1::MigrateOpenidRequest request;
    request.set_project(project_);
    for (const json& pair : step.at("pairs")) {
      auto* out = request.add_pairs();
      out->set_old_openid(pair.at(0).get<std::string>());
      out->set_new_openid(pair.at(1).get<std::string>());
    }
    SetTime(step, request.mutable_migrate_time());
    return Call("DecisionService/MigrateOpenid", *decisions_,
                &v1::DecisionService::StubInterface::MigrateOpenid, request)
        .status();
  }

  absl::Status Unlink(const json& step) {
    v1::UnlinkRequest request;
    request.set_project(project_);
    request.set_identifier(step.at("a").get<std::string>());
    request.set_other_identifier(step.at("b").get<std::string>());
    request.set_mode(step.at("mode") == "retract" ? v1::UNLINK_MODE_RETRACT
                                                  : v1::UNLINK_MODE_CANNOT_LINK);
    SetTime(step, request.mutable_decision_time());
    request.set_reason("replay");
    return Call("DecisionService/Unlink", *decisions_, &v1::DecisionService::StubInterface::Unlink,
                request)
        .status();
  }

  absl::Status Rebind(const json& step) {
    v1::RebindRequest request;
    request.set_project(project_);
    request.set_identifier(step.at("login").get<std::string>());
    for (const json& id : step.at("to")) request.add_to(id.get<std::string>());
    SetTime(step, request.mutable_rebind_time());
    request.set_reason("replay");
    return Call("DecisionService/Rebind", *decisions_, &v1::DecisionService::StubInterface::Rebind,
                request)
        .status();
  }

  absl::Status Revoke(const json& step) {
    v1::RevokeAuthorizationRequest request;
    request.set_project(project_);
    request.set_identifier(step.at("id").get<std::string>());
    request.add_infos(step.at("info").get<std::string>());
    SetTime(step, request.mutable_revoke_time());
    return Call("DecisionService/RevokeAuthorization", *decisions_,
                &v1::DecisionService::StubInterface::RevokeAuthorization, request)
        .status();
  }

  absl::Status Erase(const json& step) {
    erased_ = true;
    v1::EraseRequest request;
    request.set_project(project_);
    request.set_identifier(step.at("id").get<std::string>());
    request.set_basis("replay");
    request.mutable_hold_back();
    SetTime(step, request.mutable_erase_time());
    return Call("DecisionService/Erase", *decisions_, &v1::DecisionService::StubInterface::Erase,
                request)
        .status();
  }

  absl::Status EndRelation(const json& step) {
    const bool follower = step.at("op") == "unsubscribe";
    v1::RecordRelationRequest request;
    request.set_project(project_);
    v1::Relation& relation = *request.mutable_relation();
    relation.set_identifier(step.at("id").get<std::string>());
    relation.set_kind(follower ? v1::RELATION_KIND_FOLLOWER : v1::RELATION_KIND_CONTACT);
    const bool by_company = step.value("change_type", "") == "del_external_contact";
    relation.set_state(by_company ? v1::RELATION_STATE_ENDED_BY_COMPANY
                                  : v1::RELATION_STATE_ENDED_BY_PERSON);
    SetTime(step, relation.mutable_since_time());
    return Call("RelationService/RecordRelation", *relations_,
                &v1::RelationService::StubInterface::RecordRelation, request)
        .status();
  }

  absl::StatusOr<Picture> Read() {
    Picture picture;
    v1::ListPersonsRequest persons;
    persons.set_project(project_);
    do {
      DATONG_ASSIGN_OR_RETURN(const v1::ListPersonsResponse page,
                              Call("IdentityService/ListPersons", *identity_,
                                   &v1::IdentityService::StubInterface::ListPersons, persons));
      for (const v1::Person& person : page.persons()) {
        std::vector<std::string> ids;
        for (const auto& held : person.identifiers()) ids.push_back(held.identifier());
        std::sort(ids.begin(), ids.end());
        picture.persons.insert(absl::StrJoin(ids, " "));
      }
      persons.set_page_token(page.next_page_token());
    } while (!persons.page_token().empty());
    v1::ListRefusalsRequest refusals;
    refusals.set_project(project_);
    do {
      DATONG_ASSIGN_OR_RETURN(const v1::ListRefusalsResponse page,
                              Call("IdentityService/ListRefusals", *identity_,
                                   &v1::IdentityService::StubInterface::ListRefusals, refusals));
      for (const v1::Refusal& refusal : page.refusals()) {
        picture.refused.insert(
            absl::StrCat(refusal.reason(), " ", absl::StrJoin(refusal.ids(), " ")));
      }
      refusals.set_page_token(page.next_page_token());
    } while (!refusals.page_token().empty());
    return picture;
  }

  const ReplayOptions& options_;
  absl::BitGen random_;
  metrics::Registry registry_;
  rpc::Outgoing outgoing_{registry_};
  std::unique_ptr<v1::IdentityService::Stub> identity_;
  std::unique_ptr<v1::DecisionService::Stub> decisions_;
  std::unique_ptr<v1::PolicyService::Stub> policies_;
  std::unique_ptr<v1::RelationService::Stub> relations_;
  std::string project_;
  bool erased_ = false;
};

absl::Status ReplayOne(Player& player, const json& scenario,
                       const std::function<void(const std::string&)>& say, ReplayResult& result) {
  const std::string name = scenario.at("name");
  DATONG_RETURN_IF_ERROR(player.Begin(scenario));
  int differences = 0;
  int place = 0;
  for (const json& step : scenario.at("steps")) {
    ++place;
    ++result.steps;
    const Picture expected = PictureOf(step.at("after"));
    DATONG_RETURN_IF_ERROR(player.Play(step));
    DATONG_ASSIGN_OR_RETURN(const Picture picture, player.Look(expected));
    if (picture == expected) continue;
    ++differences;
    say(absl::StrCat(name, ", step ", place, " (", step.at("op").get<std::string>(), " ",
                     step.value("evidence", ""), "):"));
    SayMissing("person expected", expected.persons, picture.persons, say);
    SayMissing("person found", picture.persons, expected.persons, say);
    SayMissing("refusal expected", expected.refused, picture.refused, say);
    SayMissing("refusal found", picture.refused, expected.refused, say);
  }
  ++result.scenarios;
  result.differences += differences;
  if (differences == 0) say(absl::StrCat(name, ": as expected"));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ReplayResult> Replay(const ReplayOptions& options,
                                    const std::function<void(const std::string&)>& say) {
  ReplayResult result;
  try {
    json all = json::parse(options.scenarios);
    if (all.is_object()) all = json::array({all});
    Player player(options);
    for (const json& scenario : all) {
      if (!options.only.empty() && scenario.at("name") != options.only) continue;
      DATONG_RETURN_IF_ERROR(ReplayOne(player, scenario, say, result));
    }
  } catch (const json::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("The scenarios are not in the format of a replay: ", error.what()));
  }
  return result;
}

}  // namespace datong::tools
