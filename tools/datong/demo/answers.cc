#include "tools/datong/demo/answers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/status/macros.h"
#include "common/time/shanghai.h"
#include "datong/broker/v1/authorization.grpc.pb.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/broker/v1/readiness.grpc.pb.h"
#include "datong/broker/v1/token.grpc.pb.h"
#include "datong/datacube/v1/statistics.grpc.pb.h"
#include "datong/identity/v1/identity.grpc.pb.h"
#include "datong/ingest/v1/quarantine.grpc.pb.h"
#include "datong/insight/v1/insight.grpc.pb.h"
#include "tools/datong/demo/client.h"
#include "tools/datong/demo/wait.h"

namespace datong::demo {
namespace {

using broker::v1::AuditService;
using broker::v1::AuthorizationService;
using broker::v1::ProjectService;
using broker::v1::ReadinessService;
using datacube::v1::StatisticsService;
using identity::v1::IdentityService;
using ingest::v1::QuarantineService;
using insight::v1::InsightService;

class Asker {
 public:
  Asker(const Stage& stage, const Estate& estate)
      : estate_(estate),
        client_(stage.doors, stage.api_key),
        projects_(client_.StubOf<ProjectService>()),
        authorizations_(client_.StubOf<AuthorizationService>()),
        audit_(client_.StubOf<AuditService>()),
        readiness_(client_.StubOf<ReadinessService>()),
        statistics_(client_.StubOf<StatisticsService>()),
        identity_(client_.StubOf<IdentityService>()),
        quarantine_(client_.StubOf<QuarantineService>()),
        insight_(client_.StubOf<InsightService>()) {}

  absl::StatusOr<Answers> Ask(const std::string& identifier) {
    DATONG_RETURN_IF_ERROR(Settle());
    DATONG_RETURN_IF_ERROR(AskAboutAccounts());
    DATONG_RETURN_IF_ERROR(AskAboutRefusals());
    DATONG_RETURN_IF_ERROR(AskInsight(identifier));
    return std::move(answers_);
  }

 private:
  // Picks the reading one of a generated field's overloads.
  template <typename Message, typename Field>
  static constexpr auto Getter(const Field& (Message::*get)() const) {
    return get;
  }

  // What one moment looks like; when it stays the same, everything has arrived.
  struct Moment {
    int64_t evidence = 0, version = 0, position = 0;
    bool fresh = false;
    bool operator==(const Moment&) const = default;
  };

  absl::StatusOr<Moment> Look() {
    Moment moment;
    identity::v1::GetGraphStatsRequest stats;
    stats.set_project(kProject);
    DATONG_ASSIGN_OR_RETURN(answers_.graph,
                            client_.Ask(identity_, &IdentityService::Stub::GetGraphStats, stats));
    moment.evidence = answers_.graph.evidence_count();
    moment.version = answers_.graph.version();
    insight::v1::SearchPersonsRequest search;
    search.set_project(kProject);
    search.set_query("login:main:case-first");
    search.set_min_identity_version(moment.version);
    DATONG_ASSIGN_OR_RETURN(const auto answer,
                            client_.Ask(insight_, &InsightService::Stub::SearchPersons, search));
    moment.position = answer.as_of().position();
    DATONG_ASSIGN_OR_RETURN(answers_.freshness, Freshness());
    moment.fresh =
        std::all_of(answers_.freshness.begin(), answers_.freshness.end(), [](const auto& f) {
          return f.state() == datacube::v1::FRESHNESS_STATE_COMPLETE ||
                 f.state() == datacube::v1::FRESHNESS_STATE_NOT_OFFERED;
        });
    return moment;
  }

  absl::Status Settle() {
    absl::Status problem;
    Moment before;
    int same = 0;
    const absl::Status settled = WaitUntil("everything has arrived", [&] {
      const absl::StatusOr<Moment> now = Look();
      problem = now.status();
      if (!now.ok()) return false;
      same = *now == before && now->fresh ? same + 1 : 0;
      before = *now;
      absl::SleepFor(absl::Milliseconds(200));
      return same >= 3;
    });
    if (settled.ok() || !problem.ok()) return problem.ok() ? settled : problem;
    return absl::DeadlineExceededError(
        absl::StrCat(std::string(settled.message()), " Last seen: ", before.evidence,
                     " facts, identity version ", before.version, ", position ", before.position,
                     "; statistics ", StatisticsState()));
  }

  std::string StatisticsState() const {
    std::string text;
    for (const datacube::v1::ApiFreshness& f : answers_.freshness) {
      absl::StrAppend(&text, f.app(), " ", f.api(), " ",
                      datacube::v1::FreshnessState_Name(f.state()), " ", f.reason(), "; ");
    }
    return text;
  }

  std::string FirstDay() const { return FormatDay(estate_.first_day); }
  std::string LastDay() const { return FormatDay(estate_.first_day + (estate_.options.days - 1)); }

  template <typename Request>
  Request Ranged() const {
    Request request;
    request.set_project(kProject);
    request.set_begin_day(FirstDay());
    request.set_end_day(LastDay());
    return request;
  }
  template <typename Request>
  Request AsOfNow() const {
    Request request = Ranged<Request>();
    request.set_min_identity_version(answers_.graph.version());
    return request;
  }

  insight::v1::QueryTrafficRequest TrafficRequest(insight::v1::Granularity granularity) const {
    auto request = AsOfNow<insight::v1::QueryTrafficRequest>();
    request.set_granularity(granularity);
    return request;
  }

  // Every page of a list.
  template <typename Item, typename Stub, typename Interface, typename Request, typename Response,
            typename Items>
  absl::StatusOr<std::vector<Item>> All(const std::unique_ptr<Stub>& stub,
                                        grpc::Status (Interface::*rpc)(grpc::ClientContext*,
                                                                       const Request&, Response*),
                                        Request request, Items items) {
    std::vector<Item> all;
    while (true) {
      DATONG_ASSIGN_OR_RETURN(const Response page, client_.Ask(stub, rpc, request));
      for (const Item& item : (page.*items)()) all.push_back(item);
      if (page.next_page_token().empty()) return all;
      request.set_page_token(page.next_page_token());
    }
  }

  absl::StatusOr<std::vector<datacube::v1::ApiFreshness>> Freshness() {
    datacube::v1::GetFreshnessRequest request;
    request.set_project(kProject);
    return All<datacube::v1::ApiFreshness>(statistics_, &StatisticsService::Stub::GetFreshness,
                                           request,
                                           Getter(&datacube::v1::GetFreshnessResponse::freshness));
  }

  absl::Status AskAboutAccounts() {
    broker::v1::ListAppsRequest apps;
    apps.set_project(kProject);
    DATONG_ASSIGN_OR_RETURN(answers_.apps,
                            (All<broker::v1::App>(projects_, &ProjectService::Stub::ListApps, apps,
                                                  Getter(&broker::v1::ListAppsResponse::apps))));
    broker::v1::ListAuthorizationsRequest authorizations;
    authorizations.set_project(kProject);
    DATONG_ASSIGN_OR_RETURN(
        answers_.authorizations,
        (All<broker::v1::Authorization>(
            authorizations_, &AuthorizationService::Stub::ListAuthorizations, authorizations,
            Getter(&broker::v1::ListAuthorizationsResponse::authorizations))));
    broker::v1::CheckReadinessRequest ready;
    ready.set_project(kProject);
    DATONG_ASSIGN_OR_RETURN(
        answers_.readiness,
        client_.Ask(readiness_, &ReadinessService::Stub::CheckReadiness, ready));
    broker::v1::ListAccessRequest accesses;
    accesses.set_project(kProject);
    accesses.set_page_size(500);
    DATONG_ASSIGN_OR_RETURN(
        const auto read,
        (All<broker::v1::Access>(audit_, &AuditService::Stub::ListAccess, accesses,
                                 Getter(&broker::v1::ListAccessResponse::accesses))));
    for (const broker::v1::Access& access : read) {
      if (absl::StrContains(access.action(), "read_token") ||
          absl::StrContains(access.action(), "GetToken")) {
        answers_.token_reads_audited += access.count();
      }
    }
    return absl::OkStatus();
  }

  absl::Status AskAboutRefusals() {
    identity::v1::ListRefusalsRequest refusals;
    refusals.set_project(kProject);
    DATONG_ASSIGN_OR_RETURN(
        answers_.refusals,
        (All<identity::v1::Refusal>(identity_, &IdentityService::Stub::ListRefusals, refusals,
                                    Getter(&identity::v1::ListRefusalsResponse::refusals))));
    ingest::v1::ListQuarantinedEventsRequest quarantined;
    quarantined.set_project(kProject);
    DATONG_ASSIGN_OR_RETURN(
        answers_.quarantined,
        (All<ingest::v1::QuarantinedEvent>(
            quarantine_, &QuarantineService::Stub::ListQuarantinedEvents, quarantined,
            Getter(&ingest::v1::ListQuarantinedEventsResponse::events))));
    return absl::OkStatus();
  }

  // One question, timed.
  template <typename Interface, typename Request, typename Response>
  absl::Status Question(const char* name,
                        grpc::Status (Interface::*rpc)(grpc::ClientContext*, const Request&,
                                                       Response*),
                        const Request& request, Response& answer) {
    const absl::Time begun = absl::Now();
    DATONG_ASSIGN_OR_RETURN(answer, client_.Ask(insight_, rpc, request));
    if (absl::Now() - begun > answers_.slowest_question) {
      answers_.slowest_question = absl::Now() - begun;
      answers_.slowest_name = name;
    }
    return absl::OkStatus();
  }

  absl::Status AskInsight(const std::string& identifier) {
    using Stub = InsightService::Stub;
    DATONG_RETURN_IF_ERROR(Question("traffic", &Stub::QueryTraffic,
                                    TrafficRequest(insight::v1::GRANULARITY_TOTAL),
                                    answers_.traffic_total));
    DATONG_RETURN_IF_ERROR(Question("daily traffic", &Stub::QueryTraffic,
                                    TrafficRequest(insight::v1::GRANULARITY_DAY),
                                    answers_.traffic_by_day));
    DATONG_RETURN_IF_ERROR(Question("overlap", &Stub::QueryOverlap,
                                    AsOfNow<insight::v1::QueryOverlapRequest>(), answers_.overlap));
    DATONG_RETURN_IF_ERROR(
        Question("funnel", &Stub::QueryFunnel, FunnelRequest(), answers_.funnel));
    auto retention = AsOfNow<insight::v1::QueryRetentionRequest>();
    retention.set_cohort(insight::v1::COHORT_KIND_NEW);
    retention.set_periods(kRetentionPeriods);
    DATONG_RETURN_IF_ERROR(
        Question("retention", &Stub::QueryRetention, retention, answers_.retention));
    // The platform's figures also cover the time before the story.
    auto followers = Ranged<insight::v1::QueryFollowerGrowthRequest>();
    followers.set_begin_day(FormatDay(estate_.first_day - 90));
    DATONG_RETURN_IF_ERROR(
        Question("followers", &Stub::QueryFollowerGrowth, followers, answers_.followers));
    insight::v1::GetTimelineRequest timeline;
    timeline.set_project(kProject);
    timeline.set_identifier(identifier);
    timeline.set_page_size(500);
    DATONG_RETURN_IF_ERROR(Question("timeline", &Stub::GetTimeline, timeline, answers_.timeline));
    auto captured = Ranged<insight::v1::QueryTrafficRequest>();
    captured.set_project(kCapturedProject);
    // One of them tells of an order of months ago.
    captured.set_begin_day(FormatDay(estate_.first_day - 300));
    captured.set_granularity(insight::v1::GRANULARITY_TOTAL);
    return Question("captured traffic", &Stub::QueryTraffic, captured, answers_.captured_traffic);
  }

  insight::v1::QueryFunnelRequest FunnelRequest() const {
    auto request = AsOfNow<insight::v1::QueryFunnelRequest>();
    request.mutable_window()->set_seconds(absl::ToInt64Seconds(kFunnelWindow));
    const auto add = [&](const char* title) {
      insight::v1::FunnelStep* step = request.add_steps();
      step->set_display_name(title);
      return step;
    };
    insight::v1::EventSelector* follow = add("关注公众号")->add_any_of();
    follow->add_surfaces(SurfaceName(Surface::kAccount));
    follow->set_event_name("subscribe");
    insight::v1::EventSelector* open = add("打开小程序")->add_any_of();
    open->add_surfaces(SurfaceName(Surface::kShop));
    open->add_surfaces(SurfaceName(Surface::kClub));
    open->set_event_type(ingest::v1::EVENT_TYPE_VISIT);
    add("下单")->add_any_of()->set_event_name(EventName(Action::kOrderSubmit));
    add("支付")->add_any_of()->set_event_name(EventName(Action::kOrderPaid));
    return request;
  }

  const Estate& estate_;
  Client client_;
  std::unique_ptr<ProjectService::Stub> projects_;
  std::unique_ptr<AuthorizationService::Stub> authorizations_;
  std::unique_ptr<AuditService::Stub> audit_;
  std::unique_ptr<ReadinessService::Stub> readiness_;
  std::unique_ptr<StatisticsService::Stub> statistics_;
  std::unique_ptr<IdentityService::Stub> identity_;
  std::unique_ptr<QuarantineService::Stub> quarantine_;
  std::unique_ptr<InsightService::Stub> insight_;
  Answers answers_;
};

}  // namespace

absl::StatusOr<Answers> AskTheSuite(const Stage& stage, const Estate& estate,
                                    const std::string& identifier) {
  return Asker(stage, estate).Ask(identifier);
}

}  // namespace datong::demo
