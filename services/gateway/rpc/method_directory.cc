#include "services/gateway/rpc/method_directory.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace datong::gateway {

MethodDirectory::MethodDirectory(
    const std::vector<const google::protobuf::FileDescriptor*>& files) {
  for (const auto* file : files) {
    const std::vector<std::string> package = absl::StrSplit(file->package(), '.');
    const std::string owner = package.size() > 1 ? package[1] : "";
    for (int s = 0; s < file->service_count(); ++s) {
      const auto* service = file->service(s);
      services_.push_back(service->full_name());
      for (int m = 0; m < service->method_count(); ++m) {
        const auto* method = service->method(m);
        const std::string path = absl::StrCat("/", service->full_name(), "/", method->name());
        methods_[path] = ApiMethod{method, owner, path};
      }
    }
  }
  std::sort(services_.begin(), services_.end());
}

const ApiMethod* MethodDirectory::Find(absl::string_view path) const {
  const auto found = methods_.find(std::string(path));
  return found == methods_.end() ? nullptr : &found->second;
}

}  // namespace datong::gateway
