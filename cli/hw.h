// SPDX-License-Identifier: Apache-2.0
// The parts of `pact hw`: where the network comes from, and how costs are shown.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/speed_network.h"
#include "pact/graph/network.h"
#include "pact/hardware/cost.h"

namespace pact::cli {

/// A network at some bits and bandwidth.
struct HwRun {
  std::string bits;  // "4", "4/8", or "own"
  double bytes_per_second = 0;
  hardware::Cost cost;
  std::optional<double> published;  // images a second
};

struct HwReport {
  hardware::Workload workload;
  hardware::Machine machine;
  int outer_bits = 0;       // least of the first and the last layer; 0: the network's own
  std::vector<HwRun> runs;  // those of one bandwidth side by side

  /// The run at the same bandwidth with the widest bits, which speed-ups are over.
  const HwRun& reference(const HwRun& run) const;
};

/// 64e9 -> "64", infinity -> "inf".
std::string gigabytes_text(double bytes_per_second);

/// Tables; of each layer too if there is one run.
std::string hw_text(const HwReport& report);
/// One JSON object with everything, and a line break. Infinite bandwidth is null.
std::string hw_json(const HwReport& report);
/// A picture: speed-up against bits beside the linear line, and the factors at the fewest bits.
/// Throws Exception if there is nothing to compare.
std::string hw_picture(const HwReport& report);

/// Predicted and measured time of each layer, from the JSON of one `pact bench` or more (the
/// fastest time of each layer counts). `report` has one run, whose workload is of the lowered
/// network; `network` says which one that is, if it has its name and bits from there. Throws
/// Exception for a measurement of another network, for several of different instruction sets or
/// numbers of threads, and for a damaged file.
std::string hw_against_bench(const HwReport& report, const std::optional<SpeedNetwork>& network,
                             const std::vector<std::string>& files);

/// An ONNX file as a network; a build without ONNX throws Exception.
graph::Network hw_onnx_network(const std::string& file);

}  // namespace pact::cli
