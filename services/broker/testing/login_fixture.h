#pragma once

#include <string>

#include "services/broker/core/app_cache.h"
#include "services/broker/core/erasure_follower.h"
#include "services/broker/core/login.h"
#include "services/broker/core/phone_ids.h"
#include "services/broker/core/sessions.h"
#include "services/broker/core/user_directory.h"
#include "services/broker/core/web_login.h"
#include "services/broker/testing/core_fixture.h"
#include "services/broker/testing/fake_login_platform.h"
#include "services/broker/testing/fake_login_store.h"

namespace datong::broker {

// Logins over fakes, with the web app "wx-site" beside CoreFixture's. "wx-own", "wx-mini" and
// "wx-site" are bound to the Open Platform account "open1".
class LoginFixture : public CoreFixture {
 protected:
  LoginFixture() {
    Create("wx-site", AppKind::kWebApp);
    for (const char* appid : {"wx-own", "wx-mini", "wx-site"}) {
      EXPECT_OK(store_.UpdateApp(appid, std::nullopt, "open1", std::nullopt, soon()));
    }
  }

  AppEntry Entry(const std::string& appid) {
    absl::StatusOr<AppEntryPtr> entry = cache_.Get("demo", appid, soon());
    EXPECT_OK(entry) << appid;
    return entry.ok() ? **entry : AppEntry();
  }
  App AppOf(const std::string& appid) { return Entry(appid).app; }
  const Evidence& LastEvidence() { return peers_.evidence.back(); }

  FakeLoginStore logins_{store_, clock_};
  FakeLoginPlatform users_platform_;
  FakePersonPeer persons_;
  AppCache cache_{store_};
  EvidenceSender sender_{absl::Seconds(2), peers_};
  PhoneIds phones_{logins_};
  Login login_{logins_, tokens_, platform_, sender_, clock_};
  WebLogin web_{logins_, tokens_, users_platform_, sender_, clock_};
  Sessions sessions_{logins_, tokens_, users_platform_, sender_, phones_, clock_};
  UserDirectory users_{logins_, tokens_, users_platform_, sender_, peers_, persons_, clock_};
  ErasureFollower erasures_{store_, logins_, persons_};
};

}  // namespace datong::broker
