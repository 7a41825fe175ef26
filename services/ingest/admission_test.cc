// What is kept of an event and what is said of its sender: privacy, consent, addresses, retention.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <fstream>

#include "common/identifier/identifier.h"
#include "common/rpc/status.h"
#include "services/ingest/testing/ingest_fixture.h"

namespace datong::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kPage[] = R"([{"eventType":"PAGE","deviceId":"d","timestamp":1795193590000}])";

class AdmissionTest : public IngestTest {
 protected:
  bool Counted(const std::string& series) {
    return process_->metrics().Serialize().find(series) != std::string::npos;
  }
  absl::Status TryCreate(const std::function<void(v1::Source&)>& change) {
    v1::CreateSourceRequest request;
    request.mutable_source()->set_name(absl::StrCat(kProject, "/sources/tried"));
    request.mutable_source()->set_kind(v1::SOURCE_KIND_SDK);
    change(*request.mutable_source());
    grpc::ClientContext context;
    v1::CreateSourceResponse response;
    return rpc::FromGrpcStatus(sources_->CreateSource(&context, request, &response));
  }
};

TEST_F(AdmissionTest, PrivateParametersAreNotKept) {
  CreateSource("only");
  Post(
      kCollect,
      R"([{"eventType":"PAGE","deviceId":"d","timestamp":1795193590000,"path":"/a?ticket=t&x=1",)"
      R"("query":"code=c&y=2","referralPage":"https://h/?phone=13800000000","latitude":39.90469}])");
  EXPECT_EQ(Ask("SELECT path || ' ' || referrer FROM ingest.events"), "/a?x=1 https://h/");
  EXPECT_EQ(Ask("SELECT rest FROM ingest.events"),
            R"({"eventType":"PAGE","deviceId":"d","timestamp":1795193590000,"path":"/a?x=1",)"
            R"("query":"y=2","referralPage":"https://h/","latitude":39.90})");
  // A retry is still the same event.
  Post(
      kCollect,
      R"([{"eventType":"PAGE","deviceId":"d","timestamp":1795193590000,"path":"/a?ticket=t&x=1",)"
      R"("query":"code=c&y=2","referralPage":"https://h/?phone=13800000000","latitude":39.90469}])");
  EXPECT_EQ(CountEvents(), 1);
}

TEST_F(AdmissionTest, FieldsAreHashedWithTheOperatorsKey) {
  const auto hash_phones = [](v1::Source& source) {
    source.mutable_privacy()->add_hashed_fields("phone");
  };
  EXPECT_THAT(TryCreate(hash_phones),
              IsError(absl::StatusCode::kFailedPrecondition, "HASH_KEY_MISSING"));
  EXPECT_THAT(TryCreate([](v1::Source& source) {
                source.mutable_privacy()->add_hashed_fields("deviceId");
              }),
              IsError(absl::StatusCode::kInvalidArgument, "SOURCE_INVALID"));
  StopProcess();
  const std::string key_file = absl::StrCat(::testing::TempDir(), "/ingest_hash_key_", getpid());
  std::ofstream(key_file) << std::string(32, 'k');
  StartProcess({{"ingest.hash_key_file", key_file}});
  const v1::Source source = CreateSource("only", hash_phones);
  EXPECT_THAT(source.privacy().hashed_fields(), ElementsAre("phone"));
  for (const char* device : {"d1", "d2"}) {
    Post(kCollect, absl::StrCat(R"([{"eventType":"PAGE","deviceId":")", device,
                                R"(","timestamp":1795193590000,)"
                                R"("attributes":{"phone":"13800000000"}}])"));
  }
  EXPECT_EQ(Ask("SELECT count(DISTINCT event #>> '{attributes,phone}') FROM ingest.events_json"),
            "1");
  EXPECT_EQ(Ask("SELECT count(*) FROM ingest.events WHERE rest LIKE '%13800000000%'"), "0");
}

TEST_F(AdmissionTest, WhoWantsNotToBeTrackedIsNot) {
  CreateSource("only", [](v1::Source& source) { source.set_write_key("k"); });
  EXPECT_EQ(Post(kCollect, kPage, {{"cookie", "a=1; datong_dnt=1"}}).status, 204);
  EXPECT_EQ(Post("/v1/batch", "{}", {{"cookie", "datong_dnt=yes"}}).status, 200);
  const http::ClientResponse image = Send(
      {"GET", "/v3/projects/91eaf9b283361032/collect?data=[]", {{"cookie", "datong_dnt=1"}}, ""});
  EXPECT_EQ(image.headers.Get("content-type"), "image/gif");
  EXPECT_EQ(CountEvents(), 0);
  EXPECT_THAT(Quarantine(), IsEmpty());
  EXPECT_TRUE(Counted("datong_ingest_rejected_total{reason=\"no_consent\",source=\"sdk\"} 3"));
  EXPECT_EQ(Post(kCollect, kPage, {{"cookie", "datong_dnt=0; xdatong_dnt=1"}}).status, 204);
  EXPECT_EQ(CountEvents(), 1);
}

TEST_F(AdmissionTest, ConsentMayBeRequired) {
  CreateSource("only",
               [](v1::Source& source) { source.set_consent_mode(v1::CONSENT_MODE_REQUIRED); });
  EXPECT_EQ(Post(kCollect, kPage).status, 204);
  EXPECT_EQ(CountEvents(), 0);
  EXPECT_TRUE(Counted("datong_ingest_rejected_total{reason=\"no_consent\",source=\"sdk\"} 1"));
  identity_.Consent("device:only:d", NodeOf(7, "device:only:d"), true);
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(Post(kCollect, kPage).status, 204);
    return CountEvents() == 1;
  }));
}

TEST_F(AdmissionTest, AuthenticatedLoginsMayOwnEvents) {
  CreateSource("only", [](v1::Source& source) {
    source.set_attribute_by(v1::ATTRIBUTE_BY_LOGIN_THEN_DEVICE);
  });
  Post(kCollect, R"([{"eventType":"PAGE","deviceId":"d","userId":"m1","timestamp":1795193590000},)"
                 R"({"eventType":"PAGE","deviceId":"d","timestamp":1795193591000}])");
  EXPECT_THAT(Column("SELECT node FROM ingest.events ORDER BY event_time"),
              ElementsAre(std::to_string(NodeOf(7, "login:main:m1")),
                          std::to_string(NodeOf(7, "device:only:d"))));
}

TEST_F(AdmissionTest, OnlyWhatIsOfferedIsTaken) {
  EXPECT_THAT(
      TryCreate([](v1::Source& source) { source.set_schema_mode(static_cast<v1::SchemaMode>(2)); }),
      IsError(absl::StatusCode::kInvalidArgument, "SOURCE_INVALID"));
  EXPECT_THAT(TryCreate([](v1::Source& source) {
                source.set_consent_mode(static_cast<v1::ConsentMode>(9));
              }),
              IsError(absl::StatusCode::kInvalidArgument, "SOURCE_INVALID"));
}

TEST_F(AdmissionTest, AddressesComeFromTheProxyOnlyWhereItIsTrusted) {
  CreateSource("only");
  const auto net = [&](const char* forwarded, const char* device) {
    Post(kCollect,
         absl::StrCat(R"([{"eventType":"PAGE","deviceId":")", device,
                      R"(","timestamp":1795193590000}])"),
         {{"x-forwarded-for", forwarded}});
    return Ask(absl::StrCat("SELECT ip_net FROM ingest.events WHERE device_id = '", device, "'"));
  };
  EXPECT_EQ(net("203.0.113.9", "a"), "127.0.0.0/24");
  StopProcess();
  StartProcess({{"ingest.trust_forwarded_for", "true"}});
  EXPECT_EQ(net("10.9.9.9, 203.0.113.9", "b"), "203.0.113.0/24");
  EXPECT_EQ(net("2001:db8:1:2::3", "c"), "2001:db8:1::/48");
}

TEST_F(AdmissionTest, DeflateBodiesAreRead) {
  CreateSource("only");
  const std::string body = kPage;
  std::string packed(compressBound(body.size()), '\0');
  uLongf size = packed.size();
  ASSERT_EQ(compress(reinterpret_cast<Bytef*>(packed.data()), &size,
                     reinterpret_cast<const Bytef*>(body.data()), body.size()),
            Z_OK);
  packed.resize(size);
  EXPECT_EQ(Post(kCollect, packed, {{"content-encoding", "deflate"}}).status, 204);
  EXPECT_EQ(CountEvents(), 1);
}

TEST_F(AdmissionTest, StrangeSendersAreFlagged) {
  CreateCaptureSources();
  const auto flags = [&](const char* event, const char* header, const char* value) {
    static int64_t time = 1'795'193'590'000;
    const std::string sent = std::to_string(++time);
    EXPECT_EQ(
        Post(kCollect,
             absl::StrCat(R"([{"eventType":"PAGE","deviceId":"d","timestamp":)", sent, event, "}]"),
             {{header, value}})
            .status,
        204);
    return Flags(absl::StrCat("client_time = to_timestamp(", sent, "::numeric / 1000)"));
  };
  constexpr char kSite[] =
      R"(,"platform":"web","domain":"m.example.cn","dataSourceId":"9c2f00aa31bd77e0")";
  constexpr char kMirror[] =
      R"(,"platform":"web","domain":"evil.example","dataSourceId":"9c2f00aa31bd77e0")";
  constexpr char kMini[] =
      R"(,"platform":"MinP","domain":"wx1234567890abcdef","dataSourceId":"b1fd2d3a4e5f6071")";
  EXPECT_EQ(flags(kSite, "origin", "https://m.example.cn"), "");
  EXPECT_EQ(flags(kSite, "origin", "https://evil.example"), "origin_unlisted");
  EXPECT_EQ(flags(kSite, "referer", "https://evil.example/x?y"), "origin_unlisted");
  EXPECT_EQ(flags(kSite, "referer", "https://m.example.cn/x?y"), "");
  EXPECT_EQ(flags(kMirror, "origin", "https://m.example.cn"), "domain_mismatch");
  EXPECT_EQ(flags(kSite, "user-agent", "Mozilla/5.0 (compatible; Baiduspider/2.0)"), "bot");
  EXPECT_EQ(
      flags(kMini, "referer", "https://servicewechat.com/wx1234567890abcdef/0/page-frame.html"),
      "test_stream");
  EXPECT_EQ(flags(kMini, "referer",
                  "https://servicewechat.com/wx1234567890abcdef/devtools/page-frame.html"),
            "bot,test_stream");
  EXPECT_EQ(flags(kMini, "referer", "https://servicewechat.com/wxother/12/page-frame.html"),
            "referer_mismatch");
}

TEST_F(AdmissionTest, OldDaysAreDropped) {
  CreateSource("only", [](v1::Source& source) { source.set_write_key("k"); });
  const auto import = [&](const char* day) {
    EXPECT_EQ(
        Post("/v1/import", absl::StrCat(R"({"writeKey":"k","batch":[{"type":"track","event":"e",)"
                                        R"("userId":"u","timestamp":")",
                                        day, R"(T08:00:00Z"}]})"))
            .status,
        200);
  };
  import("2026-10-15");
  import("2026-11-19");
  import("2024-01-01");  // older than what is kept: waits among the odd times
  EXPECT_EQ(Ask("SELECT count(*) FROM ingest.events_default"), "1");
  EXPECT_THAT(Ask("SELECT to_regclass('ingest.events_20261015')"), Not(HasSubstr("null")));
  StopProcess();
  clock_.SetOffset(absl::FromUnixMillis(kNowMs) + absl::Hours(24 * 20) - absl::Now());
  StartProcess({{"ingest.event_retention", "1080h"}});
  EXPECT_EQ(Ask("SELECT to_regclass('ingest.events_20261015')"), "(null)");
  EXPECT_EQ(CountEvents(), 2);
  EXPECT_EQ(Ask("SELECT count(*) FROM ingest.batches"), "3");
  StopProcess();
  clock_.SetOffset(absl::FromUnixMillis(kNowMs) + absl::Hours(24 * 60) - absl::Now());
  StartProcess({{"ingest.event_retention", "1080h"}});
  EXPECT_EQ(CountEvents(), 0);
  EXPECT_EQ(Ask("SELECT count(*) FROM ingest.batches"), "0");
}

}  // namespace
}  // namespace datong::ingest
