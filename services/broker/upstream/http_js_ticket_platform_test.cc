#include "services/broker/upstream/http_js_ticket_platform.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "common/http/testing/fake_http_server.h"
#include "common/testing/matchers.h"

namespace datong::broker {
namespace {

constexpr char kPath[] = "/cgi-bin/ticket/getticket";

class HttpJsTicketPlatformTest : public ::testing::Test {
 protected:
  static http::ClientOptions Options() {
    http::ClientOptions options;
    options.allow_private = true;
    return options;
  }
  static Deadline soon() { return Deadline::After(absl::Seconds(5)); }

  http::FakeHttpServer server_;
  http::Client http_{Options()};
  metrics::Registry registry_;
  HttpJsTicketPlatform platform_{server_.url(), http_, registry_};
};

TEST_F(HttpJsTicketPlatformTest, BothKindsAreAskedForByTheirType) {
  const auto page = nlohmann::json::parse(std::ifstream("testdata/getticket.json"));
  server_.AnswerJson(kPath, page["response"].dump());
  absl::StatusOr<FetchedToken> ticket =
      platform_.FetchJsTicket(Secret("t&1"), JsTicketType::kJsapi, soon());
  ASSERT_OK(ticket);
  EXPECT_EQ(ticket->token.Expose(), page["response"]["ticket"]);
  EXPECT_EQ(ticket->lifetime, absl::Seconds(7200));
  ASSERT_OK(platform_.FetchJsTicket(Secret("t"), JsTicketType::kWxCard, soon()));
  EXPECT_EQ(server_.requests(kPath)[0].query, "access_token=t%261&type=jsapi");
  EXPECT_EQ(server_.requests(kPath)[1].query, "access_token=t&type=wx_card");
}

TEST_F(HttpJsTicketPlatformTest, ARefusalIsAnErrorWithItsCode) {
  server_.AnswerJson(kPath, R"({"errcode":61007,"errmsg":"api is unauthorized to component"})");
  EXPECT_EQ(ErrcodeOf(platform_.FetchJsTicket(Secret("t"), JsTicketType::kJsapi, soon()).status()),
            61007);
}

TEST_F(HttpJsTicketPlatformTest, AnAnswerWithoutATicketIsAnError) {
  server_.AnswerJson(kPath, R"({"errcode":0,"errmsg":"ok","expires_in":7200})");
  EXPECT_THAT(platform_.FetchJsTicket(Secret("t"), JsTicketType::kJsapi, soon()),
              IsError(absl::StatusCode::kUnavailable, "PLATFORM_ANSWER_INVALID"));
}

}  // namespace
}  // namespace datong::broker
