// Compares relays of TCP and UDP by the processor time that they need for the same work.
//
//   relay_bench [-runs N] [-scale PERCENT] [-only WORD] name=command ...
//
// nginx (with its stream module) and haproxy take part by themselves. Everything is on 127.0.0.1.
// The runs of the relays alternate, so that what else the machine does hits all of them alike; the
// median of each is shown.
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>

#include "backends.h"
#include "loads.h"
#include "proxies.h"

namespace httpteleport::bench {
namespace {

struct Arguments {
  int runs = 5;
  uint64_t scale_percent = 100;
  std::string only;  // part of the names of the workloads that are run
  std::vector<ProxySpec> proxies;
};

struct Workload {
  const char* name;
  const char* unit;  // of which the time is shown
  bool udp;
  double per;  // of what a load counts, in one unit
  std::function<LoadResult(const Ports&)> run;
};

std::vector<Workload> workloads(uint64_t percent) {
  const auto n = [percent](uint64_t count) { return std::max<uint64_t>(1, count * percent / 100); };
  constexpr uint64_t kMiB = 1024 * 1024;
  return {
      {"udp, 100 clients, 64 bytes", "round trip", true, 1,
       [=](const Ports& p) {
         return udp_round_trips({.port = p.udp, .clients = 100, .count = n(200'000)}, 1);
       }},
      {"udp, 1 client, 64 bytes", "round trip", true, 1,
       [=](const Ports& p) {
         return udp_round_trips({.port = p.udp, .clients = 1, .count = n(50'000)}, 1);
       }},
      {"udp, 50 clients, bursts of 16, 1200 bytes", "round trip", true, 1,
       [=](const Ports& p) {
         return udp_round_trips({.port = p.udp, .clients = 50, .count = n(300'000), .bytes = 1200},
                                16);
       }},
      {"tcp, connections", "connection", false, 1,
       [=](const Ports& p) {
         return tcp_connections({.port = p.tcp, .clients = 50, .count = n(10'000)});
       }},
      {"tcp, 100 clients, 64 bytes", "round trip", false, 1,
       [=](const Ports& p) {
         return tcp_round_trips({.port = p.tcp, .clients = 100, .count = n(200'000)});
       }},
      {"tcp, 100 clients, 8 KiB", "round trip", false, 1,
       [=](const Ports& p) {
         return tcp_round_trips(
             {.port = p.tcp, .clients = 100, .count = n(100'000), .bytes = 8192});
       }},
      {"tcp, 4 downloads", "MiB", false, kMiB,
       [=](const Ports& p) {
         return tcp_download({.port = p.tcp, .clients = 4, .count = n(512) * kMiB});
       }},
      {"tcp, 200 downloads of 1 MiB", "MiB", false, kMiB,
       [=](const Ports& p) {
         return tcp_download({.port = p.tcp, .clients = n(200), .count = kMiB});
       }},
  };
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void compare(const Workload& workload, int runs, std::vector<std::unique_ptr<Proxy>>& proxies) {
  struct Figures {
    std::vector<double> cpu_us;
    std::vector<double> rate;
  };
  std::vector<Figures> figures(proxies.size());
  for (int run = 0; run < runs; ++run) {
    for (size_t i = 0; i < proxies.size(); ++i) {
      if (workload.udp && !proxies[i]->spec().udp) continue;
      const double before = proxies[i]->cpu_seconds();
      const LoadResult result = workload.run(proxies[i]->ports());
      const double units = static_cast<double>(result.done) / workload.per;
      figures[i].cpu_us.push_back((proxies[i]->cpu_seconds() - before) * 1e6 / units);
      figures[i].rate.push_back(units / result.seconds);
    }
  }
  for (size_t i = 0; i < proxies.size(); ++i) {
    if (figures[i].cpu_us.empty()) continue;
    std::printf("%-44s %-14s %9.2f us/%-11s %11.0f/s\n", workload.name,
                proxies[i]->spec().name.c_str(), median(figures[i].cpu_us), workload.unit,
                median(figures[i].rate));
  }
  std::fflush(stdout);
}

void compare_memory(size_t connections, std::vector<std::unique_ptr<Proxy>>& proxies) {
  for (const auto& proxy : proxies) {
    const uint64_t before = proxy->rss_bytes();
    const IdleConnections idle(proxy->ports().tcp, connections);
    const double each =
        static_cast<double>(proxy->rss_bytes() - before) / static_cast<double>(connections);
    std::printf("%-44s %-14s %9.0f bytes each\n", "tcp, idle connections",
                proxy->spec().name.c_str(), each);
  }
}

bool parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "-runs" && has_value) {
      arguments.runs = std::max(1, std::atoi(argv[++i]));
    } else if (word == "-scale" && has_value) {
      arguments.scale_percent = static_cast<uint64_t>(std::max(1, std::atoi(argv[++i])));
    } else if (word == "-only" && has_value) {
      arguments.only = argv[++i];
    } else if (const auto spec = parse_proxy(word)) {
      arguments.proxies.push_back(*spec);
    } else {
      return false;
    }
  }
  return true;
}

int run(const Arguments& arguments) {
  const Backends backends;
  std::vector<std::unique_ptr<Proxy>> proxies;
  for (const ProxySpec& spec : arguments.proxies)
    proxies.push_back(std::make_unique<Proxy>(spec, backends.tcp_port(), backends.udp_port()));
  const std::string memory = "memory";
  if (memory.find(arguments.only) != std::string::npos)
    compare_memory(std::max<uint64_t>(1, 2000 * arguments.scale_percent / 100), proxies);
  for (const Workload& workload : workloads(arguments.scale_percent)) {
    if (std::string_view(workload.name).find(arguments.only) != std::string_view::npos)
      compare(workload, arguments.runs, proxies);
  }
  return 0;
}

}  // namespace
}  // namespace httpteleport::bench

int main(int argc, char** argv) {
  namespace bench = httpteleport::bench;
  bench::Arguments arguments;
  if (!bench::parse(argc, argv, arguments)) {
    std::fprintf(stderr,
                 "usage: relay_bench [-runs N] [-scale PERCENT] [-only WORD] name=command ...\n");
    return 2;
  }
  arguments.proxies.push_back(bench::nginx());
  arguments.proxies.push_back(bench::haproxy());
  arguments.proxies.push_back(bench::haproxy_splice());
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  return bench::run(arguments);
}
