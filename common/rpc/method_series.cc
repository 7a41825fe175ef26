#include "common/rpc/method_series.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <grpcpp/impl/server_initializer.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/rpc/status.h"

namespace datong::rpc {
namespace {

const char* TypeOf(const google::protobuf::MethodDescriptor& method) {
  if (method.client_streaming()) {
    return method.server_streaming() ? "bidi_stream" : "client_stream";
  }
  return method.server_streaming() ? "server_stream" : "unary";
}

class SeriesPlugin final : public grpc::ServerBuilderPlugin {
 public:
  explicit SeriesPlugin(MethodSeriesMap& series) : series_(series) {}
  std::string name() override { return "datong_series_from_zero"; }
  void InitServer(grpc::ServerInitializer*) override {}
  void Finish(grpc::ServerInitializer* server) override {
    for (const std::string& name : *server->GetServiceList()) {
      const auto* service =
          google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
      if (service != nullptr) series_.AddService(*service);
    }
  }
  void ChangeArguments(const std::string&, void*) override {}

 private:
  MethodSeriesMap& series_;
};

class SeriesOption final : public grpc::ServerBuilderOption {
 public:
  explicit SeriesOption(MethodSeriesMap& series) : series_(series) {}
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->push_back(std::make_unique<SeriesPlugin>(series_));
  }

 private:
  MethodSeriesMap& series_;
};

}  // namespace

void MethodSeries::Handled(absl::StatusCode code, absl::Duration elapsed) const {
  const auto index = static_cast<size_t>(code);
  handled[index < handled.size() ? index : 2]->Increment();
  seconds->Observe(absl::ToDoubleSeconds(elapsed));
}

MethodSeriesMap::MethodSeriesMap(std::string side, metrics::Registry& registry)
    : side_(std::move(side)), registry_(registry) {
  MutexLock lock(&mutex_);
  maps_.push_back(std::make_unique<const Map>());
  current_.store(maps_.back().get());
}

MethodSeriesMap::~MethodSeriesMap() = default;

const MethodSeries& MethodSeriesMap::Find(absl::string_view method, const char* type) {
  const Map& map = *current_.load(std::memory_order_acquire);
  const auto found = map.find(method);
  return found != map.end() ? *found->second : Add(method, type);
}

void MethodSeriesMap::AddService(const google::protobuf::ServiceDescriptor& service) {
  for (int i = 0; i < service.method_count(); ++i) {
    const google::protobuf::MethodDescriptor& method = *service.method(i);
    Find(absl::StrCat("/", service.full_name(), "/", method.name()), TypeOf(method));
  }
}

const MethodSeries& MethodSeriesMap::Add(absl::string_view method, const char* type) {
  MutexLock lock(&mutex_);
  const Map& old = *current_.load();
  if (const auto found = old.find(method); found != old.end()) return *found->second;

  const std::vector<std::string> parts = absl::StrSplit(method, '/');
  const metrics::Labels labels = {{"grpc_type", type},
                                  {"grpc_service", parts.size() == 3 ? parts[1] : "unknown"},
                                  {"grpc_method", parts.size() == 3 ? parts[2] : parts.back()}};
  const std::string prefix = absl::StrCat("grpc_", side_, "_");
  auto series = std::make_unique<MethodSeries>();
  series->method = std::string(method);
  series->started = &registry_.AddCounter(prefix + "started_total", "RPCs begun.", labels);
  series->received =
      &registry_.AddCounter(prefix + "msg_received_total", "Messages received.", labels);
  series->sent = &registry_.AddCounter(prefix + "msg_sent_total", "Messages sent.", labels);
  series->seconds = &registry_.AddHistogram(prefix + "handling_seconds", "Time from begin to end.",
                                            metrics::kRpcBuckets, labels);
  for (size_t code = 0; code < series->handled.size(); ++code) {
    metrics::Labels with_code = labels;
    with_code["grpc_code"] = CodeName(static_cast<absl::StatusCode>(code));
    series->handled[code] =
        &registry_.AddCounter(prefix + "handled_total", "RPCs ended, by code.", with_code);
  }
  auto map = std::make_unique<Map>(old);
  map->emplace(series->method, series.get());
  series_.push_back(std::move(series));
  maps_.push_back(std::move(map));
  current_.store(maps_.back().get(), std::memory_order_release);
  return *series_.back();
}

std::unique_ptr<grpc::ServerBuilderOption> SeriesFromZero(MethodSeriesMap& series) {
  return std::make_unique<SeriesOption>(series);
}

}  // namespace datong::rpc
