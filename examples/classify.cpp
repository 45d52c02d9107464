// SPDX-License-Identifier: Apache-2.0
// Runs a packed network on an image of one grey: the whole C++ interface in one page.
#include <pact/runtime/model.h>

#include <algorithm>
#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: classify_cpp MODEL.pact\n");
    return 2;
  }
  auto model = pact::Model::load(argv[1]);
  if (!model) {
    std::fprintf(stderr, "%s\n", model.error().message.c_str());
    return 1;
  }
  auto session = pact::Session::create(*model, {.threads = 2});
  if (!session) {
    std::fprintf(stderr, "%s\n", session.error().message.c_str());
    return 1;
  }
  const std::vector<std::uint8_t> image(model->image().bytes(), 128);
  std::vector<float> logits(model->outputs());
  if (auto status = session->run(image, pact::PixelOrder::Interleaved, logits); !status) {
    std::fprintf(stderr, "%s\n", status.error().message.c_str());
    return 1;
  }
  const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
  const auto classes = model->classes();
  if (classes.empty()) {
    std::printf("class %td\n", best);
  } else {
    std::printf("%s\n", classes[static_cast<std::size_t>(best)].c_str());
  }
  return 0;
}
