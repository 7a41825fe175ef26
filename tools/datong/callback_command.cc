#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "common/http/request.h"
#include "tools/datong/callback_check.h"
#include "tools/datong/commands.h"
#include "tools/datong/request_flags.h"

namespace datong::tools {
namespace {

struct Arguments {
  std::string token;
  std::string aes_key;
  std::string receive_id;
  std::string url;
  std::string signature;
  std::string msg_signature;
  std::string timestamp;
  std::string nonce;
  std::string echostr;
  std::string body;
};

// The query of --url; parameters that were given on their own are added.
std::string QueryOf(const Arguments& arguments) {
  const size_t mark = arguments.url.find('?');
  std::string query = mark == std::string::npos ? arguments.url : arguments.url.substr(mark + 1);
  const auto add = [&query](const char* name, const std::string& value) {
    if (value.empty()) return;
    absl::StrAppend(&query, query.empty() ? "" : "&", name, "=", http::UrlEncode(value));
  };
  add("signature", arguments.signature);
  add("msg_signature", arguments.msg_signature);
  add("timestamp", arguments.timestamp);
  add("nonce", arguments.nonce);
  add("echostr", arguments.echostr);
  if (!arguments.msg_signature.empty()) add("encrypt_type", "aes");
  return query;
}

absl::StatusOr<CallbackCheck> Read(const Arguments& arguments) {
  CallbackCheck check;
  for (const auto& [from, to] : {std::pair{&arguments.token, &check.token},
                                 std::pair{&arguments.aes_key, &check.encoding_aes_key}}) {
    absl::StatusOr<std::string> text = TextOrFile(*from);
    if (!text.ok()) return text.status();
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
    *to = Secret(*std::move(text));
  }
  const absl::StatusOr<std::string> body = TextOrFile(arguments.body);
  if (!body.ok()) return body.status();
  check.body = *body;
  check.receive_id = arguments.receive_id;
  check.query = QueryOf(arguments);
  return check;
}

}  // namespace

void AddCallbackCommand(CLI::App& app, int& exit_code) {
  CLI::App* callback = app.add_subcommand("callback", "Helps where WeChat's callbacks fail");
  callback->require_subcommand(1);
  CLI::App* check = callback->add_subcommand(
      "check",
      "Says whether a push's signature is right, what it holds, and what is wrong with it. Take "
      "the URL and the body from the access log of your proxy.");
  auto arguments = std::make_shared<Arguments>();
  check->add_option("--token", arguments->token, "The callback token, or @file")->required();
  check->add_option("--aes-key", arguments->aes_key,
                    "The EncodingAESKey (43 characters), or @file; not needed in plain mode");
  check->add_option("--receive-id", arguments->receive_id,
                    "Whom the push is for: the appid; for a component's accounts the component's "
                    "appid; for WeCom the corp id or suite id");
  check->add_option("--url", arguments->url, "The URL that WeChat called, or its query");
  check->add_option("--signature", arguments->signature, "In place of --url: its parameter");
  check->add_option("--msg-signature", arguments->msg_signature,
                    "In place of --url: its parameter");
  check->add_option("--timestamp", arguments->timestamp, "In place of --url: its parameter");
  check->add_option("--nonce", arguments->nonce, "In place of --url: its parameter");
  check->add_option("--echostr", arguments->echostr, "In place of --url: its parameter");
  check->add_option("--body", arguments->body,
                    "The body, or @file, or - for standard input; none for the GET that verifies a "
                    "URL");
  check->footer(
      "Example:\n"
      "  datong callback check --token @token --aes-key @key --receive-id wx0123456789abcdef \\\n"
      "    --url '/wechat/demo/app/wx0123456789abcdef?msg_signature=…&timestamp=…&nonce=…' --body "
      "@push.xml\n"
      "Exit codes: 0 the push is right, 1 something is wrong, 2 wrong arguments.");
  check->callback([arguments, &exit_code] {
    const absl::StatusOr<CallbackCheck> read = Read(*arguments);
    if (!read.ok()) {
      std::cerr << std::string(read.status().message()) << "\n";
      exit_code = kExitUsage;
      return;
    }
    const CallbackVerdict verdict = CheckCallback(*read);
    std::cout << verdict.text;
    exit_code = verdict.is_right ? kExitOk : kExitFailed;
  });
}

}  // namespace datong::tools
