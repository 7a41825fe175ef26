#include "tools/datong/rpc_help.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace datong::tools {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// What the JSON of a message holds, for flags that take one.
std::string JsonFields(const FieldDescriptor& field) {
  const Descriptor* type = field.message_type();
  if (type == nullptr || field.is_map() || type->full_name().rfind("google.protobuf.", 0) == 0) {
    return "";
  }
  std::vector<std::string> names;
  for (int i = 0; i < type->field_count(); ++i) names.push_back(type->field(i)->name());
  return Wrap(absl::StrCat("{ ", absl::StrJoin(names, ", "), " }"), 6);
}

std::string FlagText(const RequestFlag& flag) {
  std::string out = absl::StrCat("  --", flag.name, " ", flag.TypeText());
  if (flag.field().is_repeated()) absl::StrAppend(&out, "  (may be repeated)");
  return absl::StrCat(out, "\n", Wrap(CommentOf(flag.field()), 6), JsonFields(flag.field()));
}

std::string AnswerFields(const Descriptor& answer) {
  std::string out;
  for (int i = 0; i < answer.field_count(); ++i) {
    const FieldDescriptor& field = *answer.field(i);
    absl::StrAppend(&out, "  ", field.name(), "\n", Wrap(CommentOf(field), 6));
  }
  return out;
}

std::string Example(const Rpc& rpc, const std::vector<RequestFlag>& flags) {
  std::string out = absl::StrCat("  datong ", rpc.api, " ", rpc.command);
  for (const RequestFlag& flag : flags) {
    if (CommentOf(flag.field()).rfind("Required", 0) != 0) continue;
    const std::string& name = flag.field().name();
    absl::StrAppend(&out, " --", flag.name, " ",
                    name == "project" ? "projects/demo"
                    : name == "name"  ? "projects/demo/…"
                                      : "…");
  }
  return out + "\n";
}

}  // namespace

std::string Wrap(const std::string& text, size_t indent, size_t width) {
  if (text.empty()) return "";
  const std::string blanks(indent, ' ');
  std::string out;
  std::string line;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (!line.empty() && indent + line.size() + 1 + word.size() > width) {
      absl::StrAppend(&out, blanks, line, "\n");
      line.clear();
    }
    absl::StrAppend(&line, line.empty() ? "" : " ", word);
  }
  return absl::StrCat(out, blanks, line, "\n");
}

std::string RpcHelp::make_help(const CLI::App*, std::string, CLI::AppFormatMode) const {
  const std::vector<RequestFlag> flags = RequestFlagsOf(*rpc_.method->input_type());
  std::string out = absl::StrCat(Wrap(CommentOf(*rpc_.method), 0), "\nUsage:\n",
                                 Example(rpc_, flags), "\nRequest:\n");
  for (const RequestFlag& flag : flags) out += FlagText(flag);
  absl::StrAppend(
      &out,
      "\nCall:\n"
      "  --address HOST:PORT   where the service listens; else DATONG_ADDRESS, else "
      "127.0.0.1:9000\n"
      "  --timeout DURATION    how long to wait; 30s, and for streams without end\n"
      "  --json [REQUEST]      prints the answer as JSON; REQUEST, '{…}' or @file, is what "
      "flags add to\n"
      "  --output json|table   how to print the answer\n");
  if (rpc_.method->client_streaming()) {
    out +=
        "                        (one request on each line of @file, or of - for standard input)\n";
  }
  if (rpc_.method->server_streaming()) {
    out += "  --max-messages N      ends after so many answers\n";
  }
  absl::StrAppend(&out, "\nAnswer", rpc_.method->server_streaming() ? ", a line for each" : "",
                  ":\n", AnswerFields(*rpc_.method->output_type()));
  absl::StrAppend(&out, "\nRPC: ", rpc_.path, "\n");
  return out;
}

}  // namespace datong::tools
