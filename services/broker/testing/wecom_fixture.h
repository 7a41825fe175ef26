#pragma once

#include <string>

#include "services/broker/core/wecom_contacts.h"
#include "services/broker/core/wecom_directory.h"
#include "services/broker/core/wecom_installer.h"
#include "services/broker/core/wecom_tokens.h"
#include "services/broker/testing/core_fixture.h"
#include "services/broker/testing/fake_login_platform.h"
#include "services/broker/testing/fake_wecom_platform.h"

namespace datong::broker {

// A broker's core with WeCom over fakes: beside the apps of CoreFixture, the corp "ww1" with its
// own app, the suite "wws1" of provider "wwprov", and, after Install(), the app "wpCorp-wws1".
class WecomFixture : public CoreFixture {
 protected:
  WecomFixture() {
    CreateWecom("ww1", AppKind::kWecomCorp, "ww1");
    CreateWecom("wws1", AppKind::kWecomSuite, "wwprov");
    CreateWecom("wwprov", AppKind::kWecomProvider, "wwprov");
  }
  void CreateWecom(const std::string& appid, AppKind kind, const std::string& corpid) {
    App app;
    app.project = "demo";
    app.appid = appid;
    app.kind = kind;
    app.corpid = corpid;
    app.agentid = 1000002;
    Credentials credentials;
    credentials.app_secret = Secret("secret-of-" + appid);
    credentials.callback = {Secret(kCallbackToken), Secret(kAesKey)};
    EXPECT_OK(store_.CreateApp(app, credentials, soon()));
  }
  void GiveSuiteTicket(absl::Duration age = absl::ZeroDuration()) {
    EXPECT_OK(store_.SaveTicket(
        "wws1", {Secret("suite-ticket"), clock_.Now() - age, clock_.Now() - age}, soon()));
  }
  void Install() {
    GiveSuiteTicket();
    absl::StatusOr<AuthorizationLink> link = installer_.CreateLink("demo", "wws1", false, soon());
    ASSERT_OK(link);
    ASSERT_OK(installer_.Complete(link->id, "code-0", soon()));
  }
  static Job JobOf(JobKind kind, const std::string& appid, const std::string& payload) {
    Job job;
    job.kind = kind;
    job.key = appid + ":0123456789";
    job.project = "demo";
    job.appid = appid;
    job.payload = payload;
    job.attempts = 1;
    return job;
  }

  FakeWecomPlatform wecom_;
  WecomTokens wecom_tokens_{store_, store_, store_, wecom_, clock_};
  TokenBroker broker_{Options(), store_,   store_, store_,
                      platform_, metrics_, clock_, &wecom_tokens_};
  WecomDirectory directory_{store_};
  FakePersonPeer persons_;
  EvidenceSender sender_{absl::Seconds(2), peers_};
  WecomInstaller installer_{{.public_url = "https://datong.example"},
                            store_,
                            store_,
                            store_,
                            store_,
                            broker_,
                            wecom_,
                            metrics_,
                            clock_};
  WecomContacts contacts_{store_, directory_, store_,   store_,  broker_,
                          wecom_, peers_,     persons_, sender_, clock_};
};

}  // namespace datong::broker
