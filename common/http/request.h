#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace datong::http {

// Header names compare without regard to case; order and repeats are kept.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> items) : items_(items) {}
  void Add(std::string name, std::string value) {
    items_.emplace_back(std::move(name), std::move(value));
  }
  // The first value, or "".
  absl::string_view Get(absl::string_view name) const;
  bool Has(absl::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

// Percent-decodes; `plus_is_blank` for form bodies and queries. Broken escapes stay as they are.
std::string UrlDecode(absl::string_view text, bool plus_is_blank = true);
std::string UrlEncode(absl::string_view text);
// The decoded value of the first parameter of that name in "a=1&b=2", or "".
std::string QueryValue(absl::string_view query, absl::string_view name);
bool HasQueryValue(absl::string_view query, absl::string_view name);

}  // namespace datong::http
