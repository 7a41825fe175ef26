#include "tools/datong/request_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/testing/matchers.h"
#include "tools/datong/catalogue.h"

namespace datong::tools {
namespace {

using ::testing::HasSubstr;

class RequestFlagsTest : public ::testing::Test {
 protected:
  absl::Status Set(const std::string& command, const std::string& flag,
                   const std::vector<std::string>& values) {
    for (const Rpc& rpc : catalogue_.rpcs()) {
      if (rpc.command != command) continue;
      for (const RequestFlag& one : RequestFlagsOf(*rpc.method->input_type())) {
        if (one.name == flag) return SetField(one, values, request_);
      }
    }
    return absl::NotFoundError(flag);
  }

  Catalogue catalogue_;
  nlohmann::json request_ = nlohmann::json::object();
};

TEST_F(RequestFlagsTest, NestedRepeatedAndMapFieldsBecomeJson) {
  ASSERT_OK(Set("create-source", "source.kind", {"sdk"}));
  ASSERT_OK(Set("create-source", "source.origins", {"https://a", "https://b"}));
  ASSERT_OK(Set("create-source", "source.login-spaces", {"member=vip"}));
  ASSERT_OK(Set("create-source", "source.disabled", {"true"}));
  EXPECT_EQ(request_, nlohmann::json::parse(R"({"source": {"kind": "SOURCE_KIND_SDK",
      "origins": ["https://a", "https://b"], "login_spaces": {"member": "vip"},
      "disabled": true}})"));
}

TEST_F(RequestFlagsTest, AProjectMayBeNamedByItsId) {
  ASSERT_OK(Set("list-sources", "project", {"demo"}));
  ASSERT_OK(Set("list-sources", "page-size", {"7"}));
  EXPECT_EQ(request_["project"], "projects/demo");
  EXPECT_EQ(request_["page_size"], "7");
}

TEST_F(RequestFlagsTest, WrongValuesAreNamedWithTheirFlag) {
  for (const auto& [flag, value, wanted] :
       {std::tuple{"source.kind", "robot", "sdk|server|push"},
        std::tuple{"source.disabled", "perhaps", "true or false"},
        std::tuple{"source.login-spaces", "member", "key=value"}}) {
    const absl::Status status = Set("create-source", flag, {value});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << flag;
    EXPECT_THAT(std::string(status.message()), HasSubstr(wanted));
    EXPECT_THAT(std::string(status.message()), HasSubstr(flag));
  }
  EXPECT_EQ(Set("list-sources", "project", {"a", "b"}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Set("list-sources", "page-size", {"many"}).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RequestFlagsTest, AMissingFileIsSaidSo) {
  EXPECT_THAT(std::string(TextOrFile("@/nowhere").status().message()), HasSubstr("/nowhere"));
  EXPECT_THAT(TextOrFile("plain"), IsOkAndHolds("plain"));
}

}  // namespace
}  // namespace datong::tools
