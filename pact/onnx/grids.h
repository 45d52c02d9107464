// SPDX-License-Identifier: Apache-2.0
// The two ways in which ONNX files say that a value lies on a grid. Internal to onnx/.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pact/onnx/builder.h"
#include "pact/onnx/export.h"

namespace pact::onnx {

/// Levels of the weights of a layer, and what one is worth for each output.
struct LayerWeights {
  numeric::Grid grid;
  graph::Shape shape;
  std::vector<std::int32_t> levels;
  std::vector<double> scales;
};

/// The types that a value may have: that of its bits, or whole bytes alone.
enum class Types { All, Bytes };

class Dialect {
 public:
  virtual ~Dialect() = default;
  virtual std::int64_t opset() const = 0;

  /// Adds what rounds the float value `input` to the grid; the result, in floats, is called `name`.
  virtual Status quantize(ModelBuilder& builder, const std::string& name, const std::string& input,
                          const numeric::Grid& grid, float scale, Types types) const = 0;

  /// Adds the weights as a float value, and returns its name.
  virtual std::string weights(ModelBuilder& builder, const std::string& name,
                              LayerWeights weights) const = 0;
};

/// The dialect that the options name, in an operator set that has the types the network needs.
Result<std::unique_ptr<Dialect>> make_dialect(const graph::Network& lowered,
                                              const ExportOptions& options);

}  // namespace pact::onnx
