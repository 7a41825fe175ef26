#include "tools/datong/demo/story.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/base/mutex.h"
#include "common/http/client.h"
#include "common/status/macros.h"
#include "common/time/shanghai.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "datong/datacube/v1/statistics.grpc.pb.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/ingest/v1/event.grpc.pb.h"
#include "tools/datong/demo/captured.h"
#include "tools/datong/demo/cases.h"
#include "tools/datong/demo/client.h"
#include "tools/datong/demo/connect.h"
#include "tools/datong/demo/sdk_wire.h"
#include "tools/datong/demo/wait.h"
#include "tools/datong/demo/world.h"

namespace datong::demo {
namespace {

namespace broker = datong::broker::v1;
namespace datacube = datong::datacube::v1;
namespace identity = datong::identity::v1;
namespace ingest = datong::ingest::v1;
using Json = nlohmann::json;

constexpr size_t kConnections = 24;
// By 09:00 every account's night has begun (08:10 and up to 40 minutes of spread).
constexpr int kMorning = 9 * 60;

std::string AppName(const char* appid) { return absl::StrCat(kProject, "/apps/", appid); }

void SetTime(google::protobuf::Timestamp* proto, absl::Time time) {
  proto->set_seconds(absl::ToUnixSeconds(time));
  proto->set_nanos(
      static_cast<int>((time - absl::FromUnixSeconds(proto->seconds())) / absl::Nanoseconds(1)));
}

class Teller {
 public:
  Teller(const Stage& stage, const Estate& estate)
      : stage_(stage),
        estate_(estate),
        client_(stage.doors, stage.api_key),
        http_({.allow_private = true, .max_connections_per_host = kConnections}),
        tokens_(client_.StubOf<broker::TokenService>()),
        logins_(client_.StubOf<broker::LoginService>()),
        identity_(client_.StubOf<identity::IdentityService>()),
        events_(client_.StubOf<ingest::EventService>()),
        statistics_(client_.StubOf<datacube::StatisticsService>()) {
    // Late enough to be in quarantine still, which keeps what it holds for 30 days.
    bad_day_ = estate.options.days - 7;
    while (bad_day_ > 0 && DayAt(bad_day_).visits.empty()) --bad_day_;
  }

  absl::StatusOr<Experience> Tell(const std::function<void(const std::string&)>& progress) {
    const auto begun = std::chrono::steady_clock::now();
    DATONG_RETURN_IF_ERROR(MoveTo(0, 9 * 60));
    progress("The administrator connects the accounts");
    DATONG_RETURN_IF_ERROR(
        FillSimulator(*stage_.simulator, estate_, stage_.doors.gateway_url, "demo"));
    DATONG_ASSIGN_OR_RETURN(experience_.refusal_page, ConnectAccounts(stage_, client_, http_));
    is_connected_ = true;
    progress("The SDKs' captured requests are replayed");
    DATONG_ASSIGN_OR_RETURN(experience_.captured_requests,
                            ReplayCapturedRequests(stage_, client_, http_));
    for (int day = 0; day < estate_.options.days; ++day) {
      if (day % 10 == 0) {
        progress(absl::StrCat("Day ", day + 1, " of ", estate_.options.days, ", ",
                              FormatDay(estate_.days[static_cast<size_t>(day)].date)));
      }
      DATONG_RETURN_IF_ERROR(PassDay(day));
    }
    // One more morning brings the last day's statistics.
    DATONG_RETURN_IF_ERROR(MoveTo(estate_.options.days, kMorning));
    DATONG_RETURN_IF_ERROR(AwaitStatistics());
    experience_.elapsed = absl::FromChrono(std::chrono::steady_clock::now() - begun);
    return experience_;
  }

 private:
  const Day& DayAt(int day) const { return estate_.days[static_cast<size_t>(day)]; }
  const Person& PersonAt(int id) const { return estate_.persons[static_cast<size_t>(id)]; }

  // What WeChat has sent is taken before time goes on, and a component lives on its tickets. Hours
  // pass at once, and with them every token's life: what is fetched anew must not be under way
  // still, with a ticket of two steps ago, when time goes on again.
  absl::Status MoveTo(int day, int minute) {
    DATONG_RETURN_IF_ERROR(Drain());
    stage_.simulator->SetNow(ShanghaiMidnight(estate_.first_day + day) + absl::Minutes(minute));
    if (!is_connected_) return absl::OkStatus();
    DATONG_RETURN_IF_ERROR(
        stage_.simulator
            ->Admin("POST", "/admin/tickets/push", {{"component_appid", kComponentAppid}})
            .status());
    DATONG_RETURN_IF_ERROR(Drain());
    constexpr const char* kApps[] = {kAccountAppid, kShopAppid, kClubAppid};
    return InParallel(std::size(kApps), [&](size_t at) {
      broker::GetTokenRequest request;
      request.set_app(AppName(kApps[at]));
      return client_.Ask(tokens_, &broker::TokenService::Stub::GetToken, request).status();
    });
  }

  absl::Status Drain() {
    DATONG_ASSIGN_OR_RETURN(
        const Json idle, stage_.simulator->Admin("POST", "/admin/drain", {{"timeout_ms", 60000}}));
    if (idle.value("idle", false)) return absl::OkStatus();
    return absl::DeadlineExceededError("The suite did not take WeChat's pushes within a minute.");
  }

  // A morning with the night's statistics and the day's sign-ins, an afternoon with follows and the
  // visits so far, an evening with the rest: steps of less than 10 hours, and each takes its time.
  absl::Status PassDay(int day) {
    if (day > 0) {
      DATONG_RETURN_IF_ERROR(SpoilMorning(day));
      DATONG_RETURN_IF_ERROR(MoveTo(day, kMorning));
    }
    DATONG_RETURN_IF_ERROR(SignIns(day));
    DATONG_RETURN_IF_ERROR(AwaitStatistics());
    DATONG_RETURN_IF_ERROR(MoveTo(day, kFollowStartMinute + 15));
    DATONG_RETURN_IF_ERROR(Pushes(day));
    DATONG_RETURN_IF_ERROR(CollectVisits(day, 0, kFollowStartMinute));
    DATONG_RETURN_IF_ERROR(MoveTo(day, 23 * 60 + 45));
    DATONG_RETURN_IF_ERROR(CollectVisits(day, kFollowStartMinute, 24 * 60));
    DATONG_RETURN_IF_ERROR(ReportPayments(day));
    DATONG_RETURN_IF_ERROR(ReportLogins(day));
    DATONG_RETURN_IF_ERROR(ShowCases(day));
    if (day == 6) DATONG_RETURN_IF_ERROR(TokenExpiresUnderLoad());
    if (day == bad_day_) DATONG_RETURN_IF_ERROR(SendBadBatches(day));
    return absl::OkStatus();
  }

  // The night's work has ended, well or not.
  absl::Status AwaitStatistics() {
    datacube::GetFreshnessRequest request;
    request.set_project(kProject);
    return WaitUntil("the night's statistics were asked for", [&] {
      const auto answer =
          client_.Ask(statistics_, &datacube::StatisticsService::Stub::GetFreshness, request);
      return answer.ok() &&
             std::none_of(answer->freshness().begin(), answer->freshness().end(),
                          [](const datacube::ApiFreshness& freshness) {
                            return freshness.state() == datacube::FRESHNESS_STATE_SYNCING;
                          });
    });
  }

  // One morning the statistics are not ready at first, one they come empty.
  absl::Status SpoilMorning(int day) {
    Json fault;
    if (day == 3) fault = {{"kind", "errcode"}, {"errcode", 61503}, {"count", 2}};
    if (day == 5) fault = {{"kind", "empty_list"}, {"count", 1}};
    if (fault.is_null()) return absl::OkStatus();
    fault["path"] = "/datacube/";
    return stage_.simulator->Admin("POST", "/admin/faults", fault).status();
  }

  absl::Status Pushes(int day) {
    const auto push = [&](const char* path, const std::vector<int>& people,
                          bool follow) -> absl::Status {
      if (people.empty()) return absl::OkStatus();
      const absl::Time now = stage_.simulator->Now();
      Json events = Json::array();
      for (const int id : people) {
        Json event = {{"openid", PersonAt(id).account_openid}, {"at_s", absl::ToUnixSeconds(now)}};
        if (follow) event["scene"] = PersonAt(id).subscribe_scene;
        if (follow) experience_.follow_times[id] = absl::FromUnixSeconds(absl::ToUnixSeconds(now));
        events.push_back(std::move(event));
      }
      experience_.pushes += static_cast<int64_t>(people.size());
      return stage_.simulator
          ->Admin("POST", path, {{"appid", kAccountAppid}, {"events", std::move(events)}})
          .status();
    };
    DATONG_RETURN_IF_ERROR(push("/admin/follow", DayAt(day).follows, true));
    return push("/admin/unfollow", DayAt(day).unfollows, false);
  }

  // Those who open a mini program for the first time and let it sign them in.
  absl::Status SignIns(int day) {
    std::vector<std::pair<const char*, std::string>> sign_ins;
    for (const Visit& visit : DayAt(day).visits) {
      if (!visit.first || visit.embedded) continue;
      const Person& person = PersonAt(visit.person);
      if (visit.surface == Surface::kShop && person.signs_in_shop) {
        sign_ins.emplace_back(kShopAppid, person.shop_openid);
      }
      if (visit.surface == Surface::kClub && person.signs_in_club) {
        sign_ins.emplace_back(kClubAppid, person.club_openid);
      }
    }
    experience_.logins += static_cast<int64_t>(sign_ins.size());
    return InParallel(sign_ins.size(), [&](size_t at) -> absl::Status {
      const auto& [appid, openid] = sign_ins[at];
      DATONG_ASSIGN_OR_RETURN(const Json code,
                              stage_.simulator->Admin("POST", "/admin/js_codes",
                                                      {{"appid", appid}, {"openid", openid}}));
      broker::LoginMiniProgramRequest request;
      request.set_app(AppName(appid));
      request.set_js_code(code["code"].get<std::string>());
      DATONG_ASSIGN_OR_RETURN(
          const auto login,
          client_.Ask(logins_, &broker::LoginService::Stub::LoginMiniProgram, request));
      if (login.openid() != openid) return absl::InternalError("A login gave another openid.");
      return absl::OkStatus();
    });
  }

  // The visits that begin in these minutes of the day.
  absl::Status CollectVisits(int day, int from_minute, int to_minute) {
    const absl::Time midnight = ShanghaiMidnight(DayAt(day).date);
    std::vector<std::pair<const Visit*, std::string>> requests;
    for (const Visit& visit : DayAt(day).visits) {
      if (visit.start < midnight + absl::Minutes(from_minute)) continue;
      if (visit.start >= midnight + absl::Minutes(to_minute)) break;
      for (std::string& body : SdkBodies(visit, PersonAt(visit.person))) {
        requests.emplace_back(&visit, std::move(body));
      }
    }
    experience_.sdk_requests += static_cast<int64_t>(requests.size());
    return InParallel(requests.size(), [&](size_t at) {
      return Collect(requests[at].first->surface, requests[at].second);
    });
  }

  absl::StatusOr<int> Post(Surface surface, const std::string& body) {
    http::ClientRequest request;
    request.method = "POST";
    request.url = absl::StrCat(stage_.doors.collector_url, "/v3/projects/demo/collect?stm=",
                               absl::ToUnixMillis(stage_.simulator->Now()), "&compress=0");
    if (surface == Surface::kH5) {
      request.headers = {{"Content-Type", "text/plain;charset=UTF-8"},
                         {"Origin", "https://m.example.cn"}};
    } else {
      request.headers = {{"Content-Type", "application/json;charset=UTF-8"}};
    }
    request.body = body;
    DATONG_ASSIGN_OR_RETURN(const http::ClientResponse response,
                            http_.Send(request, Deadline::After(absl::Seconds(30))));
    return response.status;
  }

  absl::Status Collect(Surface surface, const std::string& body) {
    DATONG_ASSIGN_OR_RETURN(const int status, Post(surface, body));
    if (status == 204) return absl::OkStatus();
    return absl::InternalError(
        absl::StrCat("The collector answered ", status, " to a good batch."));
  }

  absl::Status ReportPayments(int day) {
    if (DayAt(day).payments.empty()) return absl::OkStatus();
    ingest::AppendEventsRequest request;
    request.set_source(absl::StrCat(kProject, "/sources/shop-server"));
    for (const Payment& payment : DayAt(day).payments) {
      const Person& buyer = PersonAt(payment.person);
      ingest::Event* event = request.add_events();
      event->set_event_id(payment.order_id);
      SetTime(event->mutable_event_time(), payment.at);
      event->set_type(ingest::EVENT_TYPE_CUSTOM);
      event->set_event_name("order_paid");
      event->set_identifier(absl::StrCat("login:main:", buyer.login));
      event->add_identifiers(absl::StrCat("openid:", kShopAppid, ":", buyer.shop_openid));
      (*event->mutable_attributes())["amount"] = "199.00";
    }
    DATONG_ASSIGN_OR_RETURN(
        const auto appended,
        client_.Ask(events_, &ingest::EventService::Stub::AppendEvents, request));
    for (const ingest::EventResult& result : appended.results()) {
      if (result.code() != ingest::EVENT_RESULT_CODE_STORED) {
        return absl::InternalError(absl::StrCat("A payment was not stored: ", result.reason()));
      }
    }
    return absl::OkStatus();
  }

  // The shop's server tells who has logged in on the H5 site for the first time.
  absl::Status ReportLogins(int day) {
    identity::LinkBatchRequest request;
    request.set_project(kProject);
    for (const Visit& visit : DayAt(day).visits) {
      const Person& person = PersonAt(visit.person);
      if (!visit.first || visit.surface != Surface::kH5 || person.h5 != H5Group::kLogsIn) continue;
      identity::Evidence* evidence = request.add_evidence();
      evidence->set_kind("tenant.login");
      evidence->add_ids(absl::StrCat("login:main:", person.login));
      evidence->add_ids(absl::StrCat("device:", kH5Scope, ":", person.h5_device));
      SetTime(evidence->mutable_observed_time(), stage_.simulator->Now());
      evidence->set_request_id(absl::StrCat("h5-login-", person.id));
    }
    if (request.evidence().empty()) return absl::OkStatus();
    return client_.Ask(identity_, &identity::IdentityService::Stub::LinkBatch, request).status();
  }

  absl::Status ShowCases(int day) {
    for (const Case& constructed : ConstructedCases()) {
      for (const CaseStep& step : constructed.steps) {
        if (step.day != day) continue;
        if (step.kind == "sdk") {
          const absl::Time at = ShanghaiMidnight(estate_.first_day + day) + absl::Hours(22);
          DATONG_RETURN_IF_ERROR(Collect(Surface::kShop, ClaimBody(step, at)));
          continue;
        }
        identity::LinkRequest request;
        request.set_project(kProject);
        request.mutable_evidence()->set_kind(step.kind);
        for (const std::string& id : step.ids) request.mutable_evidence()->add_ids(id);
        SetTime(request.mutable_evidence()->mutable_observed_time(), stage_.simulator->Now());
        request.mutable_evidence()->set_snapshot(step.snapshot);
        DATONG_RETURN_IF_ERROR(
            client_.Ask(identity_, &identity::IdentityService::Stub::Link, request).status());
      }
    }
    return absl::OkStatus();
  }

  // WeChat takes the club's token back while many callers read it: one of them reports it, and all
  // go on with the next one.
  absl::Status TokenExpiresUnderLoad() {
    constexpr size_t kReads = 4000;
    Mutex mutex;
    std::set<std::string> fingerprints;
    std::atomic<int64_t> failures = 0;
    broker::GetTokenRequest request;
    request.set_app(AppName(kClubAppid));
    const auto read = [&](size_t at) -> absl::Status {
      if (at == kReads / 2) {
        DATONG_RETURN_IF_ERROR(
            stage_.simulator
                ->Admin("POST", "/admin/tokens/expire",
                        {{"appid", kClubAppid}, {"kind", "stable"}, {"how", "invalidate"}})
                .status());
      }
      const auto token = client_.Ask(tokens_, &broker::TokenService::Stub::GetToken, request);
      if (!token.ok()) {
        ++failures;
        return absl::OkStatus();
      }
      if (at == kReads / 2) {
        broker::ReportInvalidTokenRequest report;
        report.set_app(request.app());
        report.set_fingerprint(token->fingerprint());
        DATONG_RETURN_IF_ERROR(
            client_.Ask(tokens_, &broker::TokenService::Stub::ReportInvalidToken, report).status());
      }
      MutexLock lock(&mutex);
      fingerprints.insert(token->fingerprint());
      return absl::OkStatus();
    };
    DATONG_RETURN_IF_ERROR(InParallel(kReads, read));
    experience_.token_reads_under_load = kReads;
    experience_.failed_token_reads = failures;
    experience_.distinct_tokens_seen = static_cast<int64_t>(fingerprints.size());
    return absl::OkStatus();
  }

  absl::Status SendBadBatches(int day) {
    const Visit& visit = DayAt(day).visits.front();
    DATONG_ASSIGN_OR_RETURN(experience_.duplicate_batch_answer,
                            Post(visit.surface, SdkBodies(visit, PersonAt(visit.person)).front()));
    DATONG_ASSIGN_OR_RETURN(experience_.malformed_batch_answer,
                            Post(Surface::kShop, R"([{"eventType":"PAGE","deviceId":"d-1",)"));
    return absl::OkStatus();
  }

  // Runs `work` for 0..count-1 on a few threads; the first error ends it.
  absl::Status InParallel(size_t count, const std::function<absl::Status(size_t)>& work) {
    std::atomic<size_t> next = 0;
    Mutex mutex;
    absl::Status first_error;
    std::vector<std::thread> threads;
    for (size_t i = 0; i < std::min(count, kConnections); ++i) {
      threads.emplace_back([&] {
        while (true) {
          const size_t at = next++;
          if (at >= count) return;
          const absl::Status status = work(at);
          if (status.ok()) continue;
          MutexLock lock(&mutex);
          first_error.Update(status);
          next = count;
          return;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    return first_error;
  }

  const Stage& stage_;
  const Estate& estate_;
  Client client_;
  http::Client http_;
  std::unique_ptr<broker::TokenService::Stub> tokens_;
  std::unique_ptr<broker::LoginService::Stub> logins_;
  std::unique_ptr<identity::IdentityService::Stub> identity_;
  std::unique_ptr<ingest::EventService::Stub> events_;
  std::unique_ptr<datacube::StatisticsService::Stub> statistics_;
  Experience experience_;
  int bad_day_ = 0;
  bool is_connected_ = false;
};

}  // namespace

absl::StatusOr<Experience> TellStory(const Stage& stage, const Estate& estate,
                                     const std::function<void(const std::string&)>& progress) {
  return Teller(stage, estate).Tell(progress);
}

}  // namespace datong::demo
