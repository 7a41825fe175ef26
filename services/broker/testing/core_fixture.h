#pragma once

#include <gtest/gtest.h>

#include <string>

#include "common/metrics/registry.h"
#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"
#include "common/wechat/error_codes.h"
#include "services/broker/core/authorizer.h"
#include "services/broker/core/metrics.h"
#include "services/broker/core/token_broker.h"
#include "services/broker/testing/fake_platform_client.h"
#include "services/broker/testing/fake_store.h"

namespace datong::broker {

inline constexpr char kCallbackToken[] = "callback-token";
inline constexpr char kAesKey[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

// A broker's core over fakes, with project "demo" and these apps: "wx-own" (official account),
// "wx-mini" (mini program), both self-managed, and the component "wx-comp". Failures wait a minute.
class CoreFixture : public ::testing::Test {
 protected:
  CoreFixture() {
    Project project;
    project.id = "demo";
    project.display_name = "Demo";
    EXPECT_OK(store_.CreateProject(project, soon()));
    Create("wx-own", AppKind::kOfficialAccount);
    Create("wx-mini", AppKind::kMiniProgram);
    Create("wx-comp", AppKind::kComponent);
  }

  static Deadline soon() { return Deadline::After(absl::Seconds(5)); }
  static TokenBrokerOptions Options() {
    TokenBrokerOptions options;
    options.health.backoff_first = absl::Minutes(1);
    options.health.backoff_longest = absl::Minutes(1);
    options.spread = absl::ZeroDuration();
    return options;
  }
  void Create(const std::string& appid, AppKind kind) {
    App app;
    app.project = "demo";
    app.appid = appid;
    app.kind = kind;
    Credentials credentials;
    credentials.app_secret = Secret("secret-of-" + appid);
    credentials.callback = {Secret(kCallbackToken), Secret(kAesKey)};
    EXPECT_OK(store_.CreateApp(app, credentials, soon()));
  }
  void GiveTicket(absl::Duration age = absl::ZeroDuration()) {
    EXPECT_OK(store_.SaveTicket(
        "wx-comp", {Secret("ticket@@@1"), clock_.Now() - age, clock_.Now() - age}, soon()));
  }
  // Connects "wx-account" to the component.
  void Connect() {
    GiveTicket();
    absl::StatusOr<AuthorizationLink> link =
        authorizer_.CreateLink("demo", "wx-comp", AuthorizationType::kBoth, "", soon());
    ASSERT_OK(link);
    ASSERT_OK(authorizer_.Complete(link->id, "code-0", soon()));
  }
  static absl::Status Errcode(int code) { return wechat::ErrorCodeStatus(code, "no"); }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  FakeStore store_{clock_};
  FakePlatformClient platform_;
  FakePeers peers_;
  metrics::Registry registry_;
  BrokerMetrics metrics_{registry_, /*per_app=*/true};
  TokenBroker tokens_{Options(), store_, store_, store_, platform_, metrics_, clock_};
  Authorizer authorizer_{{.public_url = "https://datong.example"},
                         store_,
                         store_,
                         tokens_,
                         platform_,
                         metrics_,
                         clock_};
};

}  // namespace datong::broker
