#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/http/client.h"
#include "common/testing/matchers.h"
#include "tools/datong/dev_stack.h"

namespace datong::hostile {

using Json = nlohmann::json;

inline constexpr char kProject[] = "projects/demo";
inline constexpr char kAccount[] = "wxhostileaccount";    // self-managed official account
inline constexpr char kMini[] = "wxhostilemini";          // self-managed mini program
inline constexpr char kComponent[] = "wxhostilecomp";     // third-party platform
inline constexpr char kAuthorizer[] = "wxhostileauthor";  // an account that authorises it
inline constexpr char kCallbackToken[] = "hostile-token";
inline constexpr char kAesKey[] = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
inline constexpr char kWriteKey[] = "wk-hostile";
inline constexpr char kCollect[] = "/v3/projects/demo/collect";

std::string AppName(const std::string& appid);

// What an RPC over HTTP answered.
struct Answer {
  int status = 0;
  Json body;
  http::Headers headers;
  bool ok() const { return status == 200; }
  // Of ErrorInfo; "" when there is none.
  std::string reason() const;
  std::string sentence() const { return body.value("message", ""); }
};

// A whole sentence that a person can act on, of a refusal with that reason.
MATCHER_P2(Refuses, status, reason,
           absl::StrCat("is refused with ", status, " ", reason, " and a sentence")) {
  *result_listener << arg.status << " " << arg.reason() << " " << arg.body.dump();
  const std::string sentence = arg.sentence();
  return arg.status == status && arg.reason() == reason && sentence.size() > 20 &&
         sentence.back() == '.';
}

// The whole suite, once for the tests of one file, with an estate in it: project, apps, sources.
// Everything goes in by the doors that strangers use: HTTP.
class HostileTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { StartStack(/*fsync=*/false); }
  static void TearDownTestSuite();
  // `fsync`: commits survive a crash of the database.
  static void StartStack(bool fsync);

  static tools::DevStack& stack() { return *stack_; }
  static wechat_sim::Simulator& sim() { return stack_->simulator(); }

  static http::ClientResponse Send(const std::string& method, const std::string& target,
                                   const std::string& body = "", http::Headers headers = {});
  // "broker.v1.TokenService/GetToken"; a text is sent as it is.
  static Answer Call(const std::string& method, const Json& request);
  static Answer CallRaw(const std::string& method, const std::string& body);
  static http::ClientResponse Collect(const std::string& body, http::Headers headers = {});
  // Opens a URL that may lead anywhere in the stack.
  static http::ClientResponse Open(const http::ClientRequest& request);

  // One value of the database, as text; "" for null.
  static std::string Ask(const std::string& sql);
  static int64_t Count(const std::string& sql) { return std::stoll(Ask(sql)); }
  // One series of /metrics, 0 when it is not there: `name{label="x"}`.
  static double Metric(const std::string& series);
  // Whether it comes true within 15 seconds.
  static bool Eventually(const std::function<bool()>& holds);

  static std::string Seconds() { return absl::StrCat(absl::ToUnixSeconds(stack().Now())); }
  static std::string PathOf(const std::string& appid) {
    return absl::StrCat("/wechat/demo/app/", appid);
  }
  struct SealedPush {
    std::string target;
    std::string body;
  };
  // A push as WeChat's servers make it in secure mode, of any plaintext.
  static SealedPush Seal(const std::string& message, const std::string& appid = kAccount,
                         const std::string& token = kCallbackToken);
  static http::ClientResponse Push(const SealedPush& push);
  static http::ClientResponse PushSealed(const std::string& message) { return Push(Seal(message)); }
  // A message of a user; `inside` is XML.
  static std::string Message(const std::string& openid, const std::string& inside,
                             const std::string& time = Seconds());
  // What is inside of an event.
  static std::string Event(const std::string& name, const std::string& key);

  // The name of a new test person, so that tests do not meet.
  static std::string Fresh(const std::string& what);
  // Quarantined events of the project with this reason, newest first.
  static Json Quarantine(const std::string& reason);
  // A launch page for accounts, "http://…/authorize/…".
  static std::string LaunchPage();
  // What is asked of every process after something hostile: it answers, and new events arrive.
  static void ExpectHealthy();

 private:
  static void CreateEstate();
  static std::unique_ptr<tools::DevStack> stack_;
  static std::unique_ptr<http::Client> client_;
};

}  // namespace datong::hostile
