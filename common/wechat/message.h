#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace datong::wechat {

// One element of a message: its text, or the elements inside it. What repeats (List, item) repeats
// here too, in order; a JSON array becomes such a repetition.
struct Field {
  std::string name;
  std::string text;
  std::vector<Field> children;

  // The first child of that exact name, or nullptr.
  const Field* Find(absl::string_view child) const;
};

// A message or event of WeChat, from XML or JSON alike: names and texts, nothing typed. All text is
// UTF-8 (what was not is replaced by U+FFFD).
class Message {
 public:
  explicit Message(Field root) : root_(std::move(root)) {}

  // The text at "Event" or, nested, "ScanCodeInfo/ScanType"; "" when there is none.
  absl::string_view Text(absl::string_view path) const;
  bool Has(absl::string_view path) const { return Find(path) != nullptr; }
  // The text as a whole number, or nothing.
  std::optional<int64_t> Number(absl::string_view path) const;
  const Field* Find(absl::string_view path) const;
  const std::vector<Field>& fields() const { return root_.children; }
  // One JSON object: strings, objects, and arrays for what repeats.
  std::string ToJson() const;

 private:
  Field root_;
};

struct MessageLimits {
  size_t bytes = 128 << 10;
  int depth = 16;
  int elements = 1024;
};

// Parses a body: XML when it begins with '<', else JSON. A DOCTYPE is refused (inside CDATA it is
// text). Errors: INVALID_ARGUMENT/MESSAGE_TOO_LARGE, MESSAGE_TOO_DEEP, MESSAGE_TOO_MANY_ELEMENTS,
// MESSAGE_DOCTYPE_REFUSED, MESSAGE_MALFORMED.
absl::StatusOr<Message> ParseMessage(absl::string_view body, const MessageLimits& limits = {});

// The Encrypt element of an encrypted body. Errors: those of ParseMessage, and
// INVALID_ARGUMENT/MESSAGE_NOT_ENCRYPTED.
absl::StatusOr<std::string> ExtractEncrypt(absl::string_view body);

}  // namespace datong::wechat
