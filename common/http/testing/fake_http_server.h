#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/http/server.h"
#include "common/metrics/registry.h"

namespace datong::http {

// A real HTTP server on a free port of 127.0.0.1 that gives scripted answers and remembers what it
// was asked. Aborts the test program when it cannot listen. Thread-safe.
class FakeHttpServer {
 public:
  explicit FakeHttpServer(ServerOptions options = {});
  ~FakeHttpServer();

  std::string url() const;  // "http://127.0.0.1:4711", no closing slash
  int port() const { return server_.port(); }

  // Queues an answer for a path; the last one queued is given again and again until
  // another is queued. Paths without any
  // get 404.
  void Answer(const std::string& path, ServerResponse response);
  void AnswerJson(const std::string& path, const std::string& json, int status = 200);
  // Answers every path that has no queued answer.
  void AnswerWith(Handler handler);

  std::vector<ServerRequest> requests() const;
  // Those for one path, oldest first.
  std::vector<ServerRequest> requests(const std::string& path) const;

 private:
  ServerResponse Respond(const ServerRequest& request);

  struct Queue {
    std::deque<ServerResponse> answers;
    bool is_over = false;  // the last one was given
  };

  mutable Mutex mutex_;
  std::map<std::string, Queue> answers_ ABSL_GUARDED_BY(mutex_);
  Handler fallback_ ABSL_GUARDED_BY(mutex_);
  std::vector<ServerRequest> requests_ ABSL_GUARDED_BY(mutex_);
  metrics::Registry registry_;
  Router router_;
  Server server_;
};

}  // namespace datong::http
