#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace datong::ingest {

// A value inside a JSON text, as its bytes, with what limits are about.
struct JsonSpan {
  absl::string_view text;
  int depth = 0;  // 1 for an object without nested ones
  int keys = 0;   // in the whole of it
};

// The elements of a top-level array, or the one value itself. `json` must be valid JSON.
std::vector<JsonSpan> TopLevelElements(absl::string_view json);

// The bytes of the value of a top-level key of a valid JSON object; empty when there is none.
absl::string_view TopLevelValue(absl::string_view object, absl::string_view key);

// A valid JSON object without some top-level keys; all other bytes stay as they are.
std::string WithoutKeys(absl::string_view object, std::initializer_list<absl::string_view> keys);

// Asks about each string and number of a valid JSON text, with the key that it stands under (that
// of the list, for elements of lists; both as bytes, the value with its quotes), and puts the
// answer in its place; without one the bytes stay as they are. True when anything changed.
bool EditValues(
    std::string* json,
    absl::FunctionRef<std::optional<std::string>(absl::string_view key, absl::string_view value)>
        edit);

// The text that a JSON string (with its quotes) stands for.
std::string Unquoted(absl::string_view json_string);

// The object with its keys sorted at every level and no blanks, without some top-level keys.
std::string CanonicalJson(absl::string_view object,
                          std::initializer_list<absl::string_view> without);

// What Sanitise made.
struct SanitisedJson {
  std::string text;
  std::vector<size_t> changed_at;  // offsets in `text` where characters were replaced, ascending
};

// Repairs what real SDKs send and strict parsers refuse: NUL, lone surrogates and bytes that are
// not UTF-8 become U+FFFD, raw control characters in strings are escaped, and numbers that fit no
// type become strings. Run only after a strict parse failed; what is broken otherwise stays broken.
SanitisedJson Sanitise(absl::string_view json);

// Appends `text`, which is UTF-8, as a JSON string with its quotes.
void AppendJsonString(absl::string_view text, std::string* out);

// Cuts at a character's border, so that at most `bytes` stay. True when anything was cut.
bool CutUtf8(std::string* text, size_t bytes);

}  // namespace datong::ingest
