#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/http/client.h"
#include "common/http/testing/fake_http_server.h"
#include "tools/datong/demo/client.h"
#include "tools/datong/demo/estate.h"
#include "tools/datong/demo/story.h"
#include "tools/datong/dev_stack.h"

namespace datong {

// Something that must not be found where it does not belong.
struct Canary {
  std::string what;
  std::string value;
};

// The whole suite with a small estate whose identifiers of persons are known, logging all it ever
// logs and tracing every call. Play connects its accounts and lets good and bad things happen to
// it.
class MarkedSuite {
 public:
  // `programs`: as in DevStackOptions.
  static absl::StatusOr<std::unique_ptr<MarkedSuite>> Start(const std::string& programs = "");

  // Errors: of the good things that failed.
  absl::Status Play();

  tools::DevStack& stack() { return *stack_; }
  // App secrets, callback credentials, tokens, session keys; complete after Play.
  const std::vector<Canary>& secrets() const { return secrets_; }
  // Openids, unionids, what people wrote.
  const std::vector<Canary>& personal() const { return personal_; }

  // Has signed in to both mini programs.
  const demo::Person& customer() const { return estate_.persons[1]; }
  // Followed the account before it was connected, so is on its roster.
  const demo::Person& follower() const;

  // Of the one process.
  std::string Metrics();
  std::string Log();
  // What the trace collector got: a JSON text a line.
  std::string Traces();
  // What callers were told where something was wrong, an answer a line.
  const std::string& Errors() const { return errors_; }

 private:
  MarkedSuite(std::unique_ptr<http::FakeHttpServer> collector,
              std::unique_ptr<tools::DevStack> stack);
  absl::Status SignIn();
  absl::Status PushAndCollect();
  void Misuse();
  void LoseWeChat();
  absl::Status KeepToken(const char* appid);
  void KeepError(const absl::Status& status);
  int Http(const std::string& method, const std::string& path, const std::string& body,
           const std::string& type);
  void CallAsJson(const std::string& method, const std::string& body);

  std::unique_ptr<http::FakeHttpServer> collector_;
  std::unique_ptr<tools::DevStack> stack_;
  demo::Estate estate_;
  demo::Client client_;
  http::Client http_;
  std::vector<Canary> secrets_;
  std::vector<Canary> personal_;
  std::string errors_;
};

}  // namespace datong
