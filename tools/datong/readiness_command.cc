#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/datong/answer_text.h"
#include "tools/datong/commands.h"
#include "tools/datong/connection.h"
#include "tools/datong/generic_call.h"
#include "tools/datong/readiness_text.h"

namespace datong::tools {
namespace {

struct Arguments {
  std::string address = "127.0.0.1:9000";
  std::string project;
  std::vector<std::string> apps;
  std::string language;
  bool json = false;
  int timeout_seconds = 60;
};

bool IsChinese(const Arguments& arguments) {
  if (!arguments.language.empty()) return arguments.language == "zh";
  const char* locale = std::getenv("LANG");
  return locale != nullptr && absl::StartsWith(locale, "zh");
}

int Run(const Arguments& arguments) {
  broker::v1::CheckReadinessRequest request;
  const std::string project = absl::StartsWith(arguments.project, "projects/")
                                  ? arguments.project
                                  : absl::StrCat("projects/", arguments.project);
  request.set_project(project);
  for (const std::string& app : arguments.apps) {
    request.add_apps(absl::StartsWith(app, "projects/") ? app
                                                        : absl::StrCat(project, "/apps/", app));
  }
  const absl::StatusOr<Secret> api_key = ApiKeyFor(arguments.address);
  if (!api_key.ok()) {
    std::cerr << api_key.status().message() << "\n";
    return kExitFailed;
  }
  broker::v1::CheckReadinessRequest sent;
  broker::v1::CheckReadinessResponse answer;
  bool is_sent = false;
  const absl::Status status =
      MakeCall({.channel = OpenChannel(arguments.address, *api_key),
                .path = "/datong.broker.v1.ReadinessService/CheckReadiness",
                .timeout = absl::Seconds(arguments.timeout_seconds),
                .next_request =
                    [&](google::protobuf::Message& message) {
                      message.CopyFrom(request);
                      return !std::exchange(is_sent, true);
                    },
                .on_answer = [](const google::protobuf::Message&) { return true; }},
               sent, answer);
  if (!status.ok()) {
    std::cerr << ErrorText(status);
    return kExitRpc + static_cast<int>(status.code());
  }
  std::cout << (arguments.json ? AnswerJson(answer) : ReadinessText(answer, IsChinese(arguments)));
  return answer.ready() ? kExitOk : kExitFailed;
}

}  // namespace

void AddReadinessCommand(CLI::App& app, int& exit_code) {
  CLI::App* readiness = app.add_subcommand(
      "readiness", "Says of every account whether it is ready, and what to do where it is not");
  auto arguments = std::make_shared<Arguments>();
  readiness->add_option("--project", arguments->project, "The project")->required();
  readiness->add_option("--app", arguments->apps, "Only this app, by its appid; may be repeated")
      ->allow_extra_args(false);
  readiness
      ->add_option("--language", arguments->language,
                   "zh or en; without it, Chinese where LANG says so")
      ->check(CLI::IsMember({"zh", "en"}));
  readiness->add_flag("--json", arguments->json, "The answer as JSON, in both languages");
  readiness->add_option("--address", arguments->address, "Where the broker listens")
      ->envname("DATONG_ADDRESS")
      ->capture_default_str();
  readiness->add_option("--timeout", arguments->timeout_seconds, "Seconds for all of it")
      ->capture_default_str();
  readiness->footer("Exit codes: 0 nothing failed, 1 something failed, 2 wrong arguments.");
  readiness->callback([arguments, &exit_code] { exit_code = Run(*arguments); });
}

}  // namespace datong::tools
