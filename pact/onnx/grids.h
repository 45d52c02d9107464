// SPDX-License-Identifier: Apache-2.0
// The two ways in which ONNX files say that a value lies on a grid. Internal to onnx/.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pact/onnx/builder.h"
#include "pact/onnx/export.h"

namespace pact::onnx {

/// Levels of the weights of a layer, and what one is worth for each output: above 0.
struct LayerWeights {
  numeric::Grid grid;
  graph::Shape shape;
  std::vector<std::int32_t> levels;
  std::vector<double> scales;
};

/// Makes all scales positive, and returns what each output is to be multiplied with behind the
/// layer for it: 0 where the scale was 0; -1 where the levels could not take the sign of the scale,
/// as one of them has no opposite on the grid; else 1.
std::vector<double> make_scales_positive(LayerWeights& weights);

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
                              const LayerWeights& weights) const = 0;
};

/// The dialect that the options name, in an operator set that has the types the network needs.
Result<std::unique_ptr<Dialect>> make_dialect(const graph::Network& lowered,
                                              const ExportOptions& options);

}  // namespace pact::onnx
