// SPDX-License-Identifier: Apache-2.0
#include "pact/runtime/model.h"

#include <new>

#include "pact/base/cpu.h"
#include "pact/format/model.h"
#include "pact/runtime/plan.h"

namespace pact {
namespace {

constexpr int kMaxBatch = 4096;

template <typename Source>
Result<std::shared_ptr<const format::Model>> read_into_memory(const Source& source) {
  try {
    PACT_TRY(format::Model file, format::read(source));
    return std::make_shared<const format::Model>(std::move(file));
  } catch (const std::bad_alloc&) {
    return make_error(ErrorCode::Unsupported, "the network does not fit into memory");
  }
}

}  // namespace

Result<Model> Model::load(const std::filesystem::path& path) {
  PACT_TRY(auto file, read_into_memory(path));
  return Model(std::move(file));
}

Result<Model> Model::load(std::span<const std::byte> bytes) {
  PACT_TRY(auto file, read_into_memory(bytes));
  return Model(std::move(file));
}

std::string_view Model::name() const { return file_->name; }

ImageShape Model::image() const {
  const format::Value& value = file_->input_value();
  return {value.channels, value.height, value.width};
}

std::size_t Model::outputs() const {
  return static_cast<std::size_t>(file_->output_value().elements());
}

std::vector<std::string> Model::classes() const {
  return {file_->classes.begin(), file_->classes.end()};
}

Session::Session(std::unique_ptr<runtime::Executor> executor) : executor_(std::move(executor)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

namespace {

Result<Isa> isa_of(const SessionOptions& options) {
  if (!options.isa) return selected_isa();
  if (can_run(*options.isa)) return *options.isa;
  return make_error(ErrorCode::Unsupported, "this machine cannot run '", name(*options.isa), "'");
}

}  // namespace

Result<Session> Session::create(const Model& model, const SessionOptions& options) {
  if (options.threads < 1 || options.threads > ThreadPool::kMaxThreads) {
    return make_error(ErrorCode::InvalidArgument, "threads: expected 1 to ",
                      ThreadPool::kMaxThreads, ", found ", options.threads);
  }
  if (options.batch < 1 || options.batch > kMaxBatch) {
    return make_error(ErrorCode::InvalidArgument, "batch: expected 1 to ", kMaxBatch, ", found ",
                      options.batch);
  }
  PACT_TRY(const Isa isa, isa_of(options));
  try {
    return Session(std::make_unique<runtime::Executor>(model.file_, isa, options));
  } catch (const std::bad_alloc&) {
    return make_error(ErrorCode::Unsupported, "network '", model.name(),
                      "' does not fit into memory with a batch of ", options.batch);
  }
}

Status Session::run(std::span<const std::uint8_t> images, PixelOrder order,
                    std::span<float> outputs) {
  const auto image_bytes = static_cast<std::size_t>(executor_->model().input_value().elements());
  const auto output_count = static_cast<std::size_t>(executor_->model().output_value().elements());
  const std::size_t count = images.size() / image_bytes;
  if (images.size() % image_bytes != 0 || outputs.size() != count * output_count) {
    return make_error(ErrorCode::InvalidArgument, "run: expected images of ", image_bytes,
                      " bytes and ", output_count, " outputs each, found ", images.size(),
                      " bytes and ", outputs.size(), " outputs");
  }
  executor_->run(images, order, outputs);
  return {};
}

void Session::observe(std::function<void(const LayerView&)> observer) {
  executor_->observe(std::move(observer));
}

Isa Session::isa() const { return executor_->isa(); }
std::vector<StepTime> Session::steps() const { return executor_->steps(); }
std::size_t Session::memory() const { return executor_->memory(); }

}  // namespace pact
