#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"

namespace datong {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

// One field of a log line. A Secret has no conversion to it.
struct LogField {
  using Value = std::variant<std::string, int64_t, double, bool>;
  LogField(absl::string_view name_in, absl::string_view text)
      : name(name_in), value(std::string(text)) {}
  LogField(absl::string_view name_in, const std::string& text) : name(name_in), value(text) {}
  LogField(absl::string_view name_in, const char* text) : name(name_in), value(std::string(text)) {}
  LogField(absl::string_view name_in, int64_t number) : name(name_in), value(number) {}
  LogField(absl::string_view name_in, int number) : name(name_in), value(int64_t{number}) {}
  LogField(absl::string_view name_in, double number) : name(name_in), value(number) {}
  LogField(absl::string_view name_in, bool flag) : name(name_in), value(flag) {}
  std::string name;
  Value value;
};

// Writes one JSON line to standard output: ts, level, msg, component, version, then the fields.
// `message` is a constant: what varies goes into fields. No secrets, no identifiers of persons (see
// operations page); known shapes of tokens and openids are replaced as a last line of defence.
// Never blocks on a slow reader: a bounded buffer, drops counted. Thread-safe.
void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields = {});
inline void LogInfo(absl::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kInfo, message, fields);
}
inline void LogWarn(absl::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kWarn, message, fields);
}
inline void LogError(absl::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kError, message, fields);
}

// Once, in main: the component's name, the lowest level written, and the file to write to ("" is
// standard output). Before that, lines at kWarn and above go to standard error.
void StartLogging(const std::string& component, LogLevel lowest, const std::string& file = "");
void FlushLogs();
int64_t DroppedLogLines();

}  // namespace datong
