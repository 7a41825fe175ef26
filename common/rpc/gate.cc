#include "common/rpc/gate.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <grpcpp/impl/server_initializer.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/strings.h"
#include "common/crypto/hash.h"
#include "common/log/log.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "datong/options/v1/options.pb.h"

namespace datong::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using Resources = absl::InlinedVector<auth::Resource, 4>;

constexpr char kSpiffeProperty[] = "peer_spiffe_id";
constexpr size_t kSecretBytes = 32;

// Fields that hold resource names; services/all_in_one/permissions_test.cc finds RPCs that use
// none of them.
constexpr std::array kNameFields = {"project", "name",      "names", "app",    "apps",
                                    "source",  "component", "suite", "person", "parent"};
constexpr std::array kAppFields = {"app", "apps"};

template <size_t n>
bool IsIn(const std::array<const char*, n>& names, const std::string& name) {
  return std::any_of(names.begin(), names.end(), [&](const char* one) { return name == one; });
}

bool IsText(const FieldDescriptor& field) { return field.type() == FieldDescriptor::TYPE_STRING; }

template <typename Use>
void ForEachText(const Message& message, const FieldDescriptor& field, Use use) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::string scratch;
  if (!field.is_repeated()) {
    use(absl::string_view(reflection.GetStringReference(message, &field, &scratch)));
    return;
  }
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    use(absl::string_view(reflection.GetRepeatedStringReference(message, &field, i, &scratch)));
  }
}

// "projects/{project}[/apps/{app}]…"; authorizations go by their app, too.
bool ReadName(absl::string_view name, auth::Resource* resource) {
  if (!absl::ConsumePrefix(&name, "projects/")) return false;
  const size_t slash = name.find('/');
  resource->project = name.substr(0, slash);
  if (slash == absl::string_view::npos) return true;
  name.remove_prefix(slash + 1);
  if (absl::ConsumePrefix(&name, "apps/") || absl::ConsumePrefix(&name, "authorizations/")) {
    resource->app = name.substr(0, name.find('/'));
  }
  return true;
}

void Add(const auth::Resource& resource, Resources& resources) {
  for (const auth::Resource& one : resources) {
    if (one.project == resource.project && one.app == resource.app) return;
  }
  resources.push_back(resource);
}

// What the request is about. One that names a project and an app of it is about the app.
Resources ResourcesOf(const MethodRule& rule, const Message& request) {
  Resources resources;
  for (const MethodRule::Path& path : rule.names) {
    const Message* holder = &request;
    if (path.outer != nullptr) {
      if (!request.GetReflection()->HasField(request, path.outer)) continue;
      holder = &request.GetReflection()->GetMessage(request, path.outer);
    }
    ForEachText(*holder, *path.field, [&](absl::string_view text) {
      auth::Resource resource;
      if (path.field->name() == "project_id") {
        if (!text.empty()) Add({.project = text, .app = {}, .api_path = {}}, resources);
      } else if (ReadName(text, &resource)) {
        Add(resource, resources);
      }
    });
  }
  Resources named;
  for (const auth::Resource& resource : resources) {
    if (!resource.app.empty()) {
      named.push_back(resource);
      continue;
    }
    bool has_app = false;
    for (const FieldDescriptor* field : rule.apps) {
      ForEachText(request, *field, [&](absl::string_view text) {
        auth::Resource app{.project = resource.project, .app = text, .api_path = {}};
        if (text.empty()) return;
        auth::Resource full;
        if (ReadName(text, &full)) {
          has_app = has_app || full.project == resource.project;
        } else {
          Add(app, named);
          has_app = true;
        }
      });
    }
    if (!has_app) named.push_back(resource);
  }
  return named;
}

class RulesPlugin final : public grpc::ServerBuilderPlugin {
 public:
  RulesPlugin(Gate& gate, absl::Status& status) : gate_(gate), status_(status) {}
  std::string name() override { return "datong_gate_rules"; }
  void InitServer(grpc::ServerInitializer*) override {}
  void Finish(grpc::ServerInitializer* server) override {
    for (const std::string& name : *server->GetServiceList()) {
      const auto* service =
          google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
      if (service != nullptr) status_.Update(gate_.AddService(*service));
    }
  }
  void ChangeArguments(const std::string&, void*) override {}

 private:
  Gate& gate_;
  absl::Status& status_;
};

class RulesOption final : public grpc::ServerBuilderOption {
 public:
  RulesOption(Gate& gate, absl::Status& status) : gate_(gate), status_(status) {}
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->push_back(std::make_unique<RulesPlugin>(gate_, status_));
  }

 private:
  Gate& gate_;
  absl::Status& status_;
};

}  // namespace

MethodRule RuleOf(const MethodDescriptor& method) {
  MethodRule rule;
  rule.permission = method.options().GetExtension(options::v1::permission);
  const Descriptor& request = *method.input_type();
  if (rule.permission == auth::kApiCall) rule.api_path = request.FindFieldByName("path");
  for (int i = 0; i < request.field_count(); ++i) {
    const FieldDescriptor* field = request.field(i);
    if (IsText(*field) && field->name() == "project_id") rule.names.push_back({nullptr, field});
    if (!IsIn(kNameFields, field->name())) continue;
    if (IsText(*field)) {
      rule.names.push_back({nullptr, field});
      if (IsIn(kAppFields, field->name())) rule.apps.push_back(field);
    } else if (field->type() == FieldDescriptor::TYPE_MESSAGE && !field->is_repeated()) {
      const FieldDescriptor* name = field->message_type()->FindFieldByName("name");
      if (name != nullptr && IsText(*name)) rule.names.push_back({field, name});
    }
  }
  return rule;
}

Gate::Gate(auth::Access& access)
    : access_(access), process_secret_(BytesToHex(crypto::RandomBytes(kSecretBytes))) {}

absl::Status Gate::AddService(const google::protobuf::ServiceDescriptor& service) {
  if (absl::StartsWith(service.full_name(), "grpc.")) return absl::OkStatus();
  for (int i = 0; i < service.method_count(); ++i) {
    const std::string method =
        absl::StrCat("/", service.full_name(), "/", service.method(i)->name());
    MethodRule rule = RuleOf(*service.method(i));
    if (rule.permission.empty()) {
      return MakeError(absl::StatusCode::kFailedPrecondition,
                       absl::StrCat("The definition of ", method,
                                    " names no permission (datong.options.v1.permission), so that "
                                    "nobody could be let in."),
                       {"datong", "PERMISSION_UNNAMED", {{"method", method}}});
    }
    rules_.insert_or_assign(method, std::move(rule));
  }
  return absl::OkStatus();
}

void Gate::OnDenied(std::string package, std::function<void(const Denial&)> listener) {
  listeners_.emplace_back(absl::StrCat("/", package, "."), std::move(listener));
}

std::string Gate::ServiceCredential(absl::string_view service) const {
  return absl::StrCat(service, " ", process_secret_.Expose());
}

void Gate::Prove(const grpc::CallbackServerContext& context, absl::string_view service_header,
                 Caller& caller) const {
  const size_t space = service_header.find(' ');
  if (space != absl::string_view::npos &&
      ConstantTimeEquals(service_header.substr(space + 1), process_secret_.Expose())) {
    caller.service = std::string(service_header.substr(0, space));
    return;
  }
  if (!access_.settings().mtls) return;
  const std::shared_ptr<const grpc::AuthContext> transport = context.auth_context();
  if (transport == nullptr || !transport->IsPeerAuthenticated()) return;
  // gRPC sets it only for a certificate with exactly one URI, which is a SPIFFE ID.
  const std::vector<grpc::string_ref> ids = transport->FindPropertyValues(kSpiffeProperty);
  if (ids.size() == 1) caller.spiffe_id.assign(ids[0].data(), ids[0].size());
}

std::optional<absl::Status> Gate::Admit(CallContext& call, const Message& request,
                                        bool may_block) const {
  const auto rule = rules_.find(call.method);
  if (rule == rules_.end()) return absl::InternalError("an RPC without a rule");
  Resources resources = ResourcesOf(rule->second, request);
  if (rule->second.api_path != nullptr) {
    std::string scratch;
    const std::string& path =
        request.GetReflection()->GetStringReference(request, rule->second.api_path, &scratch);
    for (auth::Resource& resource : resources) resource.api_path = path;
  }
  auth::Answer answer = access_.Ask({.proof = {.service = call.caller.service,
                                               .spiffe_id = call.caller.spiffe_id,
                                               .authorization = call.authorization},
                                     .permission = rule->second.permission,
                                     .resources = resources,
                                     .may_block = may_block});
  if (answer.undecided) return std::nullopt;
  call.caller.name = std::move(answer.caller);
  if (!answer.status.ok()) {
    const bool is_named = !resources.empty();
    Tell({.call = call,
          .permission = rule->second.permission,
          .project = is_named ? resources[0].project : absl::string_view(),
          .app = is_named ? resources[0].app : absl::string_view(),
          .reason = GetReason(answer.status)});
  }
  return std::move(answer.status);
}

void Gate::Tell(const Denial& denial) const {
  for (const auto& [prefix, listener] : listeners_) {
    if (absl::StartsWith(denial.call.method, prefix)) listener(denial);
  }
}

std::unique_ptr<grpc::ServerBuilderOption> GateRules(Gate& gate, absl::Status& status) {
  return std::make_unique<RulesOption>(gate, status);
}

}  // namespace datong::rpc
