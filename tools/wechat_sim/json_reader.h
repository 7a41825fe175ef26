#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace datong::wechat_sim {

using nlohmann::json;

inline absl::Status WrongField(const std::string& field, const std::string& problem) {
  return absl::InvalidArgumentError(absl::StrCat("\"", field, "\" ", problem));
}

// Reads typed fields of one object; the first fault stays.
class Reader {
 public:
  explicit Reader(const json& in) : in_(in) {
    if (!in.is_object()) status_ = absl::InvalidArgumentError("the body must be a JSON object");
  }
  const json* Find(const std::string& name) const {
    if (!status_.ok()) return nullptr;
    const auto it = in_.find(name);
    return it == in_.end() ? nullptr : &*it;
  }
  void Read(const std::string& name, std::string* value) {
    const json* found = Find(name);
    if (found == nullptr) return;
    if (!found->is_string()) return Fail(name, "must be a text");
    *value = found->get<std::string>();
  }
  void Read(const std::string& name, bool* value) {
    const json* found = Find(name);
    if (found == nullptr) return;
    if (!found->is_boolean()) return Fail(name, "must be true or false");
    *value = found->get<bool>();
  }
  void Read(const std::string& name, int64_t* value) {
    const json* found = Find(name);
    if (found == nullptr) return;
    if (!found->is_number_integer()) return Fail(name, "must be a whole number");
    *value = found->get<int64_t>();
  }
  void Read(const std::string& name, int* value) {
    int64_t wide = *value;
    Read(name, &wide);
    *value = static_cast<int>(wide);
  }
  void Read(const std::string& name, double* value) {
    const json* found = Find(name);
    if (found == nullptr) return;
    if (!found->is_number()) return Fail(name, "must be a number");
    *value = found->get<double>();
  }
  void Require(const std::string& name, const std::string& value) {
    if (status_.ok() && value.empty()) Fail(name, "is missing");
  }
  void OneOf(const std::string& name, const std::string& value,
             const std::vector<std::string>& allowed) {
    for (const std::string& item : allowed) {
      if (item == value) return;
    }
    if (status_.ok()) Fail(name, absl::StrCat("cannot be \"", value, "\""));
  }
  void Fail(const std::string& name, const std::string& problem) {
    status_ = WrongField(name, problem);
  }
  absl::Status status() const { return status_; }

 private:
  const json& in_;
  absl::Status status_;
};

}  // namespace datong::wechat_sim
