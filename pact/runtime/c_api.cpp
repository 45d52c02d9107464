// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
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

// What `body` gives, a Result, or `failed`; no exception leaves C.
template <typename T, typename Body>
T guarded(T failed, const Body& body) noexcept {
  try {
    last_error.clear();
    pact::Result<T> result = body();
    if (result) return *result;
    last_error = result.error().message;
  } catch (const std::bad_alloc&) {
    last_error.assign("out of memory");  // short enough to need no allocation
  } catch (const std::exception&) {
    last_error.assign("internal error");
  }
  return failed;
}

pact::Status expect_given(const void* pointer, const char* name) {
  if (pointer != nullptr) return {};
  return pact::make_error(pact::ErrorCode::InvalidArgument, name,
                          ": expected a pointer, found NULL");
}

pact::Result<pact::PixelOrder> order_of(int order) {
  if (order == PACT_PLANAR) return pact::PixelOrder::Planar;
  if (order == PACT_INTERLEAVED) return pact::PixelOrder::Interleaved;
  return pact::make_error(pact::ErrorCode::InvalidArgument,
                          "order: expected PACT_PLANAR or PACT_INTERLEAVED, found ", order);
}

pact::Status run(pact_session* session, const std::uint8_t* images, std::size_t count, int order,
                 float* outputs) {
  PACT_CHECK_OK(expect_given(session, "session"));
  PACT_TRY(const pact::PixelOrder pixel_order, order_of(order));
  if (count == 0) return {};
  PACT_CHECK_OK(expect_given(images, "images"));
  PACT_CHECK_OK(expect_given(outputs, "outputs"));
  const std::size_t most =
      PTRDIFF_MAX / std::max(session->image_bytes, session->outputs * sizeof(float));
  if (count > most) {
    return pact::make_error(pact::ErrorCode::InvalidArgument, "count: expected at most ", most,
                            ", found ", count);
  }
  return session->session.run({images, count * session->image_bytes}, pixel_order,
                              {outputs, count * session->outputs});
}

}  // namespace

extern "C" {

pact_model* pact_model_load(const char* path) {
  return guarded<pact_model*>(nullptr, [&]() -> pact::Result<pact_model*> {
    PACT_CHECK_OK(expect_given(path, "path"));
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
  return guarded<pact_session*>(nullptr, [&]() -> pact::Result<pact_session*> {
    PACT_CHECK_OK(expect_given(model, "model"));
    PACT_TRY(pact::Session session,
             pact::Session::create(model->model, {.threads = threads, .batch = batch}));
    return new pact_session{std::move(session), model->model.image().bytes(),
                            model->model.outputs()};
  });
}

void pact_session_free(pact_session* session) { delete session; }

int pact_session_run(pact_session* session, const uint8_t* images, size_t count, int order,
                     float* outputs) {
  return guarded<int>(1, [&]() -> pact::Result<int> {
    PACT_CHECK_OK(run(session, images, count, order, outputs));
    return 0;
  });
}

const char* pact_error(void) { return last_error.c_str(); }

}  // extern "C"
