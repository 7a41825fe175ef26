#include "common/config/toml_reader.h"

#include <toml++/toml.h>

#include <sstream>

#include "absl/strings/str_cat.h"
#include "common/base/strings.h"
#include "common/status/error.h"

namespace datong::config {
namespace {

std::string TextOf(const toml::node& node) {
  if (const auto text = node.value<std::string>(); text.has_value() && node.is_string()) {
    return *text;
  }
  std::ostringstream out;
  node.visit([&out](const auto& value) {
    if constexpr (toml::is_value<decltype(value)>) {
      if constexpr (toml::is_boolean<decltype(value)>) {
        out << (*value ? "true" : "false");
      } else {
        out << *value;
      }
    }
  });
  return out.str();
}

void Collect(const toml::table& table, const std::string& prefix,
             std::map<std::string, TomlValue>& leaves) {
  for (const auto& [key, node] : table) {
    const std::string path =
        prefix.empty() ? std::string(key.str()) : absl::StrCat(prefix, ".", ToAbsl(key.str()));
    if (const toml::table* inner = node.as_table()) {
      Collect(*inner, path, leaves);
    } else if (const toml::array* array = node.as_array()) {
      TomlValue value{.texts = {}, .is_list = true};
      for (const toml::node& item : *array) value.texts.push_back(TextOf(item));
      leaves[path] = std::move(value);
    } else {
      leaves[path] = {.texts = {TextOf(node)}, .is_list = false};
    }
  }
}

}  // namespace

absl::StatusOr<std::map<std::string, TomlValue>> ReadToml(const std::string& path) {
  try {
    std::map<std::string, TomlValue> leaves;
    Collect(toml::parse_file(path), "", leaves);
    return leaves;
  } catch (const toml::parse_error& error) {
    return MakeError(absl::StatusCode::kInvalidArgument,
                     absl::StrCat("Cannot read the settings file ", path, ", line ",
                                  error.source().begin.line, ": ", ToAbsl(error.description())),
                     {"datong", "SETTINGS_FILE_INVALID", {{"file", path}}});
  }
}

}  // namespace datong::config
