#include "common/wechat/message.h"

#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/base/strings.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "common/wechat/lenient_json.h"

namespace datong::wechat {
namespace {

absl::Status Refused(const char* reason, absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("The message is refused: ", problem, "."),
                   {"wechat.datong", reason, {{"problem", std::string(problem)}}});
}

class Builder {
 public:
  explicit Builder(const MessageLimits& limits) : limits_(limits) {}

  absl::Status FromXml(const pugi::xml_node& node, int depth, Field* field) {
    for (const pugi::xml_node& child : node.children()) {
      switch (child.type()) {
        case pugi::node_element: {
          DATONG_RETURN_IF_ERROR(Count(depth));
          Field& next = field->children.emplace_back();
          next.name = std::string(absl::StripAsciiWhitespace(child.name()));
          DATONG_RETURN_IF_ERROR(FromXml(child, depth + 1, &next));
          break;
        }
        case pugi::node_pcdata:
        case pugi::node_cdata:
          field->text += child.value();
          break;
        case pugi::node_doctype:
          return Refused("MESSAGE_DOCTYPE_REFUSED", "it holds a DOCTYPE");
        default:
          break;
      }
    }
    if (!field->children.empty()) field->text.clear();
    return absl::OkStatus();
  }

  absl::Status FromJson(const nlohmann::json& json, int depth, Field* field) {
    for (const auto& [key, value] : json.items()) {
      const std::string name(absl::StripAsciiWhitespace(key));
      if (value.is_array()) {
        for (const nlohmann::json& item : value) {
          DATONG_RETURN_IF_ERROR(AddJson(name, item, depth, field));
        }
      } else {
        DATONG_RETURN_IF_ERROR(AddJson(name, value, depth, field));
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status AddJson(const std::string& name, const nlohmann::json& value, int depth,
                       Field* field) {
    DATONG_RETURN_IF_ERROR(Count(depth));
    Field& next = field->children.emplace_back();
    next.name = name;
    if (value.is_object()) return FromJson(value, depth + 1, &next);
    if (value.is_array()) {
      for (const nlohmann::json& item : value) {
        DATONG_RETURN_IF_ERROR(AddJson("item", item, depth + 1, &next));
      }
      return absl::OkStatus();
    }
    next.text = value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
    return absl::OkStatus();
  }

  absl::Status Count(int depth) {
    if (depth > limits_.depth) {
      return Refused("MESSAGE_TOO_DEEP",
                     absl::StrCat("it is nested more than ", limits_.depth, " deep"));
    }
    if (++elements_ > limits_.elements) {
      return Refused("MESSAGE_TOO_MANY_ELEMENTS",
                     absl::StrCat("it has more than ", limits_.elements, " elements"));
    }
    return absl::OkStatus();
  }

  const MessageLimits& limits_;
  int elements_ = 0;
};

absl::StatusOr<Message> ParseXml(const std::string& text, const MessageLimits& limits) {
  pugi::xml_document document;
  constexpr unsigned kOptions =
      pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol | pugi::parse_doctype;
  const pugi::xml_parse_result result =
      document.load_buffer(text.data(), text.size(), kOptions, pugi::encoding_utf8);
  // A DOCTYPE is named as such even when what follows it is broken.
  for (const pugi::xml_node& node : document.children()) {
    if (node.type() == pugi::node_doctype) {
      return Refused("MESSAGE_DOCTYPE_REFUSED", "it holds a DOCTYPE");
    }
  }
  if (!result) {
    return Refused(
        result.status == pugi::status_bad_doctype ? "MESSAGE_DOCTYPE_REFUSED" : "MESSAGE_MALFORMED",
        absl::StrCat("it is no well-formed XML (", result.description(), ")"));
  }
  const pugi::xml_node root = document.document_element();
  if (!root || root.next_sibling()) {
    return Refused("MESSAGE_MALFORMED", "it must have exactly one outer element");
  }
  Field field;
  field.name = root.name();
  Builder builder(limits);
  DATONG_RETURN_IF_ERROR(builder.FromXml(root, 1, &field));
  return Message(std::move(field));
}

absl::StatusOr<Message> ParseJson(absl::string_view text, const MessageLimits& limits) {
  const std::optional<nlohmann::json> json = ParseLenientJson(text);
  if (!json || !json->is_object()) {
    return Refused("MESSAGE_MALFORMED", "it is neither XML nor a JSON object");
  }
  Field field;
  Builder builder(limits);
  DATONG_RETURN_IF_ERROR(builder.FromJson(*json, 1, &field));
  return Message(std::move(field));
}

nlohmann::json JsonOf(const Field& field) {
  if (field.children.empty()) return field.text;
  nlohmann::json json = nlohmann::json::object();
  for (const Field& child : field.children) {
    nlohmann::json value = JsonOf(child);
    const auto it = json.find(child.name);
    if (it == json.end()) {
      json[child.name] = std::move(value);
    } else if (it->is_array()) {
      it->push_back(std::move(value));
    } else {
      *it = nlohmann::json::array({std::move(*it), std::move(value)});
    }
  }
  return json;
}

}  // namespace

const Field* Field::Find(absl::string_view child) const {
  for (const Field& field : children) {
    if (field.name == child) return &field;
  }
  return nullptr;
}

const Field* Message::Find(absl::string_view path) const {
  const Field* field = &root_;
  for (const absl::string_view name : absl::StrSplit(path, '/')) {
    field = field->Find(name);
    if (field == nullptr) return nullptr;
  }
  return field;
}

absl::string_view Message::Text(absl::string_view path) const {
  const Field* field = Find(path);
  return field == nullptr ? absl::string_view() : absl::string_view(field->text);
}

std::optional<int64_t> Message::Number(absl::string_view path) const {
  int64_t number = 0;
  if (!absl::SimpleAtoi(Text(path), &number)) return std::nullopt;
  return number;
}

std::string Message::ToJson() const {
  if (root_.children.empty()) return "{}";
  return JsonOf(root_).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

absl::StatusOr<Message> ParseMessage(absl::string_view body, const MessageLimits& limits) {
  if (body.size() > limits.bytes) {
    return Refused("MESSAGE_TOO_LARGE", absl::StrCat("it has more than ", limits.bytes, " bytes"));
  }
  const std::string text = SanitizeUtf8(absl::StripAsciiWhitespace(body));
  // A byte-order mark before the XML.
  const absl::string_view start =
      absl::string_view(text).substr(text.rfind("\xef\xbb\xbf", 0) == 0 ? 3 : 0);
  if (!start.empty() && start[0] == '<') return ParseXml(std::string(start), limits);
  return ParseJson(start, limits);
}

absl::StatusOr<std::string> ExtractEncrypt(absl::string_view body) {
  DATONG_ASSIGN_OR_RETURN(const Message message, ParseMessage(body));
  if (message.Text("Encrypt").empty()) {
    return Refused("MESSAGE_NOT_ENCRYPTED", "it has no Encrypt element");
  }
  return std::string(message.Text("Encrypt"));
}

}  // namespace datong::wechat
