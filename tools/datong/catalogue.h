#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>

#include <memory>
#include <string>
#include <vector>

namespace datong::tools {

// One RPC as the command line knows it: `datong broker get-token`.
struct Rpc {
  std::string api;      // "broker"
  std::string command;  // "get-token"
  std::string path;     // "/datong.broker.v1.TokenService/GetToken"
  const google::protobuf::MethodDescriptor* method;
};

// Every RPC of the suite, from the definitions that are compiled into this program together with
// their comments. Thread-safe once made.
class Catalogue {
 public:
  Catalogue();

  const std::vector<Rpc>& rpcs() const { return rpcs_; }
  std::vector<std::string> apis() const;
  std::unique_ptr<google::protobuf::Message> NewMessage(
      const google::protobuf::Descriptor& type) const;

 private:
  google::protobuf::DescriptorPool pool_;
  mutable google::protobuf::DynamicMessageFactory factory_{&pool_};
  std::vector<Rpc> rpcs_;
};

// The comment above a definition, its lines joined; "" when there is none.
template <typename Descriptor>
std::string CommentOf(const Descriptor& descriptor);

// The first sentence of a text.
std::string FirstSentence(const std::string& text);

// "GetToken" → "get-token"; "page_size" → "page-size".
std::string Kebab(const std::string& name);

}  // namespace datong::tools
