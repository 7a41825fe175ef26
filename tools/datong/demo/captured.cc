#include "tools/datong/demo/captured.h"

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "captured_requests.h"
#include "common/status/macros.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/ingest/v1/source.grpc.pb.h"
#include "tools/datong/demo/wait.h"

namespace datong::demo {
namespace {

namespace broker = datong::broker::v1;
namespace ingest = datong::ingest::v1;
using Json = nlohmann::json;

// Ids that stand in the captured requests.
constexpr char kSdkProject[] = "91eaf9b283361032";

absl::Status CreateCapturedProject(Client& client) {
  const auto projects = client.StubOf<broker::ProjectService>();
  const auto sources = client.StubOf<ingest::SourceService>();
  broker::CreateProjectRequest project;
  project.set_project_id("captured");
  project.mutable_project()->set_display_name("Captured SDK requests");
  DATONG_RETURN_IF_ERROR(
      client.Ask(projects, &broker::ProjectService::Stub::CreateProject, project).status());
  const auto create = [&](ingest::Source source, const char* id) {
    source.set_name(absl::StrCat(kCapturedProject, "/sources/", id));
    source.set_kind(ingest::SOURCE_KIND_SDK);
    ingest::CreateSourceRequest request;
    *request.mutable_source() = std::move(source);
    return WaitUntil("the project is known to ingest", [&] {
      return client.Ask(sources, &ingest::SourceService::Stub::CreateSource, request).ok();
    });
  };
  ingest::Source mini_program;
  mini_program.set_sdk_project(kSdkProject);
  mini_program.set_data_source_id("b1fd2d3a4e5f6071");
  mini_program.set_app("wx1234567890abcdef");
  DATONG_RETURN_IF_ERROR(create(mini_program, "mini-program"));
  ingest::Source web;
  web.set_sdk_project(kSdkProject);
  web.set_data_source_id("9c2f00aa31bd77e0");
  web.add_origins("https://m.example.cn");
  DATONG_RETURN_IF_ERROR(create(web, "web"));
  ingest::Source segment;
  segment.set_write_key("wk_test_0001");
  return create(segment, "segment");
}

http::ClientRequest AsSent(const Json& captured, const std::string& collector_url) {
  http::ClientRequest request;
  request.method = captured["method"];
  request.url = absl::StrCat(collector_url, captured["target"].get<std::string>());
  for (const auto& [name, value] : captured["headers"].items()) {
    if (name != "host") request.headers.Add(name, value.get<std::string>());
  }
  if (captured.contains("body_utf8")) request.body = captured["body_utf8"].get<std::string>();
  if (captured.contains("body_base64")) {
    absl::Base64Unescape(captured["body_base64"].get<std::string>(), &request.body);
  }
  return request;
}

}  // namespace

absl::StatusOr<int64_t> ReplayCapturedRequests(const Stage& stage, Client& client,
                                               http::Client& http) {
  DATONG_RETURN_IF_ERROR(CreateCapturedProject(client));
  int64_t sent = 0;
  for (const char* file : CapturedRequests()) {
    const Json capture = Json::parse(file);
    for (const Json& exchange : capture["requests"]) {
      DATONG_ASSIGN_OR_RETURN(const http::ClientResponse response,
                              http.Send(AsSent(exchange["request"], stage.doors.collector_url),
                                        Deadline::After(absl::Seconds(10))));
      if (response.status != 204 && response.status != 200) {
        return absl::InternalError(absl::StrCat("\"", capture["title"].get<std::string>(),
                                                "\" was answered ", response.status, "."));
      }
      ++sent;
    }
  }
  return sent;
}

}  // namespace datong::demo
