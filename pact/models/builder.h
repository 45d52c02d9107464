// SPDX-License-Identifier: Apache-2.0
// What builders of networks share: nodes are added one after the other, most to the last one.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pact/graph/network.h"
#include "pact/models/models.h"

namespace pact::models {

class NetworkBuilder {
 public:
  Status start(const Task& task) {
    return then("input", graph::Input{task.channels, task.height, task.width}, {});
  }
  /// A node that reads the last one.
  Status then(const std::string& name, graph::Operation operation) {
    return then(name, std::move(operation), {last_});
  }
  Status then(const std::string& name, graph::Operation operation,
              std::vector<graph::NodeId> inputs) {
    PACT_TRY(last_, network_.add(name, std::move(operation), std::move(inputs)));
    return {};
  }
  /// The same, and which node it became.
  Result<graph::NodeId> add(const std::string& name, graph::Operation operation,
                            std::vector<graph::NodeId> inputs) {
    PACT_CHECK_OK(then(name, std::move(operation), std::move(inputs)));
    return last_;
  }

  graph::NodeId last() const { return last_; }
  std::int64_t channels(graph::NodeId id) const { return network_.node(id).type.channels(); }
  graph::Network finish() { return std::move(network_); }

 private:
  graph::Network network_;
  graph::NodeId last_ = 0;
};

}  // namespace pact::models
