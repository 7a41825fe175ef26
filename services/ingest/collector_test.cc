// The collector end to end: HTTP in, PostgreSQL out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/http/content_encoding.h"
#include "common/identifier/identifier.h"
#include "services/ingest/testing/ingest_fixture.h"

namespace datong::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CollectorTest : public IngestTest {};

TEST_F(CollectorTest, TheMiniProgramsRequestsAreStored) {
  CreateCaptureSources();
  for (const CapturedRequest& request : LoadCapture("gio-minp-4.6-plain")) {
    const http::ClientResponse response = Send(request);
    EXPECT_EQ(response.status, 204);
    EXPECT_EQ(response.body, "");
  }
  EXPECT_EQ(CountEvents(), 7);
  EXPECT_THAT(Quarantine(), IsEmpty());
  EXPECT_EQ(Ask("SELECT row_count FROM ingest.batches ORDER BY id LIMIT 1"), "6");
  EXPECT_EQ(Ask("SELECT sum(row_count) FROM ingest.batches"), "7");
  EXPECT_THAT(Column("SELECT seq FROM ingest.events WHERE event_type IN (3, 5)"),
              ElementsAre("(null)", "(null)"));
  EXPECT_EQ(
      Ask("SELECT concat_ws('|', openid, unionid, user_id, user_key, device_id, platform, "
          "domain, path, title, sent_at = to_timestamp(1795193575.892), ua_class) "
          "FROM ingest.events WHERE event_type = 3"),
      "oABCD_openid_for_mini_0001|o6_bmasdasdsad6_2sgVt7hMZOPfL|member-10086|member_no|"
      "5570383f-275d-4cf0-bae9-d51938681b8f|MinP|wx1234567890abcdef|pages/index/index|商城|t|0");
  // The rest is the event as it came, byte for byte.
  EXPECT_EQ(Ask("SELECT event ->> 'appChannel' FROM ingest.events_json WHERE event_type = 0"),
            "scn:1035");
  EXPECT_EQ(Ask("SELECT count(DISTINCT node) FROM ingest.events"), "1");
  EXPECT_EQ(
      Ask("SELECT node FROM ingest.events LIMIT 1"),
      std::to_string(NodeOf(7, "device:wx1234567890abcdef:5570383f-275d-4cf0-bae9-d51938681b8f")));
  EXPECT_EQ(Ask("SELECT count(*) FROM ingest.events_default"), "0");
}

TEST_F(CollectorTest, EvidenceReachesIdentityOnce) {
  CreateCaptureSources();
  for (int i = 0; i < 2; ++i) {
    for (const CapturedRequest& request : LoadCapture("gio-minp-4.6-plain")) Send(request);
  }
  const std::string device = "device:wx1234567890abcdef:5570383f-275d-4cf0-bae9-d51938681b8f";
  ASSERT_TRUE(Eventually([&] {
    return identity_.Knows("client.claim", {device}) &&
           identity_.Knows("client.claim",
                           {device, "login:members:member-10086",
                            "openid:wx1234567890abcdef:oABCD_openid_for_mini_0001",
                            "unionid:@wx1234567890abcdef:o6_bmasdasdsad6_2sgVt7hMZOPfL"});
  }));
  ASSERT_TRUE(
      Eventually([&] { return Ask("SELECT count(*) FROM ingest.evidence_outbox") == "0"; }));
  EXPECT_THAT(identity_.evidence(), SizeIs(3));  // and device with login
}

TEST_F(CollectorTest, RegroupedRetriesAreStoredOnce) {
  CreateCaptureSources();
  for (const CapturedRequest& request : LoadCapture("gio-minp-4.6-retry-on-500")) {
    EXPECT_EQ(Send(request).status, 204);
  }
  EXPECT_EQ(CountEvents(), 7);
  // A process that remembers nothing asks the table.
  StopProcess();
  StartProcess();
  for (const CapturedRequest& request : LoadCapture("gio-minp-4.6-retry-on-500")) {
    EXPECT_EQ(Send(request).status, 204);
  }
  EXPECT_EQ(CountEvents(), 7);
  EXPECT_EQ(Ask("SELECT sum(row_count) FROM ingest.batches"), "7");
  EXPECT_THAT(Quarantine(), IsEmpty());
}

TEST_F(CollectorTest, TheWebSdkIsAnsweredWithCors) {
  CreateCaptureSources();
  const std::vector<CapturedRequest> requests = LoadCapture("gio-web-4.3-xhr-plain");
  for (const CapturedRequest& request : requests) {
    const http::ClientResponse response = Send(request);
    EXPECT_EQ(response.status, 204);
    EXPECT_EQ(response.headers.Get("access-control-allow-origin"), "https://m.example.cn");
    EXPECT_EQ(response.headers.Get("access-control-allow-credentials"), "true");
    EXPECT_EQ(response.headers.Get("vary"), "Origin");
  }
  EXPECT_EQ(CountEvents(), static_cast<int64_t>(requests.size()));
  EXPECT_EQ(Ask("SELECT count(*) FROM ingest.events WHERE flags & (1 << 13) <> 0"), "0");
  EXPECT_EQ(Ask("SELECT min(host(network(ip_net)) || '/' || masklen(ip_net)) FROM ingest.events"),
            "127.0.0.0/24");
}

TEST_F(CollectorTest, EmbeddedPagesAreTheMiniPrograms) {
  CreateCaptureSources();
  for (const CapturedRequest& request : LoadCapture("gio-web-4.3-embedded-h5")) {
    EXPECT_EQ(Send(request).status, 204);
  }
  EXPECT_EQ(CountEvents(), 2);
  EXPECT_THAT(Flags("event_type = 6"), HasSubstr("embedded"));
  EXPECT_EQ(Ask("SELECT count(DISTINCT source_id) FROM ingest.events"), "1");
}

TEST_F(CollectorTest, OpenidsAsDeviceIdsAreOpenidsWhereTheSourceSaysSo) {
  CreateSource("shop-mini", [](v1::Source& source) {
    source.set_app("wx1234567890abcdef");
    source.set_data_source_id("b1fd2d3a4e5f6071");
    source.set_device_id_is_openid(true);
  });
  for (const CapturedRequest& request : LoadCapture("gio-web-4.3-embedded-h5")) Send(request);
  EXPECT_EQ(Ask("SELECT node FROM ingest.events LIMIT 1"),
            std::to_string(NodeOf(7, "openid:wx1234567890abcdef:oABCD_openid_for_mini_0001")));
}

TEST_F(CollectorTest, SegmentsBatchIsStored) {
  CreateCaptureSources();
  for (const CapturedRequest& request : LoadCapture("segment-node-batch")) {
    const http::ClientResponse response = Send(request);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(nlohmann::json::parse(response.body), nlohmann::json({{"success", true}}));
    CapturedRequest without_header = request;
    without_header.headers = {{"content-type", "text/plain"}};
    EXPECT_EQ(Send(without_header).status, 200);  // the key in the body; all duplicates
  }
  EXPECT_EQ(CountEvents(), 6);
  EXPECT_THAT(Column("SELECT coalesce(event_name, '') || event_type FROM ingest.events "
                     "ORDER BY seq, event_time, 1"),
              ::testing::UnorderedElementsAre("3", "Order Completed1", "首页6", "Home6", "$group3",
                                              "$alias3"));
  EXPECT_EQ(Ask("SELECT openid || unionid FROM ingest.events WHERE openid IS NOT NULL"),
            "oABCDo6_bm");
  EXPECT_TRUE(Eventually([&] {
    return identity_.Knows("client.claim",
                           {"device:wx1234567890abcdef:anon-1", "login:main:member-10086"});
  }));
}

TEST_F(CollectorTest, GzipAndDeflateBodiesAreRead) {
  CreateCaptureSources();
  const CapturedRequest plain = LoadCapture("gio-minp-4.6-plain")[0];
  EXPECT_EQ(Post(plain.target, http::GzipEncode(plain.body), {{"content-encoding", "gzip"}}).status,
            204);
  EXPECT_EQ(Post(plain.target, http::GzipEncode(plain.body)).status, 204);  // found by its magic
  EXPECT_EQ(CountEvents(), 6);
}

TEST_F(CollectorTest, CodecsThatComeLaterWaitInQuarantine) {
  CreateCaptureSources();
  for (const char* capture : {"gio-minp-4.6-compressed", "gio-web-4.3-beacon-compressed"}) {
    for (const CapturedRequest& request : LoadCapture(capture)) {
      EXPECT_EQ(Send(request).status, 204);
    }
  }
  EXPECT_EQ(Post(kCollect, "xyz", {{"content-encoding", "br"}}).status, 204);
  EXPECT_EQ(CountEvents(), 0);
  for (const v1::QuarantinedEvent& event : Quarantine()) {
    EXPECT_EQ(event.reason(), "bad_encoding") << event.detail();
    EXPECT_EQ(event.dialect(), "gio.v3");
  }
  EXPECT_EQ(Quarantine()[0].raw(), "xyz");
  EXPECT_GT(Replay().failed(), 0);
  EXPECT_THAT(Quarantine(), ::testing::Not(IsEmpty()));
}

TEST_F(CollectorTest, BadInputHasItsAnswer) {
  CreateSource("only", [](v1::Source& source) { source.set_write_key("wk_test_0001"); });
  int64_t stored = 0;
  size_t quarantined = 0;
  const nlohmann::json cases = LoadTestData("reject-cases").at("cases");
  for (const nlohmann::json& item : cases) {
    SCOPED_TRACE(item.at("name").get<std::string>());
    if (item.contains("server")) continue;  // the spool comes later
    CapturedRequest request = ParseRequest(item.at("request"));
    if (item.at("request").contains("generate")) {
      const bool bomb = item.at("request").at("headers").contains("content-encoding");
      request.body =
          bomb ? http::GzipEncode(std::string(64 << 20, ' ')) : std::string(9 << 20, ' ');
    }
    const nlohmann::json& expect = item.at("expect");
    const http::ClientResponse response = Send(request);
    EXPECT_EQ(response.status, expect.at("status").get<int>());
    if (expect.contains("content_type")) {
      EXPECT_EQ(response.headers.Get("content-type"), expect.at("content_type").get<std::string>());
    }
    if (expect.contains("headers")) {
      for (const auto& [name, value] : expect.at("headers").items()) {
        EXPECT_EQ(response.headers.Get(name), value.get<std::string>());
      }
    }
    stored += expect.value("stored", 0);
    EXPECT_EQ(CountEvents(), stored);
    quarantined += expect.value("quarantined", size_t{0});
    // A codec that comes later and one that nobody defined wait alike.
    if (expect.value("reason", "") == "bad_encoding" && expect.value("quarantined", 0) == 0) {
      ++quarantined;
    }
    const std::vector<v1::QuarantinedEvent> waiting = Quarantine();
    EXPECT_THAT(waiting, SizeIs(quarantined));
    if (expect.value("quarantined", 0) > 0 && !waiting.empty()) {
      EXPECT_EQ(waiting[0].reason(), expect.at("reason").get<std::string>()) << waiting[0].detail();
    }
    if (expect.contains("flags")) {
      const std::string flags = Flags("batch_id = (SELECT max(id) FROM ingest.batches)");
      for (const nlohmann::json& flag : expect.at("flags")) {
        EXPECT_THAT(flags, HasSubstr(flag.get<std::string>()));
      }
    }
  }
  EXPECT_EQ(Ask("SELECT count(event) FROM ingest.events_json"), std::to_string(stored));
}

TEST_F(CollectorTest, EventsOfAnUnknownSourceAreReplayedOnceItIsThere) {
  EXPECT_EQ(
      Post(
          kCollect,
          R"([{"eventType":"PAGE","deviceId":"d","dataSourceId":"new","timestamp":1795193590000}])")
          .status,
      204);
  ASSERT_THAT(Quarantine(), SizeIs(1));
  EXPECT_EQ(Quarantine()[0].reason(), "unknown_source");
  clock_.SetOffset(absl::FromUnixMillis(kNowMs) + absl::Hours(5) - absl::Now());
  CreateSource("late", [](v1::Source& source) { source.set_data_source_id("new"); });
  const v1::ReplayQuarantinedEventsResponse report = Replay();
  EXPECT_EQ(report.tried(), 1);
  EXPECT_EQ(report.stored(), 1);
  EXPECT_EQ(CountEvents(), 1);
  EXPECT_THAT(Quarantine(), IsEmpty());
  EXPECT_THAT(Quarantine(kProject, true), SizeIs(1));
  // It keeps the time at which it came.
  EXPECT_EQ(Ask("SELECT received_at < to_timestamp(1795193600 + 600) FROM ingest.events"), "t");
  EXPECT_EQ(Replay().tried(), 0);
}

TEST_F(CollectorTest, EventsFromTheFutureAreFiledWhenTheyCame) {
  CreateSource("only");
  EXPECT_EQ(Post("/v3/projects/91eaf9b283361032/collect",
                 R"([{"eventType":"PAGE","deviceId":"d","timestamp":1795400000000}])")
                .status,
            204);
  EXPECT_EQ(Flags(), "future_clamped");
  EXPECT_EQ(Ask("SELECT event_time = received_at AND client_time = to_timestamp(1795400000) "
                "FROM ingest.events"),
            "t");
}

TEST_F(CollectorTest, WhatAPersonTypedIsNotKept) {
  CreateSource("only");
  Post(kCollect, R"([{"eventType":"VIEW_CHANGE","deviceId":"d","timestamp":1795193590000,)"
                 R"("xpath":"/a","textValue":"13800000000"}])");
  EXPECT_EQ(Ask("SELECT rest FROM ingest.events"),
            R"({"eventType":"VIEW_CHANGE","deviceId":"d","timestamp":1795193590000,"xpath":"/a"})");
}

TEST_F(CollectorTest, MessageIdsUsedTwiceGoToQuarantine) {
  CreateSource("only", [](v1::Source& source) { source.set_write_key("k"); });
  const auto batch = [](int total) {
    return absl::StrCat(R"({"writeKey":"k","batch":[{"type":"track","event":"e","userId":"u",)"
                        R"("messageId":"m","timestamp":"2026-11-20T16:50:00Z","properties":{"n":)",
                        total, "}}]}");
  };
  for (const bool restarted : {false, true}) {
    if (restarted) {
      StopProcess();
      StartProcess();
    }
    EXPECT_EQ(Post("/v1/batch", batch(1)).status, 200);
    EXPECT_EQ(Post("/v1/batch", batch(2)).status, 200);
  }
  EXPECT_EQ(CountEvents(), 1);
  const std::vector<v1::QuarantinedEvent> waiting = Quarantine();
  ASSERT_THAT(waiting, SizeIs(2));
  EXPECT_EQ(waiting[0].reason(), "id_reused");
  EXPECT_EQ(Ask("SELECT event #>> '{properties,n}' FROM ingest.events_json"), "1");
}

TEST_F(CollectorTest, WithdrawnConsentIsHonoured) {
  CreateSource("only");
  const std::string event = R"([{"eventType":"PAGE","deviceId":"d","timestamp":1795193590000}])";
  identity_.Consent("device:only:d", NodeOf(7, "device:only:d"), false);
  ASSERT_TRUE(Eventually([&] { return Ask("SELECT count(*) FROM ingest.consents") == "1"; }));
  ASSERT_TRUE(Eventually([&] {
    // The word is in the table a moment before it is in memory.
    EXPECT_EQ(Post(kCollect, event).status, 204);
    return process_->metrics().Serialize().find(
               "datong_ingest_rejected_total{reason=\"no_consent\",source=\"sdk\"} 0") ==
           std::string::npos;
  }));
  EXPECT_LE(CountEvents(), 1);
}

TEST_F(CollectorTest, AFeedThatCannotBeReadShowsHowFarItIsBehind) {
  const auto lag = [this](const std::string& feed) {
    const auto answer = http_.Send(
        {.method = "GET",
         .url = absl::StrCat("http://127.0.0.1:", process_->ports().metrics, "/metrics")},
        Deadline::After(absl::Seconds(10)));
    const std::string name = absl::StrCat("datong_feed_lag_seconds{feed=\"", feed, "\"} ");
    const size_t at = answer.ok() ? answer->body.find(name) : std::string::npos;
    return at == std::string::npos ? -1 : std::stod(answer->body.substr(at + name.size()));
  };
  CreateSource("only");
  EXPECT_EQ(lag("identity_consents"), 0);
  EXPECT_EQ(lag("identity_erasures"), 0);
  identity_server_.reset();
  EXPECT_TRUE(Eventually([&] {
    clock_.SetOffset(clock_.Now() + absl::Minutes(1) - absl::Now());
    return lag("identity_consents") > 60 && lag("identity_erasures") > 60;
  }));
}

TEST_F(CollectorTest, AShortIdIsFoundInQuarantineAsAWholeStringOnly) {
  CreateSource("only");
  Post(kCollect, R"([{"eventType":"PAGE","deviceId":"visitor-42","timestamp":1795193590000}])");
  for (const char* device : {"visitor-42", "visitor-421"}) {
    Post(kCollect,
         absl::StrCat(R"([{"eventType":"NOVEL","deviceId":")", device, R"(","timestamp":"x"},)"));
  }
  ASSERT_TRUE(Eventually([&] { return CountEvents() == 1; }));
  ASSERT_EQ(Ask("SELECT count(*) FROM ingest.quarantined_events"), "2");
  identity_.Erase(NodeOf(7, "device:only:visitor-42"), 1795193595);
  clock_.SetOffset(absl::FromUnixMillis(kNowMs) - absl::Now() + absl::Seconds(30));
  ASSERT_TRUE(Eventually([&] { return CountEvents() == 0; }));
  EXPECT_EQ(Ask("SELECT convert_from(raw, 'UTF8') LIKE '%visitor-421%' "
                "FROM ingest.quarantined_events"),
            "t");
}

TEST_F(CollectorTest, AnErasedPersonsEventsGoAndStayAway) {
  CreateSource("only");
  const auto page = [&](const char* device, int64_t ms) {
    return absl::StrCat(R"([{"eventType":"PAGE","deviceId":")", device, R"(","timestamp":)", ms,
                        "}]");
  };
  const char* gone = "gone-0123456789abcdef";
  Post(kCollect, page(gone, 1795193590000));
  Post(kCollect, page("stays-0123456789abcdef", 1795193590000));
  // Waits in quarantine, with the same device in its bytes.
  Post(kCollect,
       absl::StrCat(R"([{"eventType":"NOVEL","deviceId":")", gone, R"(","timestamp":"x"},)"));
  ASSERT_TRUE(Eventually([&] { return CountEvents() == 2; }));
  ASSERT_EQ(Ask("SELECT count(*) FROM ingest.quarantined_events"), "1");

  identity_.Erase(NodeOf(7, absl::StrCat("device:only:", gone)), 1795193595);
  clock_.SetOffset(absl::FromUnixMillis(kNowMs) - absl::Now() + absl::Seconds(30));
  ASSERT_TRUE(Eventually([&] { return CountEvents() == 1; }));
  EXPECT_EQ(Ask("SELECT count(*) FROM ingest.quarantined_events"), "0");
  EXPECT_EQ(Ask("SELECT count(*) FROM ingest.events WHERE rest LIKE '%gone-%'"), "0");
  EXPECT_EQ(Ask("SELECT count(*) FROM ingest.batches AS b WHERE row_count <> "
                "(SELECT count(*) FROM ingest.events AS e WHERE e.batch_id = b.id)"),
            "0");
  // What comes late of the time before stays out, also after a restart; what is new comes in.
  StopProcess();
  StartProcess();
  Post(kCollect, page(gone, 1795193591000));
  Post(kCollect, page(gone, 1795193599000));
  ASSERT_TRUE(Eventually([&] { return CountEvents() == 2; }));
  EXPECT_EQ(Ask("SELECT count(*) FROM ingest.events WHERE event_time > to_timestamp(1795193595)"),
            "1");
}

TEST_F(CollectorTest, OddTimesStayInTheDefaultPartition) {
  CreateSource("only");
  Post(kCollect, R"([{"eventType":"PAGE","deviceId":"d"}])");
  EXPECT_EQ(Flags(), "time_missing");
  EXPECT_EQ(Ask("SELECT count(*) FROM ingest.events_default"), "1");
}

TEST_F(CollectorTest, BackDatedDaysGetTheirPartitions) {
  CreateSource("only", [](v1::Source& source) { source.set_write_key("k"); });
  for (const char* day : {"2026-08-01", "2026-08-02", "2026-08-01"}) {
    EXPECT_EQ(
        Post("/v1/import", absl::StrCat(R"({"writeKey":"k","batch":[{"type":"track","event":"e",)"
                                        R"("userId":"u","timestamp":")",
                                        day, R"(T08:00:00Z"}]})"))
            .status,
        200);
  }
  EXPECT_EQ(CountEvents(), 2);
  EXPECT_EQ(Ask("SELECT count(*) FROM ingest.events_20260801"), "1");
  EXPECT_EQ(Ask("SELECT days FROM ingest.batches ORDER BY id LIMIT 1"), "{2026-08-01}");
}

TEST_F(CollectorTest, NothingAcknowledgedIsLostWhenTheDatabaseGoes) {
  CreateSource("only");
  const auto event = [](int i) {
    return absl::StrCat(R"([{"eventType":"PAGE","deviceId":"d","timestamp":17951935)", 10000 + i,
                        "}]");
  };
  ASSERT_EQ(Post(kCollect, event(1)).status, 204);
  const std::string name = Ask("SELECT current_database()");
  // Nobody may connect any more, and who is connected goes.
  database_->Execute(absl::StrCat("ALTER DATABASE ", name, " CONNECTION LIMIT 0"));
  pqxx::connection admin(absl::StrCat(database_->dsn().Expose(), " dbname=postgres"));
  const auto cut = [&] {
    pqxx::nontransaction work(admin);
    work.exec(
        absl::StrCat("UPDATE pg_database SET datallowconn = false WHERE datname = '", name, "'"));
    work.exec(absl::StrCat(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '", name, "'"));
  };
  cut();
  const http::ClientResponse refused = Post(kCollect, event(2), {{"origin", "https://a.example"}});
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers.Get("retry-after"), "5");
  EXPECT_EQ(refused.headers.Get("access-control-allow-origin"), "https://a.example");
  {
    pqxx::nontransaction work(admin);
    work.exec(absl::StrCat(
        "UPDATE pg_database SET datallowconn = true, datconnlimit = -1 WHERE datname = '", name,
        "'"));
  }
  EXPECT_EQ(Post(kCollect, event(2)).status, 204);
  EXPECT_EQ(CountEvents(), 2);
}

}  // namespace
}  // namespace datong::ingest
