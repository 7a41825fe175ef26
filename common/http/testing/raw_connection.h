#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace datong::http {

// A bare TCP connection to 127.0.0.1, for tests that send what no proper client would.
class RawConnection {
 public:
  explicit RawConnection(int port);
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void Send(absl::string_view bytes);
  // Reads until `text` has come, the peer closes, or five seconds pass; gives all that was read.
  std::string ReadUntil(absl::string_view text);
  std::string ReadToEnd() { return ReadUntil(absl::string_view("\0\0end", 5)); }

 private:
  int socket_;
};

}  // namespace datong::http
