// SPDX-License-Identifier: Apache-2.0
// The C++ interface of the runtime: load a packed network once, make a Session for each thread that
// wants to run it, feed it bytes of pixels.
//
//   pact::Model model = pact::Model::load("model.pact").value();
//   pact::Session session = pact::Session::create(model, {.threads = 2}).value();
//   session.run(pixels, pact::PixelOrder::Interleaved, logits);
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pact/base/isa.h"
#include "pact/base/result.h"

namespace pact {

namespace format {
struct Model;
}
namespace runtime {
class Plan;
class Executor;
}  // namespace runtime

/// Size of the images that a network reads.
struct ImageShape {
  int channels = 0;
  int height = 0;
  int width = 0;
  std::size_t bytes() const {
    return std::size_t(channels) * std::size_t(height) * std::size_t(width);
  }
};

/// A packed network in memory. Immutable; copies share it; safe to use from several threads. A file
/// is mapped: it may be removed or replaced by a rename, but not be written to.
class Model {
 public:
  /// Errors: no such file; a file that is damaged, of another kind or of another version; one that
  /// does not fit memory.
  static Result<Model> load(const std::filesystem::path& path);
  static Result<Model> load(std::span<const std::byte> bytes);

  std::string_view name() const;
  ImageShape image() const;
  /// Number of floats that one image gives (classes, for classifiers).
  std::size_t outputs() const;
  /// Names of the outputs, or empty.
  std::vector<std::string> classes() const;
  /// The file's contents, for tools.
  const format::Model& file() const { return *file_; }

 private:
  friend class Session;
  explicit Model(std::shared_ptr<const format::Model> file) : file_(std::move(file)) {}
  std::shared_ptr<const format::Model> file_;
};

/// How the pixels of an image follow each other: plane after plane (all red, then all green, ..),
/// or pixel after pixel (red, green, blue, red, ..). Rows from the top, bytes 0 to 255.
enum class PixelOrder { Planar, Interleaved };

struct SessionOptions {
  int threads = 1;         // 1 to 256, the caller's included
  int batch = 1;           // images that run together; more use more memory; 1 to 4096
  std::optional<Isa> isa;  // force a level; default: PACT_ISA, else the machine's fastest
  bool timed = false;      // measure every step
};

/// What one step of a session does and how long it took.
struct StepTime {
  std::string_view name;    // of the layer that it makes
  std::string_view kernel;  // that does most of the work, or nothing
  std::int64_t macs = 0;    // of one image
  std::size_t weight_bytes = 0;
  std::size_t read_bytes = 0;   // of values, for one image
  std::size_t value_bytes = 0;  // written for one image
  double seconds = 0;           // of all runs so far, if the session is timed
};

/// Integers of one layer of one image, as the network defines them (levels or accumulators), in the
/// order [channel][row][column].
struct LayerView {
  std::string_view name;
  std::size_t image = 0;  // in the call of run
  std::span<const std::int32_t> levels;
};

/// Runs a network. One caller at a time; uses its own threads, which a process that forks does not
/// pass on: the child makes sessions of its own. All memory is taken at creation.
class Session {
 public:
  /// Errors: options outside their range, an instruction set that the machine lacks, a network that
  /// does not fit memory.
  static Result<Session> create(const Model& model, const SessionOptions& options = {});
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// Runs any number of images: `images` holds n * image().bytes() bytes, `outputs` n * outputs()
  /// floats. Allocates nothing. Error: sizes that do not fit each other.
  Status run(std::span<const std::uint8_t> images, PixelOrder order, std::span<float> outputs);

  /// Calls `observer` with every layer that holds integers, but for accumulators that are
  /// requantized where they are made, while running. For tests and tools: it allocates and is slow.
  /// An empty function turns it off.
  void observe(std::function<void(const LayerView&)> observer);

  Isa isa() const;
  /// The steps in the order in which they run.
  std::vector<StepTime> steps() const;
  /// Bytes of memory for values, weights and scratch.
  std::size_t memory() const;

 private:
  explicit Session(std::unique_ptr<runtime::Executor> executor);
  std::unique_ptr<runtime::Executor> executor_;
};

}  // namespace pact
