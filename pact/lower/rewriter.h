// SPDX-License-Identifier: Apache-2.0
// What passes share: walking a network, and building the new one node by node.
#pragma once

#include <string>
#include <vector>

#include "pact/graph/network.h"

namespace pact::lower {

/// Builds the network that replaces `source`.
class Rewriter {
 public:
  explicit Rewriter(const graph::Network& source);

  const graph::Network& source() const { return source_; }
  graph::Network& result() { return result_; }
  const graph::Network& result() const { return result_; }

  graph::NodeId size() const { return static_cast<graph::NodeId>(source_.nodes().size()); }

  /// The node of the result that stands for node `id` of the source.
  graph::NodeId mapped(graph::NodeId id) const { return mapped_[static_cast<std::size_t>(id)]; }
  void map(graph::NodeId id, graph::NodeId replacement) {
    mapped_[static_cast<std::size_t>(id)] = replacement;
  }
  std::vector<graph::NodeId> mapped_inputs(graph::NodeId id) const;

  /// Copies node `id` with its parameters, reading the replacements of its inputs.
  Status copy(graph::NodeId id);

  /// Adds a node to the result; parameters follow with set_parameter.
  Result<graph::NodeId> add(const std::string& name, graph::Operation operation,
                            std::vector<graph::NodeId> inputs) {
    return result_.add(name, std::move(operation), std::move(inputs));
  }

  /// The finished network, its output mapped, or the Error that verify() finds in it.
  Result<graph::Network> finish();

 private:
  const graph::Network& source_;
  graph::Network result_;
  std::vector<graph::NodeId> mapped_;
};

}  // namespace pact::lower
