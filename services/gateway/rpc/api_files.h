#pragma once

#include <google/protobuf/descriptor.h>

#include <vector>

namespace datong::gateway {

// The proto files whose services the gateway serves. Naming a message of each also keeps its
// generated code in the binary: without that the linker would leave it out.
std::vector<const google::protobuf::FileDescriptor*> ApiFiles();

}  // namespace datong::gateway
