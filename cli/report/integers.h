// SPDX-License-Identifier: Apache-2.0
// The codes of the trained network, as LibTorch computes it, against those of the integer network
// that ships.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "pact/graph/network.h"
#include "pact/runtime/model.h"

namespace pact::cli::report {

class IntegerComparison {
 public:
  /// None if the network cannot be lowered. `network` must outlive it.
  static std::optional<IntegerComparison> of(const graph::Network& network);

  /// Runs `count` images, in `pixels` as planes, through both. Throws Exception.
  void add(std::span<const std::uint8_t> pixels, std::int64_t count);

  /// Fraction of codes that differ, for each quantizer that both networks have.
  std::map<graph::NodeId, double> differing() const;

 private:
  struct Count {
    std::int64_t compared = 0;
    std::int64_t differing = 0;
  };

  IntegerComparison(const graph::Network& network, const Model& model);

  const graph::Network& network_;
  Session session_;
  std::size_t outputs_;
  std::map<std::string, Count, std::less<>> counts_;
};

}  // namespace pact::cli::report
