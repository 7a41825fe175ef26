#pragma once

#include <simdjson.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/ingest/core/dialect.h"
#include "services/ingest/core/json_text.h"

namespace datong::ingest {

// A JSON body, parsed strictly, or after one repairing pass. Elements and their bytes go in step.
class JsonBody {
 public:
  // `decoded->refused` is set when it is no JSON at all.
  JsonBody(std::string bytes, DecodedBody* decoded);

  bool ok() const { return ok_; }
  simdjson::dom::element root() const { return root_; }
  absl::string_view text() const;
  // True when the repairing pass changed characters inside `part` of text().
  bool SanitisedIn(absl::string_view part) const;
  // The top-level elements as they came, where the repairing pass changed anything; else empty.
  // Ids are made of them: two events that differ must not become one by being repaired.
  std::vector<JsonSpan> UnrepairedElements() const;

 private:
  bool Parse();

  DecodedBody* decoded_;
  simdjson::dom::parser* parser_;
  std::unique_ptr<simdjson::dom::parser> own_parser_;
  simdjson::dom::element root_;
  std::string unrepaired_;
  std::vector<size_t> changed_at_;
  bool ok_ = false;
};

// Refuses `event` (setting its reason) when it is larger, deeper or wider than one may be.
bool WithinLimits(const JsonSpan& span, DecodedEvent* event);

// Text of a string, or of a number or boolean that stands where a string is expected.
// False when it is something else.
bool ReadText(simdjson::dom::element value, std::string* out);
// A whole number, also when written as a string.
bool ReadInteger(simdjson::dom::element value, int64_t* out);
// Milliseconds since 1970, also when written as a string or with decimals.
ClientTime ReadMilliseconds(simdjson::dom::element value);
// An ISO-8601 time.
ClientTime ReadIsoTime(simdjson::dom::element value);

// Cuts what is longer than a column takes, and refuses identifiers that are too long.
void BoundTexts(DecodedEvent* event);

}  // namespace datong::ingest
