#pragma once

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"

namespace datong::tools {

// An answer for people: lists as tables (columns that are empty everywhere are left out), the rest
// as lines of "name  value". Times are those of Shanghai.
std::string AnswerTable(const google::protobuf::Message& answer);

// One line for a message of a stream.
std::string AnswerLine(const google::protobuf::Message& answer);

// Proto JSON, on one line or on many; fields without a value are there too.
std::string AnswerJson(const google::protobuf::Message& answer, bool on_one_line = false);

// An error for people: code, reason, sentence, metadata, and when to come back.
std::string ErrorText(const absl::Status& status);

}  // namespace datong::tools
