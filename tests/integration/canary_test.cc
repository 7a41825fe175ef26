// Secrets and persons leave no trace where operators look: log, metrics, spans, settings, and,
// secrets, errors and the database at rest. tests/faults/core_file_test.cc: core files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/postgres/private_cluster.h"
#include "common/testing/matchers.h"
#include "tests/integration/marked_suite.h"

namespace datong {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The lines that hold one of them, each with what it tells.
std::vector<std::string> Findings(const std::string& text, const std::vector<Canary>& canaries) {
  std::vector<std::string> found;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    for (const Canary& canary : canaries) {
      const size_t at = line.find(canary.value);
      if (at == absl::string_view::npos) continue;
      found.push_back(absl::StrCat(canary.what, ": ", line.substr(at < 200 ? 0 : at - 200, 400)));
      break;
    }
    if (found.size() == 20) break;
  }
  return found;
}

std::string Output(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  char part[65536];
  for (size_t size; (size = fread(part, 1, sizeof part, pipe)) > 0;) text.append(part, size);
  return pclose(pipe) == 0 ? text : "";
}

TEST(CanaryTest, NothingSecretOrPersonalIsToldWhereItDoesNotBelong) {
  auto suite = MarkedSuite::Start();
  ASSERT_OK(suite);
  ASSERT_OK((*suite)->Play());
  const std::vector<Canary>& secrets = (*suite)->secrets();
  const std::vector<Canary>& personal = (*suite)->personal();
  ASSERT_GE(secrets.size(), 10U);

  const std::string log = (*suite)->Log();
  EXPECT_THAT(log, HasSubstr("\"msg\":"));
  EXPECT_THAT(Findings(log, secrets), IsEmpty());
  EXPECT_THAT(Findings(log, personal), IsEmpty());
  // The last line of defence had nothing to do.
  EXPECT_THAT(Findings(log, {{"redacted openid", "[openid]"}, {"redacted token", "[token]"}}),
              IsEmpty());

  const std::string metrics = (*suite)->Metrics();
  EXPECT_THAT(metrics, HasSubstr("datong_build_info"));
  EXPECT_THAT(Findings(metrics, secrets), IsEmpty());
  EXPECT_THAT(Findings(metrics, personal), IsEmpty());

  const std::string traces = (*suite)->Traces();
  EXPECT_THAT(traces, HasSubstr("datong.broker.v1.LoginService/LoginMiniProgram"));
  EXPECT_THAT(Findings(traces, secrets), IsEmpty());
  EXPECT_THAT(Findings(traces, personal), IsEmpty());

  // Whoever asks may be told of the persons whom he named, never of a secret.
  const std::string& errors = (*suite)->Errors();
  EXPECT_THAT(errors, HasSubstr("LOGIN_CODE_INVALID"));
  EXPECT_THAT(errors, HasSubstr("API_PATH_INVALID"));
  EXPECT_THAT(Findings(errors, secrets), IsEmpty());

  const std::string settings = (*suite)->stack().PrintSettings();
  EXPECT_THAT(settings, HasSubstr("log.level"));
  EXPECT_THAT(Findings(settings, secrets), IsEmpty());
  EXPECT_FALSE(absl::StrContains(settings, (*suite)->stack().dsn().Expose()));

  const std::string dump =
      Output(absl::StrCat(postgres::FindPostgresBinaries(), "/pg_dump --dbname='",
                          (*suite)->stack().dsn().Expose(), "'"));
  EXPECT_THAT(dump, HasSubstr("CREATE TABLE"));
  EXPECT_THAT(Findings(dump, secrets), IsEmpty());
}

}  // namespace
}  // namespace datong
