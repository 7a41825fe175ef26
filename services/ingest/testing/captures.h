#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace datong::ingest {

// A request as a real SDK sent it.
struct CapturedRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

inline nlohmann::json LoadTestData(const std::string& name) {
  std::ifstream stream(absl::StrCat("testdata/", name, ".json"));
  return nlohmann::json::parse(stream);
}

inline CapturedRequest ParseRequest(const nlohmann::json& json) {
  CapturedRequest request;
  request.method = json.at("method").get<std::string>();
  request.target = json.at("target").get<std::string>();
  if (json.contains("headers")) {
    for (const auto& [name, value] : json.at("headers").items()) {
      if (name != "host" && name != "content-length") {
        request.headers.emplace_back(name, value.get<std::string>());
      }
    }
  }
  if (json.contains("body_utf8")) {
    request.body = json.at("body_utf8").get<std::string>();
  } else if (json.contains("body_base64")) {
    absl::Base64Unescape(json.at("body_base64").get<std::string>(), &request.body);
  }
  return request;
}

inline std::vector<CapturedRequest> LoadCapture(const std::string& name) {
  std::vector<CapturedRequest> requests;
  const nlohmann::json data = LoadTestData(name);
  for (const auto& item : data.at("requests")) {
    requests.push_back(ParseRequest(item.at("request")));
  }
  return requests;
}

}  // namespace datong::ingest
