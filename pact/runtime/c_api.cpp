// SPDX-License-Identifier: Apache-2.0
#include <new>

#include "pact/runtime/model.h"
#include "pact/runtime/pact.h"

struct pact_model {
  pact::Model model;
  std::vector<std::string> classes;
};

struct pact_session {
  pact::Session session;
  std::size_t image_bytes;
  std::size_t outputs;
};

namespace {

thread_local std::string last_error;

// Runs `body`, which gives a Result of a pointer; no exception leaves C.
template <typename Body>
auto* guarded(const Body& body) noexcept {
  using Pointer = std::decay_t<decltype(*body())>;
  try {
    last_error.clear();
    auto result = body();
    if (result) return *result;
    last_error = result.error().message;
  } catch (const std::exception&) {
    last_error.assign("out of memory");  // short enough to need no allocation
  }
  return Pointer{};
}

}  // namespace

extern "C" {

pact_model* pact_model_load(const char* path) {
  return guarded([&]() -> pact::Result<pact_model*> {
    if (path == nullptr) {
      return pact::make_error(pact::ErrorCode::InvalidArgument, "path: expected text, found NULL");
    }
    PACT_TRY(pact::Model model, pact::Model::load(std::filesystem::path(path)));
    auto classes = model.classes();
    return new pact_model{std::move(model), std::move(classes)};
  });
}

void pact_model_free(pact_model* model) { delete model; }

void pact_model_image(const pact_model* model, int* channels, int* height, int* width) {
  const pact::ImageShape shape = model->model.image();
  *channels = shape.channels;
  *height = shape.height;
  *width = shape.width;
}

size_t pact_model_outputs(const pact_model* model) { return model->model.outputs(); }

const char* pact_model_class(const pact_model* model, size_t index) {
  return index < model->classes.size() ? model->classes[index].c_str() : nullptr;
}

pact_session* pact_session_create(const pact_model* model, int threads, int batch) {
  return guarded([&]() -> pact::Result<pact_session*> {
    PACT_TRY(pact::Session session,
             pact::Session::create(model->model, {.threads = threads, .batch = batch}));
    return new pact_session{std::move(session), model->model.image().bytes(),
                            model->model.outputs()};
  });
}

void pact_session_free(pact_session* session) { delete session; }

int pact_session_run(pact_session* session, const uint8_t* images, size_t count, int order,
                     float* outputs) {
  if (order != PACT_PLANAR && order != PACT_INTERLEAVED) {
    last_error = "order: expected PACT_PLANAR or PACT_INTERLEAVED, found " + std::to_string(order);
    return 1;
  }
  const auto pixel_order =
      order == PACT_INTERLEAVED ? pact::PixelOrder::Interleaved : pact::PixelOrder::Planar;
  const pact::Status status = session->session.run(
      {images, count * session->image_bytes}, pixel_order, {outputs, count * session->outputs});
  if (status) return 0;
  last_error = status.error().message;
  return 1;
}

const char* pact_error(void) { return last_error.c_str(); }

}  // extern "C"
