#pragma once

#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace datong {

// A value that must not be seen: it has no stream or format operator, is compared in constant time
// and zeroed when it goes. `Expose` marks, in the source, each place where it is used in clear.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  const std::string& Expose() const { return value_; }
  bool empty() const { return value_.empty(); }

  // Constant time for values of one length.
  friend bool operator==(const Secret& a, const Secret& b);

 private:
  void Wipe();
  std::string value_;
};

// True when both are the same bytes; the time taken depends on their lengths alone.
bool ConstantTimeEquals(absl::string_view a, absl::string_view b);

}  // namespace datong
