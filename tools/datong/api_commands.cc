#include <google/protobuf/util/json_util.h>

#include <cstdlib>
#include <iostream>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/status/macros.h"
#include "tools/datong/answer_text.h"
#include "tools/datong/catalogue.h"
#include "tools/datong/commands.h"
#include "tools/datong/connection.h"
#include "tools/datong/generic_call.h"
#include "tools/datong/request_flags.h"
#include "tools/datong/rpc_help.h"

namespace datong::tools {
namespace {

// What the command line says for one RPC.
struct Invocation {
  const Catalogue* catalogue;
  const Rpc* rpc;
  std::vector<RequestFlag> flags;
  std::vector<std::vector<std::string>> values;  // one list for each flag
  std::string address = "127.0.0.1:9000";
  std::string timeout;
  std::string json;
  bool has_json = false;
  std::string output;
  int64_t max_messages = 0;

  bool PrintsJson() const { return output == "json" || (output.empty() && has_json); }
};

absl::StatusOr<nlohmann::json> ParseRequest(const std::string& text) {
  nlohmann::json request = nlohmann::json::parse(text, nullptr, false);
  if (!request.is_object()) return absl::InvalidArgumentError("--json is not a JSON object.");
  return request;
}

// The requests to send: one, or for client streams one for each line of --json.
absl::StatusOr<std::vector<nlohmann::json>> RequestsOf(const Invocation& invocation) {
  std::vector<nlohmann::json> requests;
  if (!invocation.json.empty()) {
    DATONG_ASSIGN_OR_RETURN(const std::string text, TextOrFile(invocation.json));
    if (invocation.rpc->method->client_streaming()) {
      for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipWhitespace())) {
        DATONG_ASSIGN_OR_RETURN(nlohmann::json one, ParseRequest(std::string(line)));
        requests.push_back(std::move(one));
      }
    } else {
      DATONG_ASSIGN_OR_RETURN(nlohmann::json one, ParseRequest(text));
      requests.push_back(std::move(one));
    }
  }
  if (requests.empty()) requests.push_back(nlohmann::json::object());
  for (nlohmann::json& request : requests) {
    for (size_t i = 0; i < invocation.flags.size(); ++i) {
      DATONG_RETURN_IF_ERROR(SetField(invocation.flags[i], invocation.values[i], request));
    }
  }
  return requests;
}

absl::Status Parse(const nlohmann::json& request, google::protobuf::Message& message) {
  const auto status = google::protobuf::util::JsonStringToMessage(request.dump(), &message);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("The request does not fit ",
                                                 message.GetDescriptor()->name(), ": ",
                                                 std::string(status.message())));
}

void Print(const Invocation& invocation, const google::protobuf::Message& answer) {
  if (invocation.rpc->method->server_streaming()) {
    std::cout << (invocation.PrintsJson() ? AnswerJson(answer, true) : AnswerLine(answer))
              << std::endl;
  } else {
    std::cout << (invocation.PrintsJson() ? AnswerJson(answer) : AnswerTable(answer));
  }
}

// What no request can do without, when the flags are all that makes it.
absl::Status CheckRequired(const Invocation& invocation) {
  if (!invocation.json.empty()) return absl::OkStatus();
  std::vector<std::string> missing;
  for (size_t i = 0; i < invocation.flags.size(); ++i) {
    const RequestFlag& flag = invocation.flags[i];
    if (flag.path.size() == 1 && invocation.values[i].empty() &&
        absl::StartsWith(CommentOf(flag.field()), "Required.")) {
      missing.push_back("--" + flag.name);
    }
  }
  if (missing.empty()) return absl::OkStatus();
  const std::string name =
      absl::StrCat("datong ", invocation.rpc->api, " ", invocation.rpc->command);
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": missing ", absl::StrJoin(missing, ", "), "\nSee: ", name, " --help"));
}

int Invoke(const Invocation& invocation) {
  const auto usage = [](const absl::Status& status) {
    std::cerr << std::string(status.message()) << "\n";
    return kExitUsage;
  };
  absl::Duration timeout =
      invocation.rpc->method->server_streaming() ? absl::InfiniteDuration() : absl::Seconds(30);
  if (!invocation.timeout.empty() && !absl::ParseDuration(invocation.timeout, &timeout)) {
    return usage(absl::InvalidArgumentError("--timeout is not a duration like 30s."));
  }
  if (const absl::Status given = CheckRequired(invocation); !given.ok()) return usage(given);
  const absl::StatusOr<std::vector<nlohmann::json>> requests = RequestsOf(invocation);
  if (!requests.ok()) return usage(requests.status());
  const auto request = invocation.catalogue->NewMessage(*invocation.rpc->method->input_type());
  const auto answer = invocation.catalogue->NewMessage(*invocation.rpc->method->output_type());
  for (const nlohmann::json& json : *requests) {
    request->Clear();
    if (const absl::Status parsed = Parse(json, *request); !parsed.ok()) return usage(parsed);
  }

  const absl::StatusOr<Secret> api_key = ApiKeyFor(invocation.address);
  if (!api_key.ok()) return usage(api_key.status());
  size_t sent = 0;
  int64_t received = 0;
  const absl::Status status =
      MakeCall({.channel = OpenChannel(invocation.address, *api_key),
                .path = invocation.rpc->path,
                .timeout = timeout,
                .next_request =
                    [&](google::protobuf::Message& message) {
                      return sent < requests->size() && Parse((*requests)[sent++], message).ok();
                    },
                .on_answer =
                    [&](const google::protobuf::Message& message) {
                      Print(invocation, message);
                      return ++received != invocation.max_messages;
                    }},
               *request, *answer);
  if (status.ok()) return kExitOk;
  std::cerr << ErrorText(status);
  if (absl::StrContains(status.message(), "Failed to connect to remote host") ||
      absl::StrContains(status.message(), "DNS resolution failed")) {
    std::cerr << "Nothing listens at " << invocation.address
              << ". Say where with --address or DATONG_ADDRESS; `datong dev` prints its address.\n";
  }
  return kExitRpc + static_cast<int>(status.code());
}

void AddRpc(CLI::App& api, const Catalogue& catalogue, const Rpc& rpc, int& exit_code) {
  CLI::App* command = api.add_subcommand(rpc.command, FirstSentence(CommentOf(*rpc.method)));
  command->group(rpc.method->service()->name());
  command->formatter(std::make_shared<RpcHelp>(rpc));
  auto invocation = std::make_shared<Invocation>();
  invocation->catalogue = &catalogue;
  invocation->rpc = &rpc;
  invocation->flags = RequestFlagsOf(*rpc.method->input_type());
  invocation->values.resize(invocation->flags.size());

  command->add_option("--address", invocation->address)->envname("DATONG_ADDRESS");
  command->add_option("--timeout", invocation->timeout);
  CLI::Option* json = command->add_option("--json", invocation->json)->expected(0, 1);
  command->add_option("--output", invocation->output)->check(CLI::IsMember({"json", "table"}));
  if (rpc.method->server_streaming()) {
    command->add_option("--max-messages", invocation->max_messages);
  }
  for (size_t i = 0; i < invocation->flags.size(); ++i) {
    const RequestFlag& flag = invocation->flags[i];
    const bool is_bool = flag.field().type() == google::protobuf::FieldDescriptor::TYPE_BOOL;
    CLI::Option* option = command->add_option(absl::StrCat("--", flag.name), invocation->values[i]);
    option->allow_extra_args(false);
    if (is_bool) option->expected(0, 1);
  }
  command->callback([invocation, json, &exit_code] {
    invocation->has_json = json->count() > 0;
    exit_code = Invoke(*invocation);
  });
}

}  // namespace

void AddApiCommands(CLI::App& app, int& exit_code) {
  static const Catalogue* catalogue = new Catalogue;
  for (const std::string& api : catalogue->apis()) {
    CLI::App* command = app.add_subcommand(api, absl::StrCat("Calls the RPCs of ", api));
    command->group("APIs");
    command->require_subcommand(1);
    command->footer(
        absl::StrCat("A command's --help documents its RPC: datong ", api, " <command> --help"));
    for (const Rpc& rpc : catalogue->rpcs()) {
      if (rpc.api == api) AddRpc(*command, *catalogue, rpc, exit_code);
    }
  }
}

}  // namespace datong::tools
