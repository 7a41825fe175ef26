// Events over gRPC and sources, end to end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/identifier/identifier.h"
#include "services/ingest/testing/ingest_fixture.h"

namespace datong::ingest {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class EventsTest : public IngestTest {
 protected:
  EventsTest() {
    CreateSource("server", [](v1::Source& source) { source.set_kind(v1::SOURCE_KIND_SERVER); });
    request_.set_source(kServer);
  }
  v1::AppendEventsRequest With(std::initializer_list<v1::Event> events) {
    v1::AppendEventsRequest request = request_;
    for (const v1::Event& event : events) *request.add_events() = event;
    return request;
  }
  grpc::Status AppendStatus(const v1::AppendEventsRequest& request) {
    grpc::ClientContext context;
    v1::AppendEventsResponse response;
    return events_->AppendEvents(&context, request, &response);
  }
  static constexpr char kServer[] = "projects/91eaf9b283361032/sources/server";
  v1::AppendEventsRequest request_;
};

TEST_F(EventsTest, AppendedEventsAreCommittedAndRepeatsAreDuplicates) {
  const auto batch =
      With({NamedEventOf("1", "login:main:m-1"), NamedEventOf("2", "login:main:m-2")});
  const v1::AppendEventsResponse first = Append(batch);
  ASSERT_THAT(first.results(), SizeIs(2));
  EXPECT_EQ(first.results(0).code(), v1::EVENT_RESULT_CODE_STORED);
  EXPECT_EQ(std::to_string(first.position()), Ask("SELECT max(id) FROM ingest.batches"));
  const v1::AppendEventsResponse second = Append(batch);
  EXPECT_EQ(second.results(1).code(), v1::EVENT_RESULT_CODE_DUPLICATE);
  EXPECT_EQ(second.position(), 0);
  StopProcess();
  StartProcess();
  v1::AppendEventsRequest mixed = batch;
  *mixed.add_events() = NamedEventOf("3", "login:main:m-3");
  const v1::AppendEventsResponse third = Append(mixed);
  EXPECT_EQ(third.results(0).code(), v1::EVENT_RESULT_CODE_DUPLICATE);
  EXPECT_EQ(third.results(2).code(), v1::EVENT_RESULT_CODE_STORED);
  EXPECT_EQ(CountEvents(), 3);
  EXPECT_EQ(Ask("SELECT count(*) FROM ingest.batches AS b WHERE row_count <> "
                "(SELECT count(*) FROM ingest.events AS e WHERE e.batch_id = b.id AND e.event_id "
                "BETWEEN b.min_event_id AND b.max_event_id)"),
            "0");
  EXPECT_EQ(Ask("SELECT concat_ws('|', event_name, user_id, event ->> 'identifier', "
                "event #>> '{attributes,amount}', node) FROM ingest.events_json "
                "WHERE user_id = 'm-1'"),
            absl::StrCat("order_paid|m-1|login:main:m-1|19.9|", NodeOf(7, "login:main:m-1")));
  EXPECT_EQ(Flags("user_id = 'm-1'"), "trust_server");
}

TEST_F(EventsTest, EveryRefusedEventSaysWhy) {
  v1::Event no_id = NamedEventOf("", "login:main:m");
  v1::Event no_time = NamedEventOf("t", "login:main:m");
  no_time.clear_event_time();
  v1::Event no_name = NamedEventOf("n", "login:main:m");
  no_name.clear_event_name();
  v1::Event large = NamedEventOf("l", "login:main:m");
  (*large.mutable_attributes())["x"] = std::string(70'000, 'x');
  v1::Event no_type = NamedEventOf("y", "login:main:m");
  no_type.clear_type();
  v1::Event nul = NamedEventOf("z", "login:main:m");
  (*nul.mutable_attributes())["x"] = std::string("a\0b", 3);
  const v1::AppendEventsResponse response =
      Append(With({NamedEventOf("ok", "login:main:m"), no_id, no_time, no_name, large, no_type, nul,
                   NamedEventOf("i", ""), NamedEventOf("j", "nonsense"),
                   NamedEventOf("k", "login:main:m", 5)}));
  std::vector<std::string> reasons;
  for (const v1::EventResult& result : response.results()) reasons.push_back(result.reason());
  EXPECT_THAT(reasons,
              ::testing::ElementsAre("", "schema", "schema", "schema", "too_large_event", "schema",
                                     "schema", "no_identity", "schema", "time_out_of_range"));
  EXPECT_EQ(CountEvents(), 1);
  EXPECT_THAT(Quarantine(), SizeIs(9));
  EXPECT_EQ(Replay().failed(), 9);
  EXPECT_EQ(CountEvents(), 1);
}

TEST_F(EventsTest, AnIdWithOtherContentIsQuarantined) {
  v1::Event other = NamedEventOf("1", "login:main:m-1");
  (*other.mutable_attributes())["amount"] = "20";
  const v1::AppendEventsResponse response =
      Append(With({NamedEventOf("1", "login:main:m-1"), other}));
  EXPECT_EQ(response.results(0).code(), v1::EVENT_RESULT_CODE_STORED);
  EXPECT_EQ(response.results(1).code(), v1::EVENT_RESULT_CODE_QUARANTINED);
  EXPECT_EQ(response.results(1).reason(), "id_reused");
  EXPECT_EQ(Quarantine()[0].reason(), "id_reused");
}

TEST_F(EventsTest, LoginsOfServersAreEvidence) {
  v1::Event event = NamedEventOf("1", "login:main:m-1");
  event.add_identifiers("openid:wx1:oA");
  Append(With({event}));
  EXPECT_TRUE(Eventually([&] {
    return identity_.Knows("tenant.login", {"login:main:m-1", "openid:wx1:oA"});
  }));
}

TEST_F(EventsTest, PushSourcesShareTheirAppsSurface) {
  grpc::ClientContext context;
  v1::EnsurePushSourceRequest ensure;
  ensure.set_project(kProject);
  ensure.set_app("wx1");
  v1::EnsurePushSourceResponse push;
  ASSERT_TRUE(sources_->EnsurePushSource(&context, ensure, &push).ok());
  EXPECT_EQ(push.source().name(), absl::StrCat(kProject, "/sources/push-wx1"));
  EXPECT_EQ(push.source().surface(), "wx1");
  CreateSource("mini", [](v1::Source& source) {
    source.set_app("wx1");
    source.set_surface("shop");
  });
  grpc::ClientContext again;
  ASSERT_TRUE(sources_->EnsurePushSource(&again, ensure, &push).ok());
  EXPECT_EQ(push.source().surface(), "shop");

  v1::AppendEventsRequest request;
  request.set_source(push.source().name());
  v1::Event event = NamedEventOf("msg-1", "openid:wx1:oA");
  event.set_type(v1::EVENT_TYPE_PLATFORM_PUSH);
  event.set_event_name("subscribe");
  *request.add_events() = event;
  EXPECT_EQ(Append(request).results(0).code(), v1::EVENT_RESULT_CODE_STORED);
  EXPECT_EQ(Ask("SELECT event_type || event_name || openid FROM ingest.events"), "100subscribeoA");
}

TEST_F(EventsTest, OnlyTrustedKnownSourcesAreAppendedTo) {
  CreateSource("sdk");
  request_.set_source(absl::StrCat(kProject, "/sources/sdk"));
  EXPECT_EQ(AppendStatus(request_).error_code(), grpc::StatusCode::PERMISSION_DENIED);
  request_.set_source(absl::StrCat(kProject, "/sources/nobody"));
  EXPECT_EQ(AppendStatus(request_).error_code(), grpc::StatusCode::NOT_FOUND);
  request_.set_source("nonsense");
  EXPECT_EQ(AppendStatus(request_).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request_.set_source(kServer);
  for (int i = 0; i < 5'001; ++i) request_.add_events();
  EXPECT_EQ(AppendStatus(request_).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(EventsTest, StreamsAreAcknowledgedInOrderAfterTheCommit) {
  grpc::ClientContext context;
  auto stream = events_->StreamEvents(&context);
  constexpr int kBatches = 50;
  for (int batch = 0; batch < kBatches; ++batch) {
    v1::StreamEventsRequest request;
    if (batch == 0) request.set_source(kServer);
    for (int i = 0; i < 20; ++i) {
      *request.add_events() =
          NamedEventOf(absl::StrCat(batch, "-", i), absl::StrCat("login:main:m-", i));
    }
    if (batch == 7) request.mutable_events(3)->clear_identifier();
    ASSERT_TRUE(stream->Write(request));
  }
  stream->WritesDone();
  v1::StreamEventsResponse ack;
  for (int batch = 0; batch < kBatches; ++batch) {
    ASSERT_TRUE(stream->Read(&ack));
    EXPECT_EQ(ack.acknowledged(), batch + 1);
    EXPECT_EQ(ack.results_size(), batch == 7 ? 20 : 0);
    EXPECT_GT(ack.position(), 0);
  }
  EXPECT_FALSE(stream->Read(&ack));
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(CountEvents(), kBatches * 20 - 1);
}

TEST_F(EventsTest, AStreamEndsWithTheErrorOfABadRequest) {
  grpc::ClientContext context;
  auto stream = events_->StreamEvents(&context);
  v1::StreamEventsRequest request;
  *request.add_events() = NamedEventOf("1", "login:main:m");
  stream->Write(request);
  v1::StreamEventsResponse ack;
  EXPECT_FALSE(stream->Read(&ack));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(EventsTest, SourcesAreKeptAsTheyWereGiven) {
  const v1::Source created = CreateSource("h5", [](v1::Source& source) {
    source.set_app("wxoa");
    source.set_device_scope("m.example.cn");
    source.add_origins("https://m.example.cn");
    (*source.mutable_login_spaces())["k"] = "other";
  });
  EXPECT_GT(created.number(), 0);
  EXPECT_THAT(created.write_key(), SizeIs(32));
  EXPECT_EQ(created.surface(), "wxoa");
  EXPECT_EQ(created.trust(), v1::TRUST_CLIENT);
  StopProcess();
  StartProcess();
  v1::GetSourceRequest get;
  get.set_name(created.name());
  v1::GetSourceResponse got;
  grpc::ClientContext context;
  ASSERT_TRUE(sources_->GetSource(&context, get, &got).ok());
  EXPECT_EQ(got.source().SerializeAsString(), created.SerializeAsString());

  v1::UpdateSourceRequest update;
  *update.mutable_source() = created;
  update.mutable_source()->set_disabled(true);
  v1::UpdateSourceResponse updated;
  grpc::ClientContext update_context;
  ASSERT_TRUE(sources_->UpdateSource(&update_context, update, &updated).ok());
  EXPECT_TRUE(updated.source().disabled());
  EXPECT_EQ(updated.source().write_key(), created.write_key());

  v1::ListSourcesRequest list;
  list.set_project(kProject);
  list.set_page_size(1);
  v1::ListSourcesResponse page;
  grpc::ClientContext list_context;
  ASSERT_TRUE(sources_->ListSources(&list_context, list, &page).ok());
  EXPECT_EQ(page.project_number(), 7);
  EXPECT_EQ(page.sources(0).name(), created.name());
  list.set_page_token(page.next_page_token());
  grpc::ClientContext next_context;
  ASSERT_TRUE(sources_->ListSources(&next_context, list, &page).ok());
  EXPECT_EQ(page.sources(0).name(), kServer);
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(EventsTest, KeysAndNumbersBelongToOne) {
  grpc::ClientContext context;
  v1::RegisterProjectRequest project;
  project.set_project("projects/other");
  project.set_number(7);
  v1::RegisterProjectResponse registered;
  EXPECT_EQ(sources_->RegisterProject(&context, project, &registered).error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
  CreateSource("a", [](v1::Source& source) { source.set_write_key("k"); });
  v1::CreateSourceRequest request;
  request.mutable_source()->set_name(absl::StrCat(kProject, "/sources/b"));
  request.mutable_source()->set_kind(v1::SOURCE_KIND_SDK);
  request.mutable_source()->set_write_key("k");
  v1::CreateSourceResponse response;
  grpc::ClientContext create;
  EXPECT_EQ(sources_->CreateSource(&create, request, &response).error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
}

TEST_F(EventsTest, MetricsCountWhatBecameOfEvents) {
  Append(With({NamedEventOf("1", "login:main:m"), NamedEventOf("1", "login:main:m"),
               NamedEventOf("2", "")}));
  const std::string metrics = process_->metrics().Serialize();
  EXPECT_THAT(metrics,
              HasSubstr("datong_ingest_events_total{result=\"accepted\",source=\"grpc\"} 1"));
  EXPECT_THAT(metrics,
              HasSubstr("datong_ingest_events_total{result=\"duplicate\",source=\"grpc\"} 1"));
  EXPECT_THAT(metrics,
              HasSubstr("datong_ingest_events_total{result=\"quarantined\",source=\"grpc\"} 1"));
  EXPECT_THAT(metrics, HasSubstr("datong_ingest_commit_seconds"));
}

}  // namespace
}  // namespace datong::ingest
