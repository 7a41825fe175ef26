#include "common/config/settings.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/config/toml_reader.h"
#include "common/status/error.h"
#include "common/status/macros.h"

namespace datong::config {
namespace {

constexpr absl::string_view kPrefix = "DATONG_";

std::string EnvironmentName(absl::string_view key) {
  std::string name = absl::StrCat(kPrefix, absl::AsciiStrToUpper(key));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '.' || c == '-'; }, '_');
  return name;
}

std::string Quoted(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    if (c == '\n') {
      out += "\\n";
    } else {
      out.push_back(c);
    }
  }
  return out + "\"";
}

std::string QuotedList(const std::vector<std::string>& texts) {
  return absl::StrCat("[",
                      absl::StrJoin(texts, ", ",
                                    [](std::string* out, const std::string& text) {
                                      absl::StrAppend(out, Quoted(text));
                                    }),
                      "]");
}

}  // namespace

std::map<std::string, std::string> DatongEnvironment() {
  std::map<std::string, std::string> found;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(absl::string_view(*entry), absl::MaxSplits('=', 1));
    if (absl::StartsWith(parts.first, kPrefix)) {
      found[std::string(parts.first)] = std::string(parts.second);
    }
  }
  return found;
}

struct Settings::State {
  struct Known {
    std::string type;
    std::string fallback;
    std::string effective;
    std::string help;
  };
  struct Fault {
    std::string key;
    std::string problem;
  };

  Sources sources;
  std::map<std::string, TomlValue> toml;
  std::map<std::string, Known> known;
  std::set<std::string> prefixes;
  std::vector<Fault> faults;

  // The text that wins, if any source has one. `where` says which, for faults.
  std::optional<TomlValue> Find(const std::string& key, std::string* where) const {
    if (const auto flag = sources.flags.find(key); flag != sources.flags.end()) {
      *where = "--" + key;
      return TomlValue{{flag->second}, false};
    }
    const auto variable = sources.environment.find(EnvironmentName(key));
    if (variable != sources.environment.end()) {
      *where = variable->first;
      return TomlValue{{variable->second}, false};
    }
    if (const auto leaf = toml.find(key); leaf != toml.end()) {
      *where = sources.toml_file;
      return leaf->second;
    }
    return std::nullopt;
  }

  // One text; a list there is a fault.
  std::optional<std::string> FindText(const std::string& key, std::string* where) {
    std::optional<TomlValue> value = Find(key, where);
    if (!value.has_value()) return std::nullopt;
    if (!value->is_list) return value->texts[0];
    faults.push_back({key, absl::StrCat("takes one value, not a list (", *where, ")")});
    return std::nullopt;
  }

  void Refuse(const std::string& key, absl::string_view text, absl::string_view wanted,
              const std::string& where) {
    faults.push_back({key, absl::StrCat("is \"", text, "\" (", where, "); give ", wanted)});
  }
};

Settings::Settings(std::unique_ptr<State> state) : state_(std::move(state)) {}
Settings::Settings(Settings&&) noexcept = default;
Settings& Settings::operator=(Settings&&) noexcept = default;
Settings::~Settings() = default;

absl::StatusOr<Settings> Settings::Load(const Sources& sources) {
  auto state = std::make_unique<State>();
  state->sources = sources;
  if (!sources.toml_file.empty()) {
    DATONG_ASSIGN_OR_RETURN(state->toml, ReadToml(sources.toml_file));
  }
  return Settings(std::move(state));
}

std::string Settings::String(const std::string& key, const std::string& fallback,
                             const std::string& help) {
  std::string where;
  const std::string value = state_->FindText(key, &where).value_or(fallback);
  state_->known[key] = {"text", Quoted(fallback), Quoted(value), help};
  return value;
}

int64_t Settings::Int(const std::string& key, int64_t fallback, int64_t least, int64_t most,
                      const std::string& help) {
  std::string where;
  int64_t value = fallback;
  if (const auto text = state_->FindText(key, &where); text.has_value()) {
    if (!absl::SimpleAtoi(*text, &value) || value < least || value > most) {
      state_->Refuse(key, *text, absl::StrCat("a whole number from ", least, " to ", most), where);
      value = fallback;
    }
  }
  state_->known[key] = {absl::StrCat("number, ", least, " to ", most), absl::StrCat(fallback),
                        absl::StrCat(value), help};
  return value;
}

double Settings::Double(const std::string& key, double fallback, double least, double most,
                        const std::string& help) {
  std::string where;
  double value = fallback;
  if (const auto text = state_->FindText(key, &where); text.has_value()) {
    if (!absl::SimpleAtod(*text, &value) || !(value >= least && value <= most)) {
      state_->Refuse(key, *text, absl::StrCat("a number from ", least, " to ", most), where);
      value = fallback;
    }
  }
  state_->known[key] = {absl::StrCat("number, ", least, " to ", most), absl::StrCat(fallback),
                        absl::StrCat(value), help};
  return value;
}

bool Settings::Bool(const std::string& key, bool fallback, const std::string& help) {
  std::string where;
  bool value = fallback;
  if (const auto text = state_->FindText(key, &where); text.has_value()) {
    if (*text == "true" || *text == "false") {
      value = *text == "true";
    } else {
      state_->Refuse(key, *text, "true or false", where);
    }
  }
  state_->known[key] = {"true or false", fallback ? "true" : "false", value ? "true" : "false",
                        help};
  return value;
}

absl::Duration Settings::Duration(const std::string& key, absl::Duration fallback,
                                  absl::Duration least, absl::Duration most,
                                  const std::string& help) {
  std::string where;
  absl::Duration value = fallback;
  if (const auto text = state_->FindText(key, &where); text.has_value()) {
    if (!absl::ParseDuration(*text, &value) || value < least || value > most) {
      state_->Refuse(key, *text,
                     absl::StrCat("a time from ", absl::FormatDuration(least), " to ",
                                  absl::FormatDuration(most), ", like \"90s\" or \"1h30m\""),
                     where);
      value = fallback;
    }
  }
  state_->known[key] = {
      absl::StrCat("time, ", absl::FormatDuration(least), " to ", absl::FormatDuration(most)),
      Quoted(absl::FormatDuration(fallback)), Quoted(absl::FormatDuration(value)), help};
  return value;
}

std::vector<std::string> Settings::StringList(const std::string& key,
                                              const std::vector<std::string>& fallback,
                                              const std::string& help) {
  std::string where;
  std::vector<std::string> value = fallback;
  if (const auto found = state_->Find(key, &where); found.has_value()) {
    if (found->is_list) {
      value = found->texts;
    } else {
      value = absl::StrSplit(found->texts[0], ',', absl::SkipWhitespace());
      for (std::string& item : value) absl::StripAsciiWhitespace(&item);
    }
  }
  state_->known[key] = {"list of texts", QuotedList(fallback), QuotedList(value), help};
  return value;
}

std::map<std::string, std::string> Settings::StringMap(const std::string& prefix,
                                                       const std::string& help) {
  state_->prefixes.insert(prefix + ".");
  std::set<std::string> names;
  const auto add = [&](absl::string_view key) {
    if (absl::StartsWith(key, prefix + ".")) names.emplace(key.substr(prefix.size() + 1));
  };
  for (const auto& [key, value] : state_->toml) add(key);
  for (const auto& [key, value] : state_->sources.flags) add(key);
  const std::string variables = EnvironmentName(prefix) + "_";
  for (const auto& [name, value] : state_->sources.environment) {
    if (absl::StartsWith(name, variables)) {
      names.insert(absl::AsciiStrToLower(name.substr(variables.size())));
    }
  }
  std::map<std::string, std::string> result;
  for (const std::string& name : names) {
    result[name] = String(absl::StrCat(prefix, ".", name), "", help);
  }
  if (names.empty()) state_->known[prefix + ".<name>"] = {"text", "\"\"", "", help};
  return result;
}

Secret Settings::SecretFromFile(const std::string& key, const std::string& help) {
  const std::string file_key = key + "_file";
  std::string where;
  const std::string path = state_->FindText(file_key, &where).value_or("");
  state_->known[file_key] = {"path of a file with the secret", "\"\"", Quoted(path), help};
  if (path.empty()) return Secret();
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  if (!in) {
    state_->Refuse(file_key, path, "a file that this process can read", where);
    return Secret();
  }
  std::string text = content.str();
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.empty()) AddFault(file_key, absl::StrCat("names ", path, ", which is empty"));
  // The value is known, for Print, under its own name, but can be set only in the file.
  state_->known[key] = {"", "", "\"***\"", ""};
  return Secret(std::move(text));
}

void Settings::AddFault(const std::string& key, const std::string& problem) {
  state_->faults.push_back({key, problem});
}

absl::Status Settings::Finish() const {
  std::vector<std::string> lines;
  for (const State::Fault& fault : state_->faults) {
    lines.push_back(absl::StrCat(fault.key, " ", fault.problem));
  }
  const auto is_known = [this](const std::string& key) {
    const auto known = state_->known.find(key);
    return known != state_->known.end() && !known->second.type.empty();
  };
  const auto is_secret = [this](const std::string& key) {
    return state_->known.contains(key + "_file");
  };
  const auto complain = [&](const std::string& shown, const std::string& key,
                            const std::string& where) {
    lines.push_back(is_secret(key)
                        ? absl::StrCat(shown, " is a secret (", where,
                                       "); put it into a file and "
                                       "name that file in ",
                                       key, "_file")
                        : absl::StrCat(shown, " is no setting of this program (", where, ")"));
  };
  for (const auto& [key, value] : state_->toml) {
    if (!is_known(key)) complain(key, key, state_->sources.toml_file);
  }
  for (const auto& [key, value] : state_->sources.flags) {
    if (!is_known(key)) complain(key, key, "a flag");
  }
  std::map<std::string, std::string> keys;  // by name in the environment
  for (const auto& [key, known] : state_->known) keys[EnvironmentName(key)] = key;
  for (const auto& [name, value] : state_->sources.environment) {
    const auto key = keys.find(name);
    if (key == keys.end() || !is_known(key->second)) {
      complain(name, key == keys.end() ? name : key->second, "the environment");
    }
  }
  if (lines.empty()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInvalidArgument, absl::StrJoin(lines, "\n"),
                   {"datong", "SETTINGS_INVALID", {{"faults", absl::StrCat(lines.size())}}});
}

std::string Settings::Print() const {
  std::string out;
  for (const auto& [key, known] : state_->known) {
    if (!known.effective.empty()) absl::StrAppend(&out, key, " = ", known.effective, "\n");
  }
  return out;
}

std::string Settings::Help() const {
  std::string out;
  for (const auto& [key, known] : state_->known) {
    if (known.type.empty()) continue;
    absl::StrAppend(&out, "  --", key, "=…  ", known.type, "; default ", known.fallback, "\n      ",
                    known.help, "\n");
  }
  return out;
}

}  // namespace datong::config
