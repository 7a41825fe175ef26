#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "common/http/server.h"
#include "services/gateway/rpc/method_directory.h"

namespace datong::gateway {

// The console: "/" lists every RPC, "/?method=<package.Service/Method>" shows its request as JSON
// to fill in, a form that calls it, and the same call for curl. Plain HTML and one small script.
// Thread-safe.
class ConsoleHandlers {
 public:
  // `directory` must outlive it; `public_url` is where curl examples point to.
  ConsoleHandlers(const MethodDirectory& directory, std::string public_url);

  void RegisterRoutes(http::Router& router);
  http::ServerResponse Show(const http::ServerRequest& request) const;
  http::ServerResponse Script() const;

 private:
  std::string ListPage() const;
  std::string MethodPage(const ApiMethod& method) const;

  const MethodDirectory& directory_;
  const std::string public_url_;
};

// A request of that type with every field at a sample value: the JSON that the console starts from.
std::string SampleJson(const google::protobuf::Descriptor* type);

}  // namespace datong::gateway
