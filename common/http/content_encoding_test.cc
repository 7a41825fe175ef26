#include "common/http/content_encoding.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "common/testing/matchers.h"

namespace datong::http {
namespace {

using absl::StatusCode;

std::string Deflate(const std::string& body, int window) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
  std::string out(body.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

TEST(ContentEncodingTest, NoEncodingGivesTheBodyAsItIs) {
  EXPECT_THAT(Decode("", "abc", 3), IsOkAndHolds("abc"));
  EXPECT_THAT(Decode("Identity", "abc", 3), IsOkAndHolds("abc"));
  EXPECT_THAT(Decode("", "abcd", 3), IsError(StatusCode::kResourceExhausted, "BODY_TOO_LARGE"));
}

TEST(ContentEncodingTest, DecodesGzipEvenWhenStreamsFollowOneAnother) {
  EXPECT_THAT(Decode("gzip", GzipEncode("hello"), 100), IsOkAndHolds("hello"));
  EXPECT_THAT(Decode("X-GZIP", GzipEncode("a") + GzipEncode("b"), 100), IsOkAndHolds("ab"));
  EXPECT_THAT(Decode("gzip", GzipEncode(""), 0), IsOkAndHolds(""));
}

TEST(ContentEncodingTest, DecodesBothFormsOfDeflate) {
  EXPECT_THAT(Decode("deflate", Deflate("hello hello", 15), 100), IsOkAndHolds("hello hello"));
  EXPECT_THAT(Decode("deflate", Deflate("hello hello", -15), 100), IsOkAndHolds("hello hello"));
}

TEST(ContentEncodingTest, StopsABombAtTheLimit) {
  const std::string bomb = GzipEncode(std::string(64 << 20, '\0'));
  EXPECT_LT(bomb.size(), 100'000u);
  EXPECT_THAT(Decode("gzip", bomb, 1 << 20),
              IsError(StatusCode::kResourceExhausted, "BODY_TOO_LARGE"));
}

TEST(ContentEncodingTest, RefusesWhatIsCutShortOrSomethingElse) {
  const std::string whole = GzipEncode("hello hello hello");
  for (const size_t cut : {size_t{0}, size_t{5}, whole.size() - 1}) {
    EXPECT_THAT(Decode("gzip", whole.substr(0, cut), 100),
                IsError(StatusCode::kInvalidArgument, "BODY_CORRUPT"));
  }
  EXPECT_THAT(Decode("gzip", "plain", 100), IsError(StatusCode::kInvalidArgument, "BODY_CORRUPT"));
  EXPECT_THAT(Decode("gzip", whole + "junk", 100),
              IsError(StatusCode::kInvalidArgument, "BODY_CORRUPT"));
  EXPECT_THAT(Decode("deflate", "plain", 100),
              IsError(StatusCode::kInvalidArgument, "BODY_CORRUPT"));
}

TEST(ContentEncodingTest, OtherEncodingsAreUnimplemented) {
  for (const char* name : {"br", "zstd", "snappy", "gzip, gzip"}) {
    EXPECT_THAT(Decode(name, "x", 100),
                IsError(StatusCode::kUnimplemented, "CONTENT_ENCODING_UNSUPPORTED"));
  }
}

}  // namespace
}  // namespace datong::http
