#pragma once

#include <cstdint>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace datong::identity {

// Columns of a batch, written as PostgreSQL arrays for unnest.
class BigintArray {
 public:
  void Add(int64_t value) { absl::StrAppend(&text_, text_.empty() ? "{" : ",", value); }
  std::string Take() const { return text_.empty() ? "{}" : absl::StrCat(text_, "}"); }

 private:
  std::string text_;
};

class TextArray {
 public:
  void Add(absl::string_view value) {
    absl::StrAppend(&text_, text_.empty() ? "{\"" : ",\"");
    for (const char c : value) {
      if (c == '"' || c == '\\') text_.push_back('\\');
      text_.push_back(c);
    }
    text_.push_back('"');
  }
  std::string Take() const { return text_.empty() ? "{}" : absl::StrCat(text_, "}"); }

 private:
  std::string text_;
};

// Instants cross as whole microseconds.
#define DATONG_SQL_TIME(bigint) "('epoch'::timestamptz + (" bigint ") * interval '1 microsecond')"
#define DATONG_SQL_MICROS(time) "(extract(epoch FROM " time ") * 1000000)::bigint"

inline absl::Time TimeOf(const pqxx::field& micros) {
  return absl::FromUnixMicros(micros.as<int64_t>());
}

}  // namespace datong::identity
