#include "common/http/content_encoding.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/status/error.h"

namespace datong::http {
namespace {

constexpr char kErrorDomain[] = "http.datong";
constexpr int kGzipWindow = 15 + 16;
constexpr int kZlibWindow = 15;
constexpr int kRawWindow = -15;

absl::Status TooLarge(int64_t max_bytes) {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   absl::StrCat("The body is larger than ", max_bytes,
                                " bytes once decoded; send smaller batches."),
                   {kErrorDomain, "BODY_TOO_LARGE", {{"limit_bytes", absl::StrCat(max_bytes)}}});
}

absl::Status Corrupt(absl::string_view encoding) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("The body is not complete, valid ", encoding, "."),
                   {kErrorDomain, "BODY_CORRUPT", {{"encoding", std::string(encoding)}}});
}

absl::StatusOr<std::string> Inflate(absl::string_view encoding, int window, absl::string_view body,
                                    int64_t max_bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, window) != Z_OK) return absl::InternalError("zlib did not start.");
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  std::string out;
  char chunk[16 * 1024];
  absl::Status failure;
  while (true) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk);
    stream.avail_out = sizeof(chunk);
    const int result = inflate(&stream, Z_NO_FLUSH);
    const size_t produced = sizeof(chunk) - stream.avail_out;
    if (static_cast<int64_t>(out.size() + produced) > max_bytes) {
      failure = TooLarge(max_bytes);
      break;
    }
    out.append(chunk, produced);
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      // gzip streams may follow one another; anything else behind the end is not ours to guess.
      if (window != kGzipWindow || inflateReset(&stream) != Z_OK) {
        failure = Corrupt(encoding);
        break;
      }
    } else if (result != Z_OK || (stream.avail_in == 0 && produced == 0)) {
      failure = Corrupt(encoding);
      break;
    }
  }
  inflateEnd(&stream);
  if (!failure.ok()) return failure;
  return out;
}

}  // namespace

absl::StatusOr<std::string> Decode(absl::string_view encoding, absl::string_view body,
                                   int64_t max_bytes) {
  const std::string name = absl::AsciiStrToLower(absl::StripAsciiWhitespace(encoding));
  if (name.empty() || name == "identity") {
    if (static_cast<int64_t>(body.size()) > max_bytes) return TooLarge(max_bytes);
    return std::string(body);
  }
  if (name == "gzip" || name == "x-gzip") return Inflate("gzip", kGzipWindow, body, max_bytes);
  if (name == "deflate") {
    absl::StatusOr<std::string> decoded = Inflate("deflate", kZlibWindow, body, max_bytes);
    if (!absl::IsInvalidArgument(decoded.status())) return decoded;
    return Inflate("deflate", kRawWindow, body, max_bytes);
  }
  return MakeError(absl::StatusCode::kUnimplemented,
                   "This content encoding is not supported; use gzip, deflate or none.",
                   {kErrorDomain, "CONTENT_ENCODING_UNSUPPORTED", {{"encoding", name}}});
}

std::string GzipEncode(absl::string_view body) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return "";
  }
  std::string out(deflateBound(&stream, static_cast<uLong>(body.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

}  // namespace datong::http
