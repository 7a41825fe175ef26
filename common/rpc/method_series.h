#pragma once

#include <grpcpp/impl/server_builder_option.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/metrics/registry.h"

namespace google::protobuf {
class ServiceDescriptor;
}

namespace datong::rpc {

// The series of one RPC, looked up once and then used without a lock.
struct MethodSeries {
  std::string method;  // "/package.Service/Method"
  metrics::Counter* started;
  metrics::Counter* received;
  metrics::Counter* sent;
  metrics::Histogram* seconds;
  std::array<metrics::Counter*, 17> handled;  // by status code

  void Handled(absl::StatusCode code, absl::Duration elapsed) const;
};

// grpc_server_* or grpc_client_* series by method. Thread-safe; lookups of known methods take no
// lock.
class MethodSeriesMap {
 public:
  // `side`: "server" or "client".
  MethodSeriesMap(std::string side, metrics::Registry& registry);
  ~MethodSeriesMap();

  // Creates the series if there are none yet; `type` then is their grpc_type.
  const MethodSeries& Find(absl::string_view method, const char* type);
  // Every RPC of the service at zero.
  void AddService(const google::protobuf::ServiceDescriptor& service);

 private:
  using Map = absl::flat_hash_map<absl::string_view, const MethodSeries*>;

  const MethodSeries& Add(absl::string_view method, const char* type);

  const std::string side_;
  metrics::Registry& registry_;
  std::atomic<const Map*> current_;  // replaced as a whole, never changed
  Mutex mutex_;
  std::vector<std::unique_ptr<const Map>> maps_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<const MethodSeries>> series_ ABSL_GUARDED_BY(mutex_);
};

// For ServerBuilder::SetOption: puts the series of every RPC of the server at zero.
std::unique_ptr<grpc::ServerBuilderOption> SeriesFromZero(MethodSeriesMap& series);

}  // namespace datong::rpc
