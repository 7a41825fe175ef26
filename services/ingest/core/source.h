#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace datong::ingest {

enum class SourceKind : int { kSdk = 1, kServer = 2, kPush = 3 };
enum class Trust : int { kClient = 1, kServer = 2 };
enum class AttributeBy : int { kDevice = 1, kLoginThenDevice = 2 };
enum class ConsentMode : int { kUnlessWithdrawn = 1, kRequired = 2 };

// What of personal data is taken out of a source's events before they are kept.
struct PrivacyRules {
  std::vector<std::string> dropped_parameters = {};  // beside the defaults
  std::vector<std::string> kept_parameters = {};     // defaults that stay
  std::vector<std::string> hashed_fields = {};
  bool keep_typed_text = false;
  bool keep_exact_location = false;

  bool operator==(const PrivacyRules&) const = default;
};

// What the sender of an event is, and what its identifiers mean. The proto says the same at length.
struct Source {
  int32_t number = 0;
  int32_t tenant_id = 0;  // the project's number
  std::string project;    // "demo"
  std::string id;         // "shop-h5" of projects/demo/sources/shop-h5
  std::string display_name;
  SourceKind kind = SourceKind::kSdk;
  std::string surface;
  std::string app;
  std::string write_key;
  std::string sdk_project;
  std::string data_source_id;
  std::string device_scope;
  std::string login_space;
  std::map<std::string, std::string> login_spaces;
  bool device_id_is_openid = false;
  AttributeBy attribute_by = AttributeBy::kDevice;
  std::vector<std::string> origins;
  Trust trust = Trust::kClient;
  ConsentMode consent_mode = ConsentMode::kUnlessWithdrawn;
  PrivacyRules privacy;
  bool disabled = false;
  absl::Time create_time;
  absl::Time update_time;

  std::string Name() const { return "projects/" + project + "/sources/" + id; }
  bool trusted() const { return trust == Trust::kServer; }
  const std::string& LoginSpace(const std::string& user_key) const {
    const auto found = login_spaces.find(user_key);
    return found == login_spaces.end() ? login_space : found->second;
  }
};

using SourcePtr = std::shared_ptr<const Source>;

// A project as it is registered here.
struct Project {
  int32_t number = 0;
  std::string id;
};

}  // namespace datong::ingest
