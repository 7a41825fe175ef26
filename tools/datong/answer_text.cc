#include "tools/datong/answer_text.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "common/base/strings.h"
#include "common/status/error.h"
#include "common/time/shanghai.h"
#include "tools/datong/request_flags.h"
#include "tools/datong/table.h"

namespace datong::tools {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

using Cells = std::vector<std::pair<std::string, std::string>>;

int64_t Number(const Message& message, const char* field) {
  const FieldDescriptor* found = message.GetDescriptor()->FindFieldByName(field);
  const Reflection& reflection = *message.GetReflection();
  return found->cpp_type() == FieldDescriptor::CPPTYPE_INT64 ? reflection.GetInt64(message, found)
                                                             : reflection.GetInt32(message, found);
}

// A message that is one value for people; "" for the others.
bool WellKnownText(const Message& message, std::string* text) {
  const std::string& type = message.GetDescriptor()->full_name();
  if (type == "google.protobuf.Timestamp") {
    const absl::Time time = absl::FromUnixSeconds(Number(message, "seconds")) +
                            absl::Nanoseconds(Number(message, "nanos"));
    *text = absl::FormatTime("%Y-%m-%d %H:%M:%E*S", absl::FromUnixMillis(absl::ToUnixMillis(time)),
                             ShanghaiTimeZone());
    return true;
  }
  if (type == "google.protobuf.Duration") {
    *text = absl::FormatDuration(absl::Seconds(Number(message, "seconds")) +
                                 absl::Nanoseconds(Number(message, "nanos")));
    return true;
  }
  if (absl::StartsWith(type, "google.protobuf.")) {
    *text = AnswerJson(message, true);
    return true;
  }
  return false;
}

std::string BytesText(const std::string& bytes) {
  return IsUtf8(bytes) ? bytes : absl::StrCat("base64:", absl::Base64Escape(bytes));
}

// `index` below 0 for a field that is not repeated.
std::string ScalarText(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& r = *message.GetReflection();
  const FieldDescriptor* f = &field;
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(one ? r.GetInt32(message, f) : r.GetRepeatedInt32(message, f, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(one ? r.GetInt64(message, f) : r.GetRepeatedInt64(message, f, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(one ? r.GetUInt32(message, f) : r.GetRepeatedUInt32(message, f, index));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(one ? r.GetUInt64(message, f) : r.GetRepeatedUInt64(message, f, index));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrCat(one ? r.GetDouble(message, f) : r.GetRepeatedDouble(message, f, index));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return absl::StrCat(one ? r.GetFloat(message, f) : r.GetRepeatedFloat(message, f, index));
    case FieldDescriptor::CPPTYPE_BOOL:
      return (one ? r.GetBool(message, f) : r.GetRepeatedBool(message, f, index)) ? "yes" : "no";
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* value = one ? r.GetEnum(message, f) : r.GetRepeatedEnum(message, f, index);
      return value->number() == 0 ? "" : ShortEnumName(*value);
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text =
          one ? r.GetString(message, f) : r.GetRepeatedString(message, f, index);
      return field.type() == FieldDescriptor::TYPE_BYTES ? BytesText(text) : text;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Message& inner =
          one ? r.GetMessage(message, f) : r.GetRepeatedMessage(message, f, index);
      std::string text;
      return WellKnownText(inner, &text) ? text : AnswerJson(inner, true);
    }
  }
  return "";
}

bool IsTable(const FieldDescriptor& field) {
  return field.is_repeated() && !field.is_map() &&
         field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         !absl::StartsWith(field.message_type()->full_name(), "google.protobuf.");
}

std::string RepeatedText(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<std::string> items;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    if (field.is_map()) {
      const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
      items.push_back(absl::StrCat(ScalarText(entry, *field.message_type()->map_key(), -1), "=",
                                   ScalarText(entry, *field.message_type()->map_value(), -1)));
    } else {
      items.push_back(ScalarText(message, field, i));
    }
  }
  if (field.is_map()) std::sort(items.begin(), items.end());
  return absl::StrJoin(items, ", ");
}

// Every leaf in order, nested ones under dotted names. Tables are left out when `without_tables`.
void Flatten(const Message& message, const std::string& prefix, bool without_tables, Cells& cells) {
  const Reflection& reflection = *message.GetReflection();
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    const std::string name = absl::StrCat(prefix, field.name());
    if (field.is_repeated()) {
      if (!without_tables || !IsTable(field))
        cells.emplace_back(name, RepeatedText(message, field));
      continue;
    }
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
      // What is not set in a oneof, or optional, is not there.
      const bool is_there = !field.has_presence() || reflection.HasField(message, &field);
      cells.emplace_back(name, is_there ? ScalarText(message, field, -1) : "");
      continue;
    }
    if (!reflection.HasField(message, &field)) continue;
    const Message& inner = reflection.GetMessage(message, &field);
    std::string text;
    if (WellKnownText(inner, &text)) {
      cells.emplace_back(name, text);
    } else {
      Flatten(inner, name + ".", without_tables, cells);
    }
  }
}

std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

// A cell of a list: what is too long for a table is whole in --json.
std::string Cell(const std::string& text) {
  constexpr size_t kLongest = 100;
  std::string cell = OneLine(text);
  if (cell.size() <= kLongest) return cell;
  size_t end = kLongest - 3;
  while (end > 0 && (static_cast<unsigned char>(cell[end]) & 0xC0) == 0x80) --end;
  return cell.substr(0, end) + "…";
}

std::string ListTable(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  const int count = reflection.FieldSize(message, &field);
  std::vector<std::map<std::string, std::string>> rows;
  std::vector<std::string> names;  // in the order in which they come up
  std::map<std::string, bool> has_value;
  for (int i = 0; i < count; ++i) {
    Cells cells;
    Flatten(reflection.GetRepeatedMessage(message, &field, i), "", false, cells);
    std::map<std::string, std::string> row;
    for (const auto& [name, value] : cells) {
      if (!has_value.contains(name)) names.push_back(name);
      has_value[name] = has_value[name] || !value.empty();
      row[name] = Cell(value);
    }
    rows.push_back(std::move(row));
  }
  names.erase(std::remove_if(names.begin(), names.end(),
                             [&](const std::string& name) { return !has_value[name]; }),
              names.end());
  Table table(names);
  for (auto& row : rows) {
    std::vector<std::string> cells;
    for (const std::string& name : names) cells.push_back(row[name]);
    table.Add(std::move(cells));
  }
  return table.ToString();
}

// Tables of the message and of the messages inside it, under their names.
void AppendTables(const Message& message, const std::string& prefix, bool with_titles,
                  std::string& out) {
  const Reflection& reflection = *message.GetReflection();
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (IsTable(field)) {
      if (!out.empty()) out += "\n";
      if (with_titles) absl::StrAppend(&out, prefix, field.name(), ":\n");
      out += reflection.FieldSize(message, &field) == 0 ? "(none)\n" : ListTable(message, field);
    } else if (!field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
               reflection.HasField(message, &field)) {
      AppendTables(reflection.GetMessage(message, &field), absl::StrCat(prefix, field.name(), "."),
                   true, out);
    }
  }
}

}  // namespace

std::string AnswerTable(const Message& answer) {
  const google::protobuf::Descriptor& type = *answer.GetDescriptor();
  // An answer that holds one thing is that thing.
  if (type.field_count() == 1 && !type.field(0)->is_repeated() &&
      type.field(0)->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
      answer.GetReflection()->HasField(answer, type.field(0))) {
    std::string text;
    const Message& only = answer.GetReflection()->GetMessage(answer, type.field(0));
    if (!WellKnownText(only, &text)) return AnswerTable(only);
  }
  Cells cells;
  Flatten(answer, "", /*without_tables=*/true, cells);
  std::string next_page;
  size_t width = 0;
  Cells shown;
  for (auto& [name, value] : cells) {
    if (name == "next_page_token") {
      next_page = value;
    } else if (!value.empty()) {
      width = std::max(width, name.size());
      shown.emplace_back(name, value);
    }
  }
  std::string out;
  for (const auto& [name, value] : shown) {
    absl::StrAppend(&out, name, std::string(width + 2 - name.size(), ' '), value, "\n");
  }
  int tables = 0;
  for (int i = 0; i < type.field_count(); ++i) tables += IsTable(*type.field(i)) ? 1 : 0;
  AppendTables(answer, "", tables > 1 || !out.empty(), out);
  if (!next_page.empty()) absl::StrAppend(&out, "\nMore with --page-token ", next_page, "\n");
  return out.empty() ? "(done)\n" : out;
}

std::string AnswerLine(const Message& answer) {
  Cells cells;
  Flatten(answer, "", false, cells);
  std::vector<std::string> parts;
  for (const auto& [name, value] : cells) {
    if (!value.empty()) parts.push_back(absl::StrCat(name, "=", OneLine(value)));
  }
  return absl::StrJoin(parts, "  ");
}

std::string AnswerJson(const Message& answer, bool on_one_line) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = !on_one_line;
  options.always_print_primitive_fields = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(answer, &json, options).ok()) {
    return "(cannot be shown as JSON)";
  }
  return json;
}

std::string ErrorText(const absl::Status& status) {
  const std::optional<ErrorInfo> info = GetErrorInfo(status);
  std::string out = absl::StatusCodeToString(status.code());
  if (info.has_value()) absl::StrAppend(&out, " ", info->reason);
  absl::StrAppend(&out, "\n", status.message(), "\n");
  if (info.has_value()) {
    for (const auto& [key, value] : info->metadata) {
      absl::StrAppend(&out, "  ", key, ": ", value, "\n");
    }
  }
  if (const auto delay = GetRetryDelay(status); delay.has_value()) {
    absl::StrAppend(&out, "Come back in ", absl::FormatDuration(*delay), ".\n");
  }
  return out;
}

}  // namespace datong::tools
