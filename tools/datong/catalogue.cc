#include "tools/datong/catalogue.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <stdexcept>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

// The FileDescriptorSet of all APIs, with comments, made by protoc in the build.
asm(".section .rodata\n"
    ".global datong_api_definitions\n"
    ".global datong_api_definitions_end\n"
    "datong_api_definitions:\n"
    ".incbin \"" DATONG_API_DEFINITIONS
    "\"\n"
    "datong_api_definitions_end:\n"
    ".byte 0\n"
    ".previous\n");
extern "C" const char datong_api_definitions[];
extern "C" const char datong_api_definitions_end[];

namespace datong::tools {
namespace {

using google::protobuf::FileDescriptor;
using google::protobuf::ServiceDescriptor;

std::string ApiOf(const FileDescriptor& file) {
  const std::vector<std::string> parts = absl::StrSplit(file.package(), '.');
  return parts.size() == 3 && parts[0] == "datong" ? parts[1] : "";
}

}  // namespace

Catalogue::Catalogue() {
  google::protobuf::FileDescriptorSet set;
  if (!set.ParseFromArray(datong_api_definitions,
                          static_cast<int>(datong_api_definitions_end - datong_api_definitions))) {
    throw std::logic_error("the definitions in this program are broken");
  }
  for (const google::protobuf::FileDescriptorProto& proto : set.file()) {
    const FileDescriptor* file = pool_.BuildFile(proto);
    if (file == nullptr) throw std::logic_error("cannot use " + proto.name());
    for (int s = 0; s < file->service_count(); ++s) {
      const ServiceDescriptor& service = *file->service(s);
      for (int m = 0; m < service.method_count(); ++m) {
        const google::protobuf::MethodDescriptor& method = *service.method(m);
        rpcs_.push_back({ApiOf(*file), Kebab(method.name()),
                         absl::StrCat("/", service.full_name(), "/", method.name()), &method});
      }
    }
  }
  std::stable_sort(rpcs_.begin(), rpcs_.end(),
                   [](const Rpc& a, const Rpc& b) { return a.api < b.api; });
}

std::vector<std::string> Catalogue::apis() const {
  std::vector<std::string> apis;
  for (const Rpc& rpc : rpcs_) {
    if (apis.empty() || apis.back() != rpc.api) apis.push_back(rpc.api);
  }
  return apis;
}

std::unique_ptr<google::protobuf::Message> Catalogue::NewMessage(
    const google::protobuf::Descriptor& type) const {
  return std::unique_ptr<google::protobuf::Message>(factory_.GetPrototype(&type)->New());
}

template <typename Descriptor>
std::string CommentOf(const Descriptor& descriptor) {
  google::protobuf::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return "";
  std::string text = absl::StrReplaceAll(location.leading_comments, {{"\n", " "}});
  absl::RemoveExtraAsciiWhitespace(&text);
  return text;
}

template std::string CommentOf(const google::protobuf::ServiceDescriptor&);
template std::string CommentOf(const google::protobuf::MethodDescriptor&);
template std::string CommentOf(const google::protobuf::FieldDescriptor&);
template std::string CommentOf(const google::protobuf::EnumValueDescriptor&);

std::string FirstSentence(const std::string& text) {
  const size_t end = text.find(". ");
  return end == std::string::npos ? text : text.substr(0, end + 1);
}

std::string Kebab(const std::string& name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    if (absl::ascii_isupper(c) && i > 0) out.push_back('-');
    out.push_back(c == '_' ? '-' : absl::ascii_tolower(c));
  }
  return out;
}

}  // namespace datong::tools
