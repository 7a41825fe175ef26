#include "common/auth/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/auth/api_keys.h"
#include "common/auth/testing/jwt_issuer.h"
#include "common/testing/fake_clock.h"
#include "common/testing/matchers.h"

namespace datong::auth {
namespace {

constexpr char kPolicy[] = R"(
  [[grants]]
  callers = ["key:shop", "jwt:alice", "spiffe://cluster.local/ns/shop/sa/web"]
  permissions = ["tokens.read"]
  projects = ["shop"]
)";

class AccessTest : public ::testing::Test {
 protected:
  AccessTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "datong-access-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    Write("policy", kPolicy);
    Write("keys", key_.line + "\n");
    Write("jwks", issuer_.Jwks());
    settings_.mtls = settings_.jwt = settings_.api_keys = true;
    settings_.policy_file = folder_ + "/policy";
    settings_.api_keys_file = folder_ + "/keys";
    settings_.jwks_file = folder_ + "/jwks";
    settings_.jwt_issuer = "https://issuer";
    settings_.jwt_audience = "datong";
    settings_.trust_domain = "cluster.local";
    settings_.services = {{"datacube", "spiffe://cluster.local/ns/d/sa/datacube"},
                          {"gateway", "spiffe://cluster.local/ns/d/sa/gateway"}};
  }
  ~AccessTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }
  Access& access() {
    if (access_ == nullptr) {
      access_ = std::make_unique<Access>(settings_, clock_, registry_);
      EXPECT_OK(access_->Load());
    }
    return *access_;
  }
  Answer Ask(const Proof& proof, const char* permission = "tokens.read",
             const char* project = "shop") {
    const Resource resource{.project = project, .app = "wx1", .api_path = {}};
    return access().Ask(
        {.proof = proof, .permission = permission, .resources = {&resource, 1}, .may_block = true});
  }
  std::string Token(const std::string& subject) {
    return absl::StrCat(
        "Bearer ",
        issuer_.Sign(absl::StrCat(R"({"iss":"https://issuer","aud":"datong","sub":")", subject,
                                  R"(","exp":)", absl::ToUnixSeconds(clock_.Now()) + 600, "}")));
  }
  std::string Key() { return "Bearer " + key_.key.Expose(); }

  FakeClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  metrics::Registry registry_;
  NewApiKey key_ = *MakeApiKey("shop", absl::InfiniteFuture());
  JwtIssuer issuer_{"ES256"};
  AccessSettings settings_;
  std::string folder_;
  std::unique_ptr<Access> access_;
};

TEST_F(AccessTest, CallersAreKnownByKeyTokenAndCertificate) {
  const std::string key = Key();
  const std::string token = Token("alice");
  EXPECT_EQ(Ask({.authorization = key}).caller, "key:shop");
  EXPECT_OK(Ask({.authorization = key}).status);
  EXPECT_EQ(Ask({.authorization = token}).caller, "jwt:alice");
  EXPECT_OK(Ask({.authorization = token}).status);
  const Answer web = Ask({.spiffe_id = "spiffe://cluster.local/ns/shop/sa/web"});
  EXPECT_EQ(web.caller, "spiffe://cluster.local/ns/shop/sa/web");
  EXPECT_OK(web.status);
}

TEST_F(AccessTest, NoCredentialsAndWrongOnesAreToldApartFromMissingPermissions) {
  EXPECT_THAT(Ask({}).status, IsError(absl::StatusCode::kUnauthenticated, "CREDENTIALS_MISSING"));
  for (const char* wrong : {"Bearer dtk_shop_00", "Bearer x.y.z", "Basic YTpi", "malformed"}) {
    EXPECT_THAT(Ask({.authorization = wrong}).status,
                IsError(absl::StatusCode::kUnauthenticated, "CREDENTIALS_INVALID"))
        << wrong;
  }
  EXPECT_THAT(Ask({.spiffe_id = "spiffe://other/ns/shop/sa/web"}).status,
              IsError(absl::StatusCode::kUnauthenticated, "CREDENTIALS_INVALID"));
  const std::string key = Key();
  EXPECT_THAT(Ask({.authorization = key}, "tokens.write").status,
              IsError(absl::StatusCode::kPermissionDenied, "PERMISSION_MISSING"));
  EXPECT_THAT(Ask({.authorization = key}, "tokens.read", "other").status,
              IsError(absl::StatusCode::kPermissionDenied, "PERMISSION_MISSING"));
  const std::string metrics = registry_.Serialize();
  for (const char* series :
       {"deny\",reason=\"credentials_missing\"} 1", "deny\",reason=\"credentials_invalid\"} 5",
        "deny\",reason=\"not_granted\"} 2", "allow\",reason=\"granted\"} 0"}) {
    EXPECT_THAT(metrics, ::testing::HasSubstr(series));
  }
}

TEST_F(AccessTest, EveryResourceOfACallMustBeGranted) {
  const std::string key = Key();
  const Resource both[] = {{.project = "shop", .app = "wx1", .api_path = {}},
                           {.project = "other", .app = "wx1", .api_path = {}}};
  EXPECT_THAT(
      access()
          .Ask({.proof = {.authorization = key}, .permission = "tokens.read", .resources = both})
          .status,
      IsError(absl::StatusCode::kPermissionDenied, "PERMISSION_MISSING"));
  EXPECT_THAT(
      access()
          .Ask({.proof = {.authorization = key}, .permission = "tokens.read", .resources = {}})
          .status,
      IsError(absl::StatusCode::kPermissionDenied, "PERMISSION_MISSING"));
}

TEST_F(AccessTest, AServiceActsInItsOwnNameAndTheGatewayLendsItsOwnToNobody) {
  constexpr char kDatacube[] = "spiffe://cluster.local/ns/d/sa/datacube";
  constexpr char kGatewayId[] = "spiffe://cluster.local/ns/d/sa/gateway";
  const std::string key = Key();
  const Answer datacube = Ask({.spiffe_id = kDatacube, .authorization = key}, "accounts.read");
  EXPECT_EQ(datacube.caller, "service:datacube");
  EXPECT_OK(datacube.status);
  EXPECT_EQ(Ask({.service = "datacube"}, "accounts.read").caller, "service:datacube");
  EXPECT_THAT(Ask({.service = "datacube"}, "tokens.read").status,
              IsError(absl::StatusCode::kPermissionDenied, "PERMISSION_MISSING"));

  EXPECT_OK(Ask({.spiffe_id = kGatewayId}, "pushes.write").status);
  EXPECT_EQ(Ask({.spiffe_id = kGatewayId, .authorization = key}).caller, "key:shop");
  EXPECT_THAT(Ask({.service = "gateway", .authorization = key}, "pushes.write").status,
              IsError(absl::StatusCode::kPermissionDenied, "PERMISSION_MISSING"));
  EXPECT_THAT(Ask({.service = "gateway", .authorization = "none"}, "pushes.write").status,
              IsError(absl::StatusCode::kUnauthenticated, "CREDENTIALS_MISSING"));
}

TEST_F(AccessTest, InsecureLetsThoseWithoutCredentialsInAndStillChecksTheOthers) {
  settings_.insecure = true;
  EXPECT_EQ(Ask({}, "anything.at-all").caller, "anonymous");
  EXPECT_OK(Ask({}, "anything.at-all").status);
  EXPECT_FALSE(Ask({.authorization = "Bearer dtk_shop_00"}).status.ok());
  const std::string key = Key();
  EXPECT_FALSE(Ask({.authorization = key}, "tokens.write").status.ok());
}

TEST_F(AccessTest, ExpiryFollowsTheClock) {
  const std::string token = Token("alice");
  EXPECT_OK(Ask({.authorization = token}).status);
  clock_.Advance(absl::Minutes(12));
  EXPECT_THAT(Ask({.authorization = token}).status,
              IsError(absl::StatusCode::kUnauthenticated, "CREDENTIALS_INVALID"));
}

TEST_F(AccessTest, AppKindsAreAskedForWhenThatMayBlockAndThenRemembered) {
  Write("policy", absl::StrCat(kPolicy, "app_kinds = [\"mini_program\"]\n"));
  int asked = 0;
  access().SetKindOfApp([&asked](absl::string_view project, absl::string_view app) {
    EXPECT_EQ(absl::StrCat(project, "/", app), "shop/wx1");
    ++asked;
    return std::string("mini_program");
  });
  const std::string key = Key();
  const Resource resource{.project = "shop", .app = "wx1", .api_path = {}};
  const Question question{.proof = {.authorization = key},
                          .permission = "tokens.read",
                          .resources = {&resource, 1},
                          .may_block = false};
  EXPECT_TRUE(access().Ask(question).undecided);
  EXPECT_OK(Ask({.authorization = key}).status);
  const Answer known = access().Ask(question);
  EXPECT_FALSE(known.undecided);
  EXPECT_OK(known.status);
  EXPECT_EQ(asked, 1);
}

TEST_F(AccessTest, AWrongFileIsRefusedAndTheRulesBeforeStand) {
  const std::string key = Key();
  EXPECT_OK(Ask({.authorization = key}).status);
  Write("policy", "[[grants]]");
  const absl::Status status = access().Load();
  EXPECT_THAT(status, IsError(absl::StatusCode::kInvalidArgument, "AUTH_FILE_INVALID"));
  EXPECT_EQ(GetErrorInfo(status)->metadata["key"], "auth.policy_file");
  EXPECT_OK(Ask({.authorization = key}).status);
  Write("policy", "");
  EXPECT_OK(access().Load());
  EXPECT_FALSE(Ask({.authorization = key}).status.ok());
}

// Both keys are let in while one replaces the other; the old one is refused once it is gone.
TEST_F(AccessTest, AKeyIsReplacedUnderLoadWithoutARefusedCall) {
  std::atomic<bool> stop{false};
  std::atomic<int> refused{0};
  std::array<std::atomic<int>, 3> asked{};
  Mutex mutex;
  std::string current = Key();
  access();
  std::vector<std::thread> callers;
  for (std::atomic<int>& mine : asked) {
    callers.emplace_back([&] {
      while (!stop) {
        std::string key;
        {
          MutexLock lock(&mutex);
          key = current;
        }
        const Resource resource{.project = "shop", .app = "wx1", .api_path = {}};
        if (!access_
                 ->Ask({.proof = {.authorization = key},
                        .permission = "tokens.read",
                        .resources = {&resource, 1}})
                 .status.ok()) {
          ++refused;
        }
        ++mine;
      }
    });
  }
  std::string old_line = key_.line;
  for (int i = 0; i < 20; ++i) {
    const NewApiKey next = *MakeApiKey("shop", absl::InfiniteFuture());
    Write("keys", absl::StrCat(old_line, "\n", next.line, "\n"));
    ASSERT_OK(access_->Load());
    {
      MutexLock lock(&mutex);
      current = "Bearer " + next.key.Expose();
    }
    // Whoever held the old key has asked with it when each one has two more answers.
    for (std::atomic<int>& mine : asked) {
      for (const int before = mine; mine < before + 2;) std::this_thread::yield();
    }
    Write("keys", next.line + "\n");
    ASSERT_OK(access_->Load());
    old_line = next.line;
  }
  stop = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(refused, 0);
  const std::string first = Key();
  EXPECT_FALSE(Ask({.authorization = first}).status.ok());
}

TEST(AccessSettingsTest, FaultsAreSentences) {
  const auto faults = [](std::map<std::string, std::string> flags, bool insecure = false) {
    absl::StatusOr<config::Settings> settings =
        config::Settings::Load({.toml_file = "", .environment = {}, .flags = std::move(flags)});
    EXPECT_OK(settings);
    AccessSettings::FromSettings(*settings, insecure);
    return std::string(settings->Finish().message());
  };
  using ::testing::HasSubstr;
  EXPECT_THAT(faults({}), HasSubstr("auth.mode"));
  EXPECT_EQ(faults({}, true), "");
  EXPECT_EQ(faults({{"auth.mode", "mtls"}}), "");
  EXPECT_THAT(faults({{"auth.mode", "password"}}), HasSubstr("auth.mode"));
  EXPECT_THAT(faults({{"auth.mode", "jwt"}}),
              ::testing::AllOf(HasSubstr("auth.jwt.jwks_file"), HasSubstr("auth.jwt.issuer"),
                               HasSubstr("auth.jwt.audience")));
  EXPECT_THAT(faults({{"auth.mode", "api_key"}}), HasSubstr("auth.api_keys_file"));
  EXPECT_THAT(faults({{"auth.mode", "mtls"}, {"auth.services.broker", "spiffe://other/x"}}),
              HasSubstr("auth.services.broker"));
}

}  // namespace
}  // namespace datong::auth
