/* SPDX-License-Identifier: Apache-2.0
 * Runs a packed network on an image of one grey, in C. */
#include <pact/runtime/pact.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: classify_c MODEL.pact\n");
    return 2;
  }
  pact_model* model = pact_model_load(argv[1]);
  pact_session* session = model == NULL ? NULL : pact_session_create(model, 1, 1);
  if (session == NULL) {
    fprintf(stderr, "%s\n", pact_error());
    pact_model_free(model);
    return 1;
  }
  int channels, height, width;
  pact_model_image(model, &channels, &height, &width);
  const size_t bytes = (size_t)channels * (size_t)height * (size_t)width;
  const size_t outputs = pact_model_outputs(model);
  uint8_t* image = malloc(bytes);
  float* logits = malloc(outputs * sizeof *logits);
  int status = image == NULL || logits == NULL;
  if (status == 0) {
    memset(image, 128, bytes);
    status = pact_session_run(session, image, 1, PACT_PLANAR, logits);
  }
  if (status == 0) {
    size_t best = 0;
    for (size_t i = 1; i < outputs; ++i) {
      if (logits[i] > logits[best]) best = i;
    }
    const char* name = pact_model_class(model, best);
    if (name != NULL) {
      printf("%s\n", name);
    } else {
      printf("class %zu\n", best);
    }
  }
  free(image);
  free(logits);
  pact_session_free(session);
  pact_model_free(model);
  return status;
}
