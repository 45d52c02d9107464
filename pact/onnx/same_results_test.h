// SPDX-License-Identifier: Apache-2.0
// For tests of quantized files: what networks compute of images, and whether an export keeps it.
#pragma once

#include <gtest/gtest.h>

#include <random>

#include "pact/graph/evaluator.h"
#include "pact/lower/lower.h"
#include "pact/onnx/export.h"
#include "pact/onnx/import.h"

namespace pact::onnx {

inline std::vector<std::int32_t> random_pixels(const graph::Network& network,
                                               std::mt19937& random) {
  const auto& shape = network.node(0).type.shape;
  std::vector<std::int32_t> pixels(static_cast<std::size_t>(graph::element_count(shape)));
  for (auto& pixel : pixels) pixel = static_cast<std::int32_t>(random() % 256);
  return pixels;
}

inline std::vector<float> outputs(const graph::Network& network, const graph::Value& image) {
  return std::get<std::vector<float>>(value_or_throw(graph::evaluate(network, image)));
}

/// What export_quantized writes comes back as the same integers.
inline void expect_same_after_export(const graph::Network& lowered) {
  for (const auto format : {ExportFormat::Qdq, ExportFormat::Qonnx}) {
    SCOPED_TRACE(format == ExportFormat::Qdq ? "QDQ" : "QONNX");
    const std::string bytes = value_or_throw(export_quantized(lowered, {.format = format}));
    const auto imported = import_network(std::as_bytes(std::span(bytes)), {});
    ASSERT_TRUE(imported) << imported.error().message;
    const graph::Network again = value_or_throw(lower::lower(*imported));
    std::mt19937 random(3);
    for (int image = 0; image < 20; ++image) {
      const auto pixels = random_pixels(lowered, random);
      EXPECT_EQ(outputs(again, graph::Value(pixels)), outputs(lowered, graph::Value(pixels)))
          << "image " << image;
    }
  }
}

}  // namespace pact::onnx
