#pragma once

#include <string>

#include "common/http/server.h"
#include "services/ingest/core/collector.h"
#include "services/ingest/core/gio_v3.h"
#include "services/ingest/core/segment.h"

namespace datong::ingest {

struct CollectOptions {
  // The last address of X-Forwarded-For is the sender's: only behind a proxy that sets it.
  bool trust_forwarded_for = false;
  // Requests with this cookie set are answered as stored, and nothing is kept. Empty: none.
  std::string do_not_track_cookie = "datong_dnt";
};

// The HTTP door for SDKs: reads requests, undoes gzip and deflate, answers each dialect in its own
// way, with CORS. Thread-safe. `collector` must outlive it.
class CollectRoutes {
 public:
  CollectRoutes(CollectOptions options, Collector& collector, IngestMetrics& metrics)
      : options_(options), collector_(collector), metrics_(metrics) {}

  // The routes call this object: it must outlive the router's server.
  void Register(http::Router& router);

  const GioV3Dialect& gio() const { return gio_; }
  const SegmentDialect& segment() const { return segment_; }

 private:
  http::ServerResponse GioPost(const http::ServerRequest& request);
  http::ServerResponse GioImage(const http::ServerRequest& request);
  http::ServerResponse Segment(const http::ServerRequest& request, const std::string& type,
                               bool is_import);
  // The visitor does not want to be tracked; counts the request.
  bool IsUntracked(const http::ServerRequest& request) const;
  Sender MakeSender(const http::ServerRequest& request) const;

  const CollectOptions options_;
  Collector& collector_;
  IngestMetrics& metrics_;
  const GioV3Dialect gio_;
  const SegmentDialect segment_;
};

}  // namespace datong::ingest
