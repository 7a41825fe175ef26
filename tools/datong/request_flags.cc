#include "tools/datong/request_flags.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "common/status/macros.h"
#include "tools/datong/catalogue.h"

namespace datong::tools {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

constexpr size_t kDeepest = 4;

bool IsWellKnown(const Descriptor& type) {
  return absl::StartsWith(type.full_name(), "google.protobuf.");
}

// Names that the command line uses itself.
bool IsTaken(const std::string& name) {
  return name == "json" || name == "output" || name == "address" || name == "timeout" ||
         name == "max-messages" || name == "help";
}

void Collect(const Descriptor& type, std::vector<const FieldDescriptor*> path,
             std::vector<RequestFlag>& flags) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (absl::StartsWith(CommentOf(*field), "Output only")) continue;
    path.push_back(field);
    const bool is_nested = field->type() == FieldDescriptor::TYPE_MESSAGE &&
                           !field->is_repeated() && !IsWellKnown(*field->message_type());
    if (is_nested && path.size() < kDeepest) {
      Collect(*field->message_type(), path, flags);
    } else {
      const std::string name =
          absl::StrJoin(path, ".", [](std::string* out, const FieldDescriptor* part) {
            absl::StrAppend(out, Kebab(part->name()));
          });
      flags.push_back({IsTaken(name) ? "request." + name : name, path});
    }
    path.pop_back();
  }
}

// Secrets stay out of the list of processes when they come from a file.
bool IsSecret(const FieldDescriptor& field) {
  return absl::EndsWith(field.name(), "secret") || absl::EndsWith(field.name(), "aes_key") ||
         field.name() == "callback_token";
}

std::string EnumPrefix(const EnumDescriptor& type) {
  return absl::AsciiStrToUpper(absl::StrReplaceAll(Kebab(type.name()), {{"-", "_"}})) + "_";
}

absl::Status Bad(const RequestFlag& flag, absl::string_view value, absl::string_view wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag.name, ": \"", value, "\" is not ", wanted, "."));
}

absl::StatusOr<nlohmann::json> EnumValue(const RequestFlag& flag, const std::string& value) {
  const EnumDescriptor& type = *flag.field().enum_type();
  const std::string upper = absl::AsciiStrToUpper(absl::StrReplaceAll(value, {{"-", "_"}}));
  for (int i = 0; i < type.value_count(); ++i) {
    const std::string& name = type.value(i)->name();
    if (name == upper || name == EnumPrefix(type) + upper) return name;
  }
  return Bad(flag, value, absl::StrCat("one of ", flag.TypeText()));
}

absl::StatusOr<nlohmann::json> MessageValue(const RequestFlag& flag, const std::string& value) {
  const std::string& type = flag.field().message_type()->full_name();
  if (type == "google.protobuf.Timestamp") {
    absl::CivilDay day;
    if (absl::ParseCivilTime(value, &day)) return value + "T00:00:00+08:00";
    return value;
  }
  if (type == "google.protobuf.Duration") {
    absl::Duration time;
    if (!absl::ParseDuration(value, &time)) return Bad(flag, value, "a time like 90s or 1h30m");
    return absl::StrCat(absl::ToDoubleSeconds(time), "s");
  }
  if (type == "google.protobuf.FieldMask") return value;
  DATONG_ASSIGN_OR_RETURN(const std::string text, TextOrFile(value));
  nlohmann::json parsed = nlohmann::json::parse(text, nullptr, false);
  if (parsed.is_discarded()) return Bad(flag, value, "JSON");
  return parsed;
}

absl::StatusOr<nlohmann::json> OneValue(const RequestFlag& flag, const FieldDescriptor& field,
                                        const std::string& value) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_BOOL:
      if (value == "true" || value.empty()) return true;
      if (value == "false") return false;
      return Bad(flag, value, "true or false");
    case FieldDescriptor::TYPE_ENUM:
      return EnumValue(flag, value);
    case FieldDescriptor::TYPE_BYTES: {
      DATONG_ASSIGN_OR_RETURN(const std::string bytes, TextOrFile(value));
      return absl::Base64Escape(bytes);
    }
    case FieldDescriptor::TYPE_MESSAGE:
      return MessageValue(flag, value);
    case FieldDescriptor::TYPE_STRING:
      if (field.name() == "project" && !absl::StrContains(value, "/")) return "projects/" + value;
      if (IsSecret(field)) {
        DATONG_ASSIGN_OR_RETURN(std::string text, TextOrFile(value));
        while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
        return text;
      }
      return value;
    default: {
      double number = 0;
      if (!absl::SimpleAtod(value, &number)) return Bad(flag, value, "a number");
      return value;
    }
  }
}

std::string TypeName(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_BOOL:
      return "true|false";
    case FieldDescriptor::TYPE_STRING:
      return IsSecret(field) ? "text|@file" : "text";
    case FieldDescriptor::TYPE_BYTES:
      return "text|@file";
    case FieldDescriptor::TYPE_ENUM: {
      std::vector<std::string> names;
      for (int i = 0; i < field.enum_type()->value_count(); ++i) {
        const auto& value = *field.enum_type()->value(i);
        if (value.number() != 0) names.push_back(ShortEnumName(value));
      }
      return absl::StrJoin(names, "|");
    }
    case FieldDescriptor::TYPE_MESSAGE: {
      const std::string& type = field.message_type()->full_name();
      if (type == "google.protobuf.Timestamp") return "time, as 2026-03-01T08:00:00+08:00";
      if (type == "google.protobuf.Duration") return "duration, as 90s";
      if (type == "google.protobuf.FieldMask") return "fields, as a,b";
      return "JSON|@file";
    }
    default:
      return "number";
  }
}

}  // namespace

std::string ShortEnumName(const google::protobuf::EnumValueDescriptor& value) {
  return absl::AsciiStrToLower(absl::StripPrefix(value.name(), EnumPrefix(*value.type())));
}

std::string RequestFlag::TypeText() const {
  if (field().is_map()) return "key=value";
  return TypeName(field());
}

std::vector<RequestFlag> RequestFlagsOf(const Descriptor& request) {
  std::vector<RequestFlag> flags;
  Collect(request, {}, flags);
  return flags;
}

absl::Status SetField(const RequestFlag& flag, const std::vector<std::string>& values,
                      nlohmann::json& request) {
  if (values.empty()) return absl::OkStatus();
  nlohmann::json* at = &request;
  for (size_t i = 0; i + 1 < flag.path.size(); ++i) at = &(*at)[flag.path[i]->name()];
  nlohmann::json& slot = (*at)[flag.field().name()];
  const FieldDescriptor& field = flag.field();
  if (field.is_map()) {
    for (const std::string& value : values) {
      const size_t sign = value.find('=');
      if (sign == std::string::npos) return Bad(flag, value, "of the form key=value");
      DATONG_ASSIGN_OR_RETURN(nlohmann::json one, OneValue(flag, *field.message_type()->map_value(),
                                                           value.substr(sign + 1)));
      slot[value.substr(0, sign)] = std::move(one);
    }
    return absl::OkStatus();
  }
  if (!field.is_repeated() && values.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat("--", flag.name, " can be given only once."));
  }
  for (const std::string& value : values) {
    DATONG_ASSIGN_OR_RETURN(nlohmann::json one, OneValue(flag, field, value));
    if (!field.is_repeated()) {
      slot = std::move(one);
    } else if (one.is_array()) {
      for (nlohmann::json& item : one) slot.push_back(std::move(item));
    } else {
      slot.push_back(std::move(one));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> TextOrFile(const std::string& text) {
  if (text != "-" && !absl::StartsWith(text, "@")) return text;
  std::ostringstream content;
  if (text == "-" || text == "@-") {
    content << std::cin.rdbuf();
    return content.str();
  }
  std::ifstream in(text.substr(1), std::ios::binary);
  content << in.rdbuf();
  if (!in) return absl::InvalidArgumentError(absl::StrCat("Cannot read ", text.substr(1), "."));
  return content.str();
}

}  // namespace datong::tools
