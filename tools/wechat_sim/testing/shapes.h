#pragma once

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "common/wechat/message.h"

// Compares answers and pushes with the documents' examples: keys and types.
namespace datong::wechat_sim {

using nlohmann::json;

inline std::string TypeOf(const json& value) {
  return value.is_number() ? "number" : value.type_name();
}

// Keys that the page has and the answer lacks, that only the answer has, or whose types differ.
inline void Compare(const json& page, const json& answer, const std::string& at,
                    std::vector<std::string>* problems) {
  if (TypeOf(page) != TypeOf(answer)) {
    problems->push_back(at + ": " + TypeOf(answer) + " instead of " + TypeOf(page));
  } else if (page.is_object()) {
    for (const auto& [key, value] : page.items()) {
      if (answer.contains(key)) {
        Compare(value, answer[key], at + "/" + key, problems);
      } else {
        problems->push_back(at + "/" + key + " is missing");
      }
    }
    for (const auto& [key, value] : answer.items()) {
      if (!page.contains(key)) problems->push_back(at + "/" + key + " is extra");
    }
  } else if (page.is_array() && !page.empty()) {
    for (const json& item : answer) Compare(page[0], item, at + "[]", problems);
  }
}

inline std::vector<std::string> Problems(const json& page, const json& answer) {
  std::vector<std::string> problems;
  Compare(page, answer, "", &problems);
  return problems;
}

// The elements of a push, sorted.
inline std::vector<std::string> NamesOf(const wechat::Message& message) {
  std::vector<std::string> names;
  for (const wechat::Field& field : message.fields()) names.push_back(field.name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace datong::wechat_sim
