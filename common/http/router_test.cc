#include <gtest/gtest.h>

#include "common/http/server.h"

namespace datong::http {
namespace {

class RouterTest : public ::testing::Test {
 protected:
  void Add(const std::string& method, const std::string& pattern) {
    router_.Handle(method, pattern, {.metric = pattern}, nullptr);
  }
  std::string Find(const std::string& method, const std::string& path) {
    params_.clear();
    const Router::Route* route = router_.Find(method, path, &params_, &allowed_);
    return route == nullptr ? "" : route->options.metric;
  }
  Router router_;
  std::map<std::string, std::string> params_;
  std::string allowed_;
};

TEST_F(RouterTest, TakesPartsAsParameters) {
  Add("POST", "/v3/projects/{project}/collect");
  EXPECT_EQ(Find("POST", "/v3/projects/a%2Fb/collect"), "/v3/projects/{project}/collect");
  EXPECT_EQ(params_["project"], "a/b");
  EXPECT_EQ(Find("POST", "/v3/projects//collect"), "");
}

TEST_F(RouterTest, TheMostSpecificPatternWins) {
  Add("GET", "/*");
  Add("GET", "/wechat/*");
  Add("GET", "/wechat/{project}/app");
  Add("GET", "/wechat/demo/app");
  EXPECT_EQ(Find("GET", "/wechat/demo/app"), "/wechat/demo/app");
  EXPECT_EQ(Find("GET", "/wechat/other/app"), "/wechat/{project}/app");
  EXPECT_EQ(Find("GET", "/wechat/other/x/y"), "/wechat/*");
  EXPECT_EQ(params_["*"], "other/x/y");
  EXPECT_EQ(Find("GET", "/"), "/*");
}

TEST_F(RouterTest, NamesTheMethodsOfAKnownPath) {
  Add("GET", "/a");
  Add("POST", "/a");
  EXPECT_EQ(Find("DELETE", "/a"), "");
  EXPECT_EQ(allowed_, "GET, POST");
  EXPECT_EQ(Find("GET", "/b"), "");
  EXPECT_EQ(allowed_, "");
}

TEST_F(RouterTest, HeadTakesTheRouteOfGet) {
  Add("GET", "/a");
  EXPECT_EQ(Find("HEAD", "/a"), "/a");
}

}  // namespace
}  // namespace datong::http
