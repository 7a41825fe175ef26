#include "tools/datong/demo/connect.h"

#include "absl/strings/str_cat.h"
#include "common/status/macros.h"
#include "datong/broker/v1/authorization.grpc.pb.h"
#include "datong/broker/v1/project.grpc.pb.h"
#include "datong/datacube/v1/statistics.grpc.pb.h"
#include "datong/ingest/v1/source.grpc.pb.h"
#include "tools/datong/demo/scan.h"
#include "tools/datong/demo/sdk_wire.h"
#include "tools/datong/demo/wait.h"
#include "tools/datong/demo/world.h"

namespace datong::demo {
namespace {

namespace broker = datong::broker::v1;
namespace datacube = datong::datacube::v1;
namespace ingest = datong::ingest::v1;

class Connector {
 public:
  Connector(const Stage& stage, Client& client, http::Client& http)
      : stage_(stage),
        client_(client),
        http_(http),
        statistics_(client.StubOf<datacube::StatisticsService>()),
        projects_(client.StubOf<broker::ProjectService>()),
        authorizations_(client.StubOf<broker::AuthorizationService>()),
        sources_(client.StubOf<ingest::SourceService>()) {}

  absl::StatusOr<std::string> Connect() {
    broker::CreateProjectRequest project;
    project.set_project_id("demo");
    project.mutable_project()->set_display_name("大同演示");
    DATONG_RETURN_IF_ERROR(
        client_.Ask(projects_, &broker::ProjectService::Stub::CreateProject, project).status());
    DATONG_RETURN_IF_ERROR(
        CreateApp(kComponentAppid, broker::APP_KIND_COMPONENT, kComponentSecret));
    DATONG_RETURN_IF_ERROR(CreateApp(kClubAppid, broker::APP_KIND_MINI_PROGRAM, kClubSecret));

    DATONG_ASSIGN_OR_RETURN(const std::string refused, Scan(kAccountAppid, false));
    for (const char* appid : {kAccountAppid, kShopAppid}) {
      DATONG_RETURN_IF_ERROR(Scan(appid, true).status());
      DATONG_RETURN_IF_ERROR(BindToOpenPlatform(appid));
    }
    DATONG_RETURN_IF_ERROR(CreateSources());
    DATONG_RETURN_IF_ERROR(AwaitFirstSync());
    return refused;
  }

 private:
  absl::Status CreateApp(const char* appid, broker::AppKind kind, const char* secret) {
    broker::CreateAppRequest request;
    request.set_project(kProject);
    request.mutable_app()->set_appid(appid);
    request.mutable_app()->set_kind(kind);
    request.mutable_app()->set_display_name(kind == broker::APP_KIND_COMPONENT ? "大同第三方平台"
                                                                               : "大同会员");
    request.mutable_credentials()->set_app_secret(secret);
    if (kind == broker::APP_KIND_COMPONENT) {
      request.mutable_credentials()->set_callback_token(kCallbackToken);
      request.mutable_credentials()->set_encoding_aes_key(kEncodingAesKey);
    } else {
      request.mutable_app()->set_open_platform_account(kOpenPlatform);
    }
    return client_.Ask(projects_, &broker::ProjectService::Stub::CreateApp, request).status();
  }

  absl::StatusOr<std::string> Scan(const char* appid, bool confirm) {
    broker::CreateAuthorizationLinkRequest request;
    request.set_component(absl::StrCat(kProject, "/apps/", kComponentAppid));
    request.set_type(broker::AUTHORIZATION_TYPE_OFFICIAL_ACCOUNT_AND_MINI_PROGRAM);
    DATONG_ASSIGN_OR_RETURN(
        const auto created,
        client_.Ask(authorizations_, &broker::AuthorizationService::Stub::CreateAuthorizationLink,
                    request));
    // The first ticket comes within seconds after the component was created.
    absl::StatusOr<std::string> page;
    DATONG_RETURN_IF_ERROR(WaitUntil("WeChat's ticket has come", [&] {
      page = ScanAndDecide(http_, created.link().url(), appid, confirm);
      return page.ok();
    }));
    if (!confirm) return page;
    DATONG_RETURN_IF_ERROR(WaitUntil(absl::StrCat(appid, " is connected"), [&] {
      broker::GetAppRequest get;
      get.set_name(absl::StrCat(kProject, "/apps/", appid));
      const auto app = client_.Ask(projects_, &broker::ProjectService::Stub::GetApp, get);
      return app.ok() && app->app().state() == broker::APP_STATE_ACTIVE;
    }));
    return page;
  }

  absl::Status BindToOpenPlatform(const char* appid) {
    broker::UpdateAppRequest request;
    request.set_name(absl::StrCat(kProject, "/apps/", appid));
    request.mutable_app()->set_open_platform_account(kOpenPlatform);
    request.mutable_update_mask()->add_paths("open_platform_account");
    return client_.Ask(projects_, &broker::ProjectService::Stub::UpdateApp, request).status();
  }

  absl::Status CreateSources() {
    struct Wanted {
      const char* id;
      Surface surface;
      ingest::SourceKind kind;
      const char* app;
      const char* data_source;
    };
    for (const Wanted& wanted :
         {Wanted{"shop", Surface::kShop, ingest::SOURCE_KIND_SDK, kShopAppid, kShopDataSource},
          Wanted{"club", Surface::kClub, ingest::SOURCE_KIND_SDK, kClubAppid, kClubDataSource},
          Wanted{"h5", Surface::kH5, ingest::SOURCE_KIND_SDK, kAccountAppid, kH5DataSource},
          Wanted{"shop-server", Surface::kServer, ingest::SOURCE_KIND_SERVER, "", ""}}) {
      ingest::CreateSourceRequest request;
      ingest::Source& source = *request.mutable_source();
      source.set_name(absl::StrCat(kProject, "/sources/", wanted.id));
      source.set_kind(wanted.kind);
      source.set_surface(SurfaceName(wanted.surface));
      source.set_app(wanted.app);
      source.set_data_source_id(wanted.data_source);
      if (wanted.surface == Surface::kH5) {
        source.set_device_scope(kH5Scope);
        source.add_origins("https://m.example.cn");
      }
      DATONG_RETURN_IF_ERROR(WaitUntil("the project is known to ingest", [&] {
        return client_.Ask(sources_, &ingest::SourceService::Stub::CreateSource, request).ok();
      }));
    }
    ingest::EnsurePushSourceRequest pushes;
    pushes.set_project(kProject);
    pushes.set_app(kAccountAppid);
    pushes.set_surface(SurfaceName(Surface::kAccount));
    DATONG_RETURN_IF_ERROR(
        client_.Ask(sources_, &ingest::SourceService::Stub::EnsurePushSource, pushes).status());
    return NamePushSurface();
  }

  // The push source was made when the account was connected; its surface gets the story's name.
  absl::Status NamePushSurface() {
    ingest::GetSourceRequest get;
    get.set_name(absl::StrCat(kProject, "/sources/push-", kAccountAppid));
    DATONG_ASSIGN_OR_RETURN(auto found,
                            client_.Ask(sources_, &ingest::SourceService::Stub::GetSource, get));
    if (found.source().surface() == SurfaceName(Surface::kAccount)) return absl::OkStatus();
    ingest::UpdateSourceRequest update;
    *update.mutable_source() = found.source();
    update.mutable_source()->set_surface(SurfaceName(Surface::kAccount));
    return client_.Ask(sources_, &ingest::SourceService::Stub::UpdateSource, update).status();
  }

  // The administrator sees the first sync of the official account end, before any day passes.
  absl::Status AwaitFirstSync() {
    datacube::ListSyncRunsRequest request;
    request.set_project(kProject);
    request.set_app(absl::StrCat(kProject, "/apps/", kAccountAppid));
    return WaitUntil("the first sync has ended", [&] {
      const auto runs =
          client_.Ask(statistics_, &datacube::StatisticsService::Stub::ListSyncRuns, request);
      return runs.ok() && runs->sync_runs_size() > 0 &&
             runs->sync_runs(runs->sync_runs_size() - 1).state() ==
                 datacube::SYNC_RUN_STATE_SUCCEEDED;
    });
  }

  const Stage& stage_;
  Client& client_;
  http::Client& http_;
  std::unique_ptr<datacube::StatisticsService::Stub> statistics_;
  std::unique_ptr<broker::ProjectService::Stub> projects_;
  std::unique_ptr<broker::AuthorizationService::Stub> authorizations_;
  std::unique_ptr<ingest::SourceService::Stub> sources_;
};

}  // namespace

absl::StatusOr<std::string> ConnectAccounts(const Stage& stage, Client& client,
                                            http::Client& http) {
  return Connector(stage, client, http).Connect();
}

}  // namespace datong::demo
