#include "common/auth/policy.h"

#include <gtest/gtest.h>

#include "common/testing/matchers.h"

namespace datong::auth {
namespace {

std::string NoKind() { return ""; }

bool Allows(const std::string& toml, const char* caller, const char* permission,
            const Resource& resource, const std::string& kind = "") {
  const absl::StatusOr<Policy> policy = Policy::Parse(toml);
  EXPECT_OK(policy);
  return policy->Allows(caller, permission, resource, [&kind] { return kind; });
}

Resource App(const char* project, const char* app, const char* path = "") {
  return {.project = project, .app = app, .api_path = path};
}

TEST(PolicyTest, NothingIsGrantedByNothing) {
  EXPECT_FALSE(Policy().Allows("key:a", "tokens.read", App("shop", "wx1"), NoKind));
  EXPECT_FALSE(Allows("", "key:a", "tokens.read", App("shop", "wx1")));
}

TEST(PolicyTest, AGrantHoldsForItsCallersPermissionsProjectsAndApps) {
  constexpr char kToml[] = R"(
    [[grants]]
    callers = ["key:shop", "spiffe://x/ns/shop/sa/*"]
    permissions = ["tokens.read", "apps.*"]
    projects = ["shop"]
    apps = ["wx1", "wx2*"]
  )";
  EXPECT_TRUE(Allows(kToml, "key:shop", "tokens.read", App("shop", "wx1")));
  EXPECT_TRUE(Allows(kToml, "spiffe://x/ns/shop/sa/web", "apps.write", App("shop", "wx23")));
  EXPECT_FALSE(Allows(kToml, "key:shop2", "tokens.read", App("shop", "wx1")));
  EXPECT_FALSE(Allows(kToml, "key:shop", "tokens.write", App("shop", "wx1")));
  EXPECT_FALSE(Allows(kToml, "key:shop", "tokens.read", App("shopping", "wx1")));
  EXPECT_FALSE(Allows(kToml, "key:shop", "tokens.read", App("shop", "wx12")));
  // What is about a whole project, or about all of them, needs a grant that wide.
  EXPECT_FALSE(Allows(kToml, "key:shop", "tokens.read", App("shop", "")));
  EXPECT_FALSE(Allows(kToml, "key:shop", "tokens.read", App("", "")));
}

TEST(PolicyTest, AppKindsAreAskedForOnlyWhereTheyMatter) {
  constexpr char kToml[] = R"(
    [[grants]]
    callers = ["key:shop"]
    permissions = ["tokens.read"]
    projects = ["shop"]
    app_kinds = ["mini_program", "official_account"]
  )";
  EXPECT_TRUE(Allows(kToml, "key:shop", "tokens.read", App("shop", "wx1"), "mini_program"));
  EXPECT_FALSE(Allows(kToml, "key:shop", "tokens.read", App("shop", "wx1"), "component"));
  EXPECT_FALSE(Allows(kToml, "key:shop", "tokens.read", App("shop", "wx1"), ""));
  const absl::StatusOr<Policy> policy = Policy::Parse(kToml);
  ASSERT_OK(policy);
  EXPECT_FALSE(policy->Allows("key:other", "tokens.read", App("shop", "wx1"), []() -> std::string {
    ADD_FAILURE() << "asked for nothing";
    return "";
  }));
}

TEST(PolicyTest, ApiCallIsGrantedByPath) {
  constexpr char kToml[] = R"(
    [[grants]]
    callers = ["key:*"]
    permissions = ["*"]
    projects = ["*"]
    [[grants]]
    callers = ["key:service"]
    permissions = ["api.call"]
    projects = ["shop"]
    api_paths = ["/cgi-bin/message/*"]
  )";
  EXPECT_TRUE(Allows(kToml, "key:service", "api.call", App("shop", "a", "/cgi-bin/message/send")));
  EXPECT_FALSE(Allows(kToml, "key:service", "api.call", App("shop", "a", "/cgi-bin/user/get")));
  EXPECT_FALSE(Allows(kToml, "key:other", "api.call", App("shop", "a", "/cgi-bin/message/send")));
  EXPECT_TRUE(Allows(kToml, "key:other", "tokens.read", App("", "")));
}

TEST(PolicyTest, FaultsAreSaidWithTheirLine) {
  for (const char* toml :
       {"x", "[grants]", "grants = [1]", "[other]", "[[grants]]\ncallers = [\"a\"]",
        "[[grants]]\ncallers = \"a\"\npermissions = [\"p\"]\nprojects = [\"x\"]",
        "[[grants]]\ncallers = []\npermissions = [\"p\"]\nprojects = [\"x\"]",
        "[[grants]]\ncallers = [1]\npermissions = [\"p\"]\nprojects = [\"x\"]",
        "[[grants]]\ncallers = [\"a\"]\npermissions = [\"p\"]",
        "[[grants]]\ncallers = [\"a\"]\npermissions = [\"p\"]\nprojects = [\"x\"]\nmore = [\"y\"]",
        "[[grants]]\ncallers = [\"a\"]\npermissions = [\"api.call\"]\nprojects = [\"x\"]"}) {
    EXPECT_THAT(Policy::Parse(toml), IsError(absl::StatusCode::kInvalidArgument, "POLICY_INVALID"))
        << toml;
  }
}

TEST(PolicyTest, PatternsFitAsAWhole) {
  EXPECT_TRUE(FitsPattern("", "*"));
  EXPECT_TRUE(FitsPattern("abc", "a*c"));
  EXPECT_TRUE(FitsPattern("abcabc", "*bc"));
  EXPECT_TRUE(FitsPattern("a", "**a**"));
  EXPECT_FALSE(FitsPattern("abc", "ab"));
  EXPECT_FALSE(FitsPattern("abc", "*b"));
  EXPECT_FALSE(FitsPattern("", "a"));
  EXPECT_FALSE(FitsPattern("abd", "a*c"));
}

}  // namespace
}  // namespace datong::auth
