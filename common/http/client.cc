#include "common/http/client.h"

#include <curl/curl.h>

#include <algorithm>
#include <deque>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/base/mutex.h"
#include "common/http/client_address.h"
#include "common/status/error.h"
#include "common/status/macros.h"
#include "common/trace/trace.h"

namespace datong::http {
namespace {

constexpr char kErrorDomain[] = "http.datong";

// Scheme, host and path: never the user, the query or the fragment, which may hold secrets.
std::string PrintableUrl(absl::string_view url) {
  url = url.substr(0, url.find_first_of("?#"));
  const size_t scheme = url.find("://");
  if (scheme == absl::string_view::npos) return "(no URL)";
  const size_t start = scheme + 3;
  const size_t path = std::min(url.find('/', start), url.size());
  const size_t at = url.substr(0, path).rfind('@');
  const size_t host = at == absl::string_view::npos || at < start ? start : at + 1;
  return absl::StrCat(url.substr(0, start), url.substr(host));
}

absl::Status Failure(absl::StatusCode code, absl::string_view reason, absl::string_view sentence,
                     absl::string_view url) {
  const std::string printable = PrintableUrl(url);
  return MakeError(code, absl::StrCat(sentence, " (", printable, ")"),
                   {kErrorDomain, std::string(reason), {{"url", printable}}});
}

bool HasLineBreak(absl::string_view text) {
  return text.find_first_of(absl::string_view("\r\n\0", 3)) != absl::string_view::npos;
}

absl::Status CheckRequest(const ClientRequest& request, bool allow_http) {
  const bool is_https = absl::StartsWithIgnoreCase(request.url, "https://");
  const bool is_http = absl::StartsWithIgnoreCase(request.url, "http://");
  if (!is_https && !(is_http && allow_http)) {
    return Failure(absl::StatusCode::kInvalidArgument, "HTTP_URL_REFUSED",
                   "Only https URLs may be called.", request.url);
  }
  bool is_clean = !request.method.empty() && !HasLineBreak(request.method);
  for (const auto& [name, value] : request.headers.items()) {
    is_clean = is_clean && !name.empty() && !HasLineBreak(name) && !HasLineBreak(value);
  }
  if (!is_clean) {
    return Failure(absl::StatusCode::kInvalidArgument, "HTTP_REQUEST_INVALID",
                   "A method or header of the request is empty or holds a line break.",
                   request.url);
  }
  return absl::OkStatus();
}

// One request under way. Made by Send, handed to the thread, handed back by `done`.
struct Transfer {
  const ClientRequest* request = nullptr;
  const ClientOptions* options = nullptr;
  Deadline deadline = Deadline::After(absl::ZeroDuration());
  curl_slist* header_lines = nullptr;
  ClientResponse response;
  bool is_too_large = false;
  bool is_address_refused = false;
  absl::Status result;
  absl::Notification done;
};

size_t OnBody(char* data, size_t size, size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const size_t bytes = size * count;
  if (static_cast<int64_t>(transfer.response.body.size() + bytes) >
      transfer.options->max_response_bytes) {
    transfer.is_too_large = true;
    return 0;
  }
  transfer.response.body.append(data, bytes);
  return bytes;
}

size_t OnHeader(char* data, size_t size, size_t count, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const absl::string_view line(data, size * count);
  if (absl::StartsWith(line, "HTTP/")) {
    transfer.response.headers = Headers();  // a new answer: after 100 Continue or a redirect
  } else if (const size_t colon = line.find(':'); colon != absl::string_view::npos) {
    transfer.response.headers.Add(std::string(line.substr(0, colon)),
                                  std::string(absl::StripAsciiWhitespace(line.substr(colon + 1))));
  }
  return size * count;
}

curl_socket_t OnOpenSocket(void* context, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (!transfer.options->allow_private && IsPrivateAddress(address->addr)) {
    transfer.is_address_refused = true;
    return CURL_SOCKET_BAD;
  }
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void Configure(CURL* easy, Transfer& transfer) {
  const ClientRequest& request = *transfer.request;
  const ClientOptions& options = *transfer.options;
  const auto millis = [](absl::Duration duration) {
    return static_cast<long>(std::max<int64_t>(1, absl::ToInt64Milliseconds(duration)));
  };
  const auto set_long = [easy](CURLoption option, long value) {
    curl_easy_setopt(easy, option, value);
  };
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, options.allow_private ? "http,https" : "https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
                   options.allow_private ? "http,https" : "https");
  set_long(CURLOPT_FOLLOWLOCATION, options.follow_redirects ? 1 : 0);
  set_long(CURLOPT_MAXREDIRS, 5);
  set_long(CURLOPT_NOSIGNAL, 1);
  set_long(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  set_long(CURLOPT_SSL_VERIFYPEER, 1);
  set_long(CURLOPT_SSL_VERIFYHOST, 2);
  set_long(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  // The environment names no proxy for us: hosts come from the settings alone.
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  set_long(CURLOPT_CONNECTTIMEOUT_MS, millis(options.connect_timeout));
  set_long(CURLOPT_TIMEOUT_MS,
           millis(std::min(options.total_timeout, transfer.deadline.Remaining())));
  curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
                   static_cast<curl_off_t>(options.max_response_bytes));
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "datong");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &OnHeader);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &OnOpenSocket);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  if (request.method == "HEAD") {
    set_long(CURLOPT_NOBODY, 1);
  } else if (request.method != "GET" || !request.body.empty()) {
    set_long(CURLOPT_POST, 1);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    if (request.method != "POST") {
      curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    if (!request.headers.Has("Content-Type")) {
      transfer.header_lines = curl_slist_append(transfer.header_lines, "Content-Type:");
    }
  }
  transfer.header_lines = curl_slist_append(transfer.header_lines, "Expect:");
  for (const auto& [name, value] : request.headers.items()) {
    const std::string line =
        value.empty() ? absl::StrCat(name, ";") : absl::StrCat(name, ": ", value);
    transfer.header_lines = curl_slist_append(transfer.header_lines, line.c_str());
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer.header_lines);
}

absl::Status ToStatus(CURL* easy, CURLcode code, const Transfer& transfer) {
  const std::string& url = transfer.request->url;
  if (code == CURLE_OK) return absl::OkStatus();
  if (transfer.is_too_large || code == CURLE_FILESIZE_EXCEEDED) {
    return Failure(
        absl::StatusCode::kResourceExhausted, "HTTP_RESPONSE_TOO_LARGE",
        absl::StrCat("The answer is larger than ", transfer.options->max_response_bytes, " bytes."),
        url);
  }
  if (transfer.is_address_refused) {
    return Failure(absl::StatusCode::kInvalidArgument, "HTTP_URL_REFUSED",
                   "The host's address is private, which is not allowed here.", url);
  }
  if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT) {
    return Failure(absl::StatusCode::kInvalidArgument, "HTTP_URL_REFUSED",
                   "This URL cannot be called.", url);
  }
  if (code == CURLE_OPERATION_TIMEDOUT) {
    curl_off_t connected = 0;
    curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (connected > 0 || transfer.deadline.Passed()) {
      return Failure(absl::StatusCode::kDeadlineExceeded, "HTTP_TIMEOUT",
                     "The host did not answer in time.", url);
    }
  }
  return Failure(absl::StatusCode::kUnavailable, "HTTP_UNREACHABLE",
                 absl::StrCat("The host gave no whole answer: ", curl_easy_strerror(code), "."),
                 url);
}

void InitCurlOnce() {
  static const CURLcode kDone = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(kDone);
}

}  // namespace

struct Client::State {
  explicit State(ClientOptions options_in) : options(options_in), multi(curl_multi_init()) {
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      static_cast<long>(options.max_connections_per_host));
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 256L);
    thread = std::thread([this] { Run(); });
  }

  ~State() {
    {
      MutexLock lock(&mutex);
      stopping = true;
    }
    curl_multi_wakeup(multi);
    thread.join();
    for (CURL* easy : spare) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }

  void Run() {
    while (true) {
      std::deque<Transfer*> fresh;
      {
        MutexLock lock(&mutex);
        if (stopping) break;
        fresh.swap(waiting);
      }
      for (Transfer* transfer : fresh) Begin(*transfer);
      int running = 0;
      curl_multi_perform(multi, &running);
      int left = 0;
      bool any_done = false;
      while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        End(message->easy_handle, message->data.result);
        any_done = true;
      }
      if (!any_done) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
    }
    const std::unordered_set<CURL*> left = active;
    for (CURL* easy : left) End(easy, CURLE_ABORTED_BY_CALLBACK);
  }

  void Begin(Transfer& transfer) {
    CURL* easy = nullptr;
    if (spare.empty()) {
      easy = curl_easy_init();
    } else {
      easy = spare.back();
      spare.pop_back();
    }
    Configure(easy, transfer);
    active.insert(easy);
    curl_multi_add_handle(multi, easy);
  }

  void End(CURL* easy, CURLcode code) {
    Transfer* transfer = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    transfer->response.status = static_cast<int>(status);
    transfer->result = ToStatus(easy, code, *transfer);
    curl_multi_remove_handle(multi, easy);
    active.erase(easy);
    curl_easy_reset(easy);
    spare.push_back(easy);
    curl_slist_free_all(transfer->header_lines);
    transfer->done.Notify();
  }

  const ClientOptions options;
  CURLM* const multi;
  Mutex mutex;
  std::deque<Transfer*> waiting ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  // The thread's own.
  std::unordered_set<CURL*> active;
  std::vector<CURL*> spare;
  std::thread thread;
};

Client::Client(ClientOptions options) {
  InitCurlOnce();
  state_ = std::make_unique<State>(options);
}

Client::~Client() = default;

absl::StatusOr<ClientResponse> Client::Send(const ClientRequest& request, Deadline deadline) {
  DATONG_RETURN_IF_ERROR(CheckRequest(request, state_->options.allow_private));
  if (deadline.Passed()) {
    return Failure(absl::StatusCode::kDeadlineExceeded, "HTTP_TIMEOUT",
                   "No time was left for the call.", request.url);
  }
  trace::Span span(trace::Kind::kClient, absl::StrCat("HTTP ", request.method));
  if (span.recording()) span.Set("url.full", PrintableUrl(request.url));
  Transfer transfer;
  transfer.request = &request;
  transfer.options = &state_->options;
  transfer.deadline = deadline;
  {
    MutexLock lock(&state_->mutex);
    state_->waiting.push_back(&transfer);
  }
  curl_multi_wakeup(state_->multi);
  transfer.done.WaitForNotification();
  if (!transfer.result.ok()) span.Fail(GetReason(transfer.result));
  DATONG_RETURN_IF_ERROR(transfer.result);
  return std::move(transfer.response);
}

}  // namespace datong::http
