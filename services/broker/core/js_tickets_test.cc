#include "services/broker/core/js_tickets.h"

#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "services/broker/testing/core_fixture.h"
#include "services/broker/testing/fake_js_tickets.h"

namespace datong::broker {
namespace {

class JsTicketsTest : public CoreFixture {
 protected:
  App Own() { return *store_.GetApp("wx-own", soon()); }
  absl::StatusOr<JsTicketPtr> Get(JsTickets& tickets) {
    return tickets.Get(Own(), JsTicketType::kJsapi, soon());
  }
  static JsTicketOptions Options() {
    JsTicketOptions options;
    options.backoff_first = absl::Minutes(1);
    options.backoff_longest = absl::Minutes(1);
    return options;
  }

  FakeJsTicketStore stored_;
  FakeJsTicketPlatform asked_;
  JsTickets tickets_{Options(), stored_, store_, tokens_, asked_, metrics_, clock_};
  JsTickets replica_{Options(), stored_, store_, tokens_, asked_, metrics_, clock_};
};

TEST_F(JsTicketsTest, ATicketIsFetchedOnceForAllReplicasAndServedFromMemory) {
  ASSERT_OK(Get(tickets_));
  EXPECT_EQ((*Get(tickets_))->ticket.Expose(), "ticket-1");
  EXPECT_EQ((*Get(replica_))->ticket.Expose(), "ticket-1");
  EXPECT_EQ(asked_.calls, 1);
  EXPECT_EQ((*tickets_.Get(Own(), JsTicketType::kWxCard, soon()))->ticket.Expose(), "ticket-2");
}

TEST_F(JsTicketsTest, ATicketInUseIsReplacedAheadOfItsEndAndOneThatNobodyUsesIsLetGo) {
  ASSERT_OK(Get(tickets_));
  clock_.Advance(absl::Seconds(7200 - 901));
  tickets_.RefreshDue();
  EXPECT_EQ(asked_.calls, 1);
  clock_.Advance(absl::Seconds(1));
  tickets_.RefreshDue();
  EXPECT_EQ(asked_.calls, 2);
  EXPECT_EQ((*Get(tickets_))->ticket.Expose(), "ticket-2");
  // What the other replica made is taken over, not made again.
  replica_.RefreshDue();
  EXPECT_EQ((*Get(replica_))->ticket.Expose(), "ticket-2");
  EXPECT_EQ(asked_.calls, 2);

  clock_.Advance(absl::Hours(5));
  tickets_.RefreshDue();
  EXPECT_EQ(asked_.calls, 2);
  EXPECT_EQ((*Get(tickets_))->ticket.Expose(), "ticket-3");
}

TEST_F(JsTicketsTest, AFailedRefreshIsNoOutageWhileTheOldTicketLives) {
  ASSERT_OK(Get(tickets_));
  clock_.Advance(absl::Seconds(7200 - 30));
  asked_.failures = {absl::UnavailableError("down"), absl::UnavailableError("down")};
  EXPECT_EQ((*Get(tickets_))->ticket.Expose(), "ticket-1");
  // While backing off the platform is left alone.
  clock_.Advance(absl::Seconds(31));
  EXPECT_THAT(Get(tickets_), IsError(absl::StatusCode::kUnavailable, "PLATFORM_UNREACHABLE"));
  EXPECT_EQ(asked_.calls, 2);
}

TEST_F(JsTicketsTest, ARefusedTokenIsReplacedOnce) {
  asked_.failures = {Errcode(40001)};
  EXPECT_OK(Get(tickets_));
  EXPECT_EQ(asked_.tokens.size(), 2u);
  EXPECT_NE(asked_.tokens[0], asked_.tokens[1]);
}

TEST_F(JsTicketsTest, AMissingPermissionIsToldAsSuch) {
  asked_.failures = {Errcode(61007)};
  EXPECT_THAT(Get(tickets_), IsError(absl::StatusCode::kFailedPrecondition, "PERMISSION_MISSING"));
  EXPECT_THAT(Get(tickets_), IsError(absl::StatusCode::kFailedPrecondition, "PERMISSION_MISSING"));
  EXPECT_EQ(asked_.calls, 1);
}

TEST_F(JsTicketsTest, AWriteUnderALostLeaseIsFencedAndGivesNobodyItsTicket) {
  stored_.lost_lease = "js_ticket/jsapi/wx-own";
  EXPECT_THAT(Get(tickets_), IsError(absl::StatusCode::kUnavailable, "PLATFORM_UNREACHABLE"));
  EXPECT_FALSE((*stored_.LoadJsTicket("wx-own", JsTicketType::kJsapi, soon())).has_value());
  stored_.lost_lease.clear();
  EXPECT_EQ((*Get(tickets_))->ticket.Expose(), "ticket-2");
}

TEST_F(JsTicketsTest, MiniProgramsHaveNone) {
  EXPECT_THAT(tickets_.Get(*store_.GetApp("wx-mini", soon()), JsTicketType::kJsapi, soon()),
              IsError(absl::StatusCode::kInvalidArgument, "APP_KIND_UNSUPPORTED"));
}

TEST_F(JsTicketsTest, APageIsSignedWithoutItsFragment) {
  absl::StatusOr<JsApiSignature> signature =
      tickets_.Sign(Own(), "https://Shop.example.cn:8443/a?b=1#part", soon());
  ASSERT_OK(signature);
  EXPECT_EQ(signature->url, "https://Shop.example.cn:8443/a?b=1");
  EXPECT_EQ(signature->timestamp, absl::ToUnixSeconds(clock_.Now()));
  EXPECT_EQ(signature->signature,
            BytesToHex(crypto::Sha1(absl::StrCat(
                "jsapi_ticket=ticket-1&noncestr=", signature->nonce,
                "&timestamp=", signature->timestamp, "&url=https://Shop.example.cn:8443/a?b=1"))));
}

TEST_F(JsTicketsTest, OnlyPagesOfKnownDomainsAreSigned) {
  App app = Own();
  app.js_domains = {"shop.example.cn"};
  EXPECT_OK(tickets_.Sign(app, "https://SHOP.example.cn/", soon()));
  EXPECT_OK(tickets_.Sign(app, "http://shop.example.cn:8080?x", soon()));
  EXPECT_THAT(tickets_.Sign(app, "https://shop.example.cn.evil.com/", soon()),
              IsError(absl::StatusCode::kFailedPrecondition, "JS_DOMAIN_UNKNOWN"));
  for (const char* wrong : {"", "#x", "ftp://shop.example.cn/", "shop.example.cn", "https:///x",
                            "https://a b/", "https://shop.example.cn@evil.com/"}) {
    EXPECT_THAT(tickets_.Sign(app, wrong, soon()),
                IsError(absl::StatusCode::kInvalidArgument, "PAGE_URL_INVALID"))
        << wrong;
  }
}

}  // namespace
}  // namespace datong::broker
