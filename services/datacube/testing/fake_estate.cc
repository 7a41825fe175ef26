#include "services/datacube/testing/fake_estate.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/identifier/identifier.h"
#include "common/time/shanghai.h"
#include "datong/broker/v1/authorization.grpc.pb.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/identity/v1/privacy.grpc.pb.h"

namespace datong::datacube {
namespace {

using Json = nlohmann::json;

class FakeProjects final : public broker::v1::ProjectService::Service {
  grpc::Status ListProjects(grpc::ServerContext*, const broker::v1::ListProjectsRequest*,
                            broker::v1::ListProjectsResponse* response) override {
    response->add_projects()->set_name("projects/demo");
    return grpc::Status::OK;
  }
};

class FakeAuthorizations final : public broker::v1::AuthorizationService::Service {
 public:
  explicit FakeAuthorizations(FakeEstate& estate) : estate_(estate) {}
  grpc::Status ListAccountChanges(grpc::ServerContext*,
                                  const broker::v1::ListAccountChangesRequest* request,
                                  broker::v1::ListAccountChangesResponse* response) override {
    return estate_.ListAccountChanges(*request, *response);
  }

 private:
  FakeEstate& estate_;
};

class FakeApi final : public broker::v1::ApiService::Service {
 public:
  explicit FakeApi(FakeEstate& estate) : estate_(estate) {}
  grpc::Status CallApi(grpc::ServerContext*, const broker::v1::CallApiRequest* request,
                       broker::v1::CallApiResponse* response) override {
    return estate_.CallApi(*request, *response);
  }

 private:
  FakeEstate& estate_;
};

class FakeIdentity final : public identity::v1::IdentityService::Service {
 public:
  explicit FakeIdentity(FakeEstate& estate) : estate_(estate) {}
  grpc::Status LinkBatch(grpc::ServerContext*, const identity::v1::LinkBatchRequest* request,
                         identity::v1::LinkBatchResponse* response) override {
    return estate_.LinkBatch(*request, *response);
  }
  grpc::Status ResolveBatch(grpc::ServerContext*, const identity::v1::ResolveBatchRequest* request,
                            identity::v1::ResolveBatchResponse* response) override {
    return estate_.ResolveBatch(*request, *response);
  }

 private:
  FakeEstate& estate_;
};

class FakePrivacy final : public identity::v1::PrivacyService::Service {
 public:
  explicit FakePrivacy(FakeEstate& estate) : estate_(estate) {}
  grpc::Status ListErasures(grpc::ServerContext*, const identity::v1::ListErasuresRequest* request,
                            identity::v1::ListErasuresResponse* response) override {
    return estate_.ListErasures(*request, *response);
  }

 private:
  FakeEstate& estate_;
};

}  // namespace

FakeEstate::FakeEstate() {
  server_ = std::make_unique<rpc::TestServer>(std::vector<rpc::TestServer::MakeService>{
      [](rpc::Calls&) { return std::make_unique<FakeProjects>(); },
      [this](rpc::Calls&) { return std::make_unique<FakeAuthorizations>(*this); },
      [this](rpc::Calls&) { return std::make_unique<FakeApi>(*this); },
      [this](rpc::Calls&) { return std::make_unique<FakeIdentity>(*this); },
      [this](rpc::Calls&) { return std::make_unique<FakePrivacy>(*this); }});
}

FakeEstate::~FakeEstate() = default;

void FakeEstate::TellAccount(const std::string& appid, broker::v1::AppKind kind,
                             broker::v1::AppState state) {
  MutexLock lock(&mutex_);
  broker::v1::AccountChange& change = changes_.emplace_back();
  change.mutable_app()->set_appid(appid);
  change.mutable_app()->set_kind(kind);
  change.mutable_app()->set_state(state);
  if (state != broker::v1::APP_STATE_ACTIVE) change.mutable_app()->set_state_detail("taken back");
}
void FakeEstate::SetFollowers(std::map<std::string, std::string> followers, size_t page_size) {
  MutexLock lock(&mutex_);
  followers_ = std::move(followers);
  page_size_ = page_size;
}
void FakeEstate::Spoil(const std::string& openid) {
  MutexLock lock(&mutex_);
  spoiled_.insert(openid);
}
void FakeEstate::PublishUpTo(absl::CivilDay day) {
  MutexLock lock(&mutex_);
  published_ = day;
}
void FakeEstate::AnswerNext(const std::string& path, const std::string& json, int times) {
  MutexLock lock(&mutex_);
  for (int i = 0; i < times; ++i) scripted_[path].push_back(json);
}
void FakeEstate::FailCalls(const std::string& path, const grpc::Status& status) {
  MutexLock lock(&mutex_);
  failing_[path] = status;
}
void FakeEstate::FailIdentity(const grpc::Status& status) {
  MutexLock lock(&mutex_);
  identity_status_ = status;
}
int FakeEstate::CallsOf(const std::string& path) const {
  return static_cast<int>(BodiesOf(path).size());
}
std::vector<std::string> FakeEstate::BodiesOf(const std::string& path) const {
  MutexLock lock(&mutex_);
  const auto bodies = bodies_.find(path);
  return bodies == bodies_.end() ? std::vector<std::string>() : bodies->second;
}
std::multiset<std::string> FakeEstate::evidence() const {
  MutexLock lock(&mutex_);
  return evidence_;
}

grpc::Status FakeEstate::ListAccountChanges(const broker::v1::ListAccountChangesRequest& request,
                                            broker::v1::ListAccountChangesResponse& response) {
  MutexLock lock(&mutex_);
  const size_t from = request.page_token().empty() ? 0 : std::stoul(request.page_token());
  if (from < changes_.size()) *response.add_changes() = changes_[from];
  response.set_next_page_token(absl::StrCat(std::min(from + 1, changes_.size())));
  response.set_caught_up(from + 1 >= changes_.size());
  return grpc::Status::OK;
}

grpc::Status FakeEstate::CallApi(const broker::v1::CallApiRequest& request,
                                 broker::v1::CallApiResponse& response) {
  MutexLock lock(&mutex_);
  bodies_[request.path()].push_back(request.json());
  if (!failing_[request.path()].ok()) return failing_[request.path()];
  std::deque<std::string>& scripted = scripted_[request.path()];
  if (!scripted.empty()) {
    response.set_json(scripted.front());
    scripted.pop_front();
  } else {
    response.set_json(Answer(request));
  }
  return grpc::Status::OK;
}

std::string FakeEstate::Answer(const broker::v1::CallApiRequest& request) {
  if (request.path() == "/cgi-bin/user/get") {
    const auto next = request.query().find("next_openid");
    auto follower =
        next == request.query().end() ? followers_.begin() : followers_.upper_bound(next->second);
    Json openids = Json::array();
    for (; follower != followers_.end() && openids.size() < page_size_; ++follower) {
      openids.push_back(follower->first);
    }
    Json page = {{"total", followers_.size()}, {"count", openids.size()}};
    page["next_openid"] = openids.empty() ? Json("") : openids.back();
    if (!openids.empty()) page["data"] = {{"openid", openids}};
    return page.dump();
  }
  const Json body = Json::parse(request.json());
  if (request.path() == "/cgi-bin/user/info/batchget") {
    if (body.at("user_list").size() > 100) return R"({"errcode":40032,"errmsg":"invalid size"})";
    Json infos = Json::array();
    for (const Json& user : body.at("user_list")) {
      const std::string openid = user.at("openid");
      if (spoiled_.contains(openid)) return R"({"errcode":40003,"errmsg":"invalid openid"})";
      Json info = {{"openid", openid}, {"subscribe", followers_.contains(openid) ? 1 : 0}};
      if (followers_.contains(openid)) {
        info["subscribe_time"] = 1'700'000'000;
        info["subscribe_scene"] = "ADD_SCENE_QR_CODE";
        if (!followers_[openid].empty()) info["unionid"] = followers_[openid];
      }
      infos.push_back(info);
    }
    return Json({{"user_info_list", infos}}).dump();
  }
  const absl::CivilDay begin = *ParseDay(body.at("begin_date").get<std::string>());
  const absl::CivilDay end = *ParseDay(body.at("end_date").get<std::string>());
  if (end - begin >= 7) return R"({"errcode":61501,"errmsg":"date range error"})";
  Json rows = Json::array();
  for (absl::CivilDay day = begin; day <= std::min(end, published_); ++day) {
    if (request.path() == "/datacube/getusercumulate") {
      rows.push_back({{"ref_date", FormatDay(day)}, {"cumulate_user", 1000 + DayNumber(day)}});
      continue;
    }
    rows.push_back(
        {{"ref_date", FormatDay(day)}, {"user_source", 0}, {"new_user", 2}, {"cancel_user", 1}});
    rows.push_back({{"ref_date", FormatDay(day)},
                    {"user_source", 30},
                    {"new_user", day.day()},
                    {"cancel_user", 0}});
  }
  return Json({{"list", rows}}).dump();
}

grpc::Status FakeEstate::LinkBatch(const identity::v1::LinkBatchRequest& request,
                                   identity::v1::LinkBatchResponse&) {
  MutexLock lock(&mutex_);
  if (!identity_status_.ok()) return identity_status_;
  for (const identity::v1::Evidence& evidence : request.evidence()) {
    evidence_.insert(absl::StrJoin(evidence.ids(), " "));
  }
  return grpc::Status::OK;
}

void FakeEstate::Erase(const std::string& identifier, absl::Time time) {
  MutexLock lock(&mutex_);
  auto& erasure = erasures_.emplace_back();
  erasure.set_node(NodeOf(1, identifier));
  erasure.mutable_erase_time()->set_seconds(absl::ToUnixSeconds(time));
}
void FakeEstate::SetKnown(std::set<std::string> identifiers) {
  MutexLock lock(&mutex_);
  known_ = std::move(identifiers);
}

grpc::Status FakeEstate::ResolveBatch(const identity::v1::ResolveBatchRequest& request,
                                      identity::v1::ResolveBatchResponse& response) {
  MutexLock lock(&mutex_);
  if (!identity_status_.ok()) return identity_status_;
  for (const std::string& identifier : request.identifiers()) {
    response.add_results()->set_person_index(known_.contains(identifier) ? 1 : 0);
  }
  return grpc::Status::OK;
}

grpc::Status FakeEstate::ListErasures(const identity::v1::ListErasuresRequest& request,
                                      identity::v1::ListErasuresResponse& response) {
  MutexLock lock(&mutex_);
  const size_t from = request.cursor().empty() ? 0 : std::stoul(request.cursor());
  for (size_t i = from; i < erasures_.size(); ++i) *response.add_erasures() = erasures_[i];
  response.set_next_cursor(absl::StrCat(erasures_.size()));
  response.set_project_number(1);
  return grpc::Status::OK;
}

}  // namespace datong::datacube
