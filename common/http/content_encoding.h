#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace datong::http {

// Undoes a Content-Encoding: "gzip" (and "x-gzip"), "deflate" (zlib, and the raw form that some
// clients send under that name); "" and "identity" give the body as it is.
// Errors: RESOURCE_EXHAUSTED/BODY_TOO_LARGE when the result would be larger than `max_bytes`,
// INVALID_ARGUMENT/BODY_CORRUPT when it is cut short or not in that encoding,
// UNIMPLEMENTED/CONTENT_ENCODING_UNSUPPORTED for any other encoding, and for lists of them.
absl::StatusOr<std::string> Decode(absl::string_view encoding, absl::string_view body,
                                   int64_t max_bytes);

// The body as a gzip stream.
std::string GzipEncode(absl::string_view body);

}  // namespace datong::http
