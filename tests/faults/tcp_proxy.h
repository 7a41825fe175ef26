#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace datong::faults {

// What happens to the bytes of one direction.
struct Flow {
  absl::Duration delay = {};
  absl::Duration jitter = {};    // up to this much more, at random
  int64_t bytes_per_second = 0;  // 0: as fast as it goes
  int64_t cut_after_bytes = -1;  // of each connection: then it is closed in an orderly way
  bool is_held = false;          // taken from the sender and kept
};

// The state of a network. The default is a good one.
struct Weather {
  Flow to_server = {};
  Flow to_client = {};
  double reset_chance = 0;         // of each connection, as soon as its server answers
  bool refuses = false;            // connections are reset at once, the standing ones too
  bool black_hole = false;         // nothing is read and nothing is sent, nor is anything closed
  bool half_open = false;          // the server's side is gone, and the client is not told
  absl::Duration slow_close = {};  // how much later than the one side the other hears of its end
};

struct WeatherChange {
  absl::Duration after;  // from the beginning of the script
  Weather weather;
};

enum class Direction { kToServer, kToClient };
// What becomes of the bytes that a Tap saw: sent on; they and all that follow kept; the connection
// reset.
enum class Verdict { kPass, kHold, kReset };
// Sees each piece before it is sent on, on the proxy's thread: must not wait for the proxy.
using Tap = std::function<Verdict(Direction direction, absl::string_view bytes)>;

// Stands between a client and a server, both TCP or Unix, and is the network between them. Chance
// comes from the seed. Thread-safe; runs on a thread of its own.
class TcpProxy {
 public:
  // `server`: "127.0.0.1:5432" or "unix:/path/of/socket".
  static absl::StatusOr<std::unique_ptr<TcpProxy>> Start(std::string server, uint64_t seed = 1);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  // Where clients connect, on 127.0.0.1; the same for the proxy's whole life.
  int port() const;
  std::string address() const;  // "127.0.0.1:12345"

  // For connections made from now on.
  void SetServer(std::string server);
  // For all connections, from now on. Ends a script.
  void SetWeather(const Weather& weather);
  void Play(std::vector<WeatherChange> script);
  // Empty: none.
  void SetTap(Tap tap);
  // Keeps all bytes of both directions, whatever the weather, until Resume.
  void Pause();
  void Resume();
  // Resets every connection there is.
  void ResetAll();
  // Lets go what a Tap or a flow held.
  void Release();

  int64_t connections() const;  // accepted so far
  int64_t resets() const;       // by chance, by a tap or by ResetAll

 private:
  struct State;
  explicit TcpProxy(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace datong::faults
