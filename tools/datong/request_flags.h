#pragma once

#include <google/protobuf/descriptor.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace datong::tools {

// A flag that sets one field of a request: "--source.display-name".
struct RequestFlag {
  std::string name;  // without dashes
  std::vector<const google::protobuf::FieldDescriptor*> path;

  const google::protobuf::FieldDescriptor& field() const { return *path.back(); }
  // What its values are, for help: "text", "VISIT|CUSTOM|…", "time, as 2026-03-01T08:00:00+08:00".
  std::string TypeText() const;
};

// Flags for every field that a caller may set; those of nested messages are joined by dots.
std::vector<RequestFlag> RequestFlagsOf(const google::protobuf::Descriptor& request);

// Puts the values into `request`, proto JSON. Times may be days (their midnight in Shanghai),
// durations "90s" or "1h30m", enum values short or long, in any case; bytes, secrets and nested
// messages may be "@file"; a project's name may be its id alone. Errors: INVALID_ARGUMENT, naming
// the flag.
absl::Status SetField(const RequestFlag& flag, const std::vector<std::string>& values,
                      nlohmann::json& request);

// The text, or for "@file" the file's content ("@-" and "-" are standard input).
absl::StatusOr<std::string> TextOrFile(const std::string& text);

// Enum values as people write them: without the prefix of their type, in lower case.
std::string ShortEnumName(const google::protobuf::EnumValueDescriptor& value);

}  // namespace datong::tools
