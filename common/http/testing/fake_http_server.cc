#include "common/http/testing/fake_http_server.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace datong::http {

FakeHttpServer::FakeHttpServer(ServerOptions options)
    : server_(std::move(options), router_, registry_) {
  router_.Handle("", "/*", {.max_body_bytes = 64 << 20},
                 [this](const ServerRequest& request) { return Respond(request); });
  if (const absl::Status status = server_.Start(); !status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    std::abort();
  }
}

FakeHttpServer::~FakeHttpServer() { server_.Stop(absl::ZeroDuration()); }

std::string FakeHttpServer::url() const { return absl::StrCat("http://127.0.0.1:", port()); }

void FakeHttpServer::Answer(const std::string& path, ServerResponse response) {
  MutexLock lock(&mutex_);
  Queue& queue = answers_[path];
  if (queue.is_over) queue.answers.clear();
  queue.is_over = false;
  queue.answers.push_back(std::move(response));
}

void FakeHttpServer::AnswerJson(const std::string& path, const std::string& json, int status) {
  ServerResponse response;
  response.status = status;
  response.content_type = "application/json; encoding=utf-8";
  response.body = json;
  Answer(path, std::move(response));
}

void FakeHttpServer::AnswerWith(Handler handler) {
  MutexLock lock(&mutex_);
  fallback_ = std::move(handler);
}

std::vector<ServerRequest> FakeHttpServer::requests() const {
  MutexLock lock(&mutex_);
  return requests_;
}

std::vector<ServerRequest> FakeHttpServer::requests(const std::string& path) const {
  std::vector<ServerRequest> found;
  for (const ServerRequest& request : requests()) {
    if (request.path == path) found.push_back(request);
  }
  return found;
}

ServerResponse FakeHttpServer::Respond(const ServerRequest& request) {
  Handler fallback;
  {
    MutexLock lock(&mutex_);
    requests_.push_back(request);
    const auto queue = answers_.find(request.path);
    if (queue != answers_.end()) {
      std::deque<ServerResponse>& answers = queue->second.answers;
      ServerResponse response = answers.front();
      if (answers.size() > 1) {
        answers.pop_front();
      } else {
        queue->second.is_over = true;
      }
      return response;
    }
    fallback = fallback_;
  }
  if (fallback) return fallback(request);
  ServerResponse missing;
  missing.status = 404;
  return missing;
}

}  // namespace datong::http
