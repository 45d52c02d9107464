/* SPDX-License-Identifier: Apache-2.0
 * The runtime for C and for everything that speaks C. Functions that can fail return NULL or a
 * status other than 0, where they are given NULL, too; pact_error() then gives one line about it,
 * for the calling thread. Functions that cannot fail expect what they are given to be there; those
 * that free take NULL. model.h says more. */
#ifndef PACT_RUNTIME_PACT_H
#define PACT_RUNTIME_PACT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pact_model pact_model;
typedef struct pact_session pact_session;

/* Order of the bytes of an image: plane after plane, or pixel after pixel. */
enum { PACT_PLANAR = 0, PACT_INTERLEAVED = 1 };

/* Loads a packed network; NULL on failure. Free with pact_model_free after its sessions. */
pact_model* pact_model_load(const char* path);
void pact_model_free(pact_model* model);

/* Size of the images it reads, and number of floats it gives for each. */
void pact_model_image(const pact_model* model, int* channels, int* height, int* width);
size_t pact_model_outputs(const pact_model* model);

/* Name of output `index`, or NULL. Lives as long as the model. */
const char* pact_model_class(const pact_model* model, size_t index);

/* A session runs a network, for one caller at a time; NULL on failure. */
pact_session* pact_session_create(const pact_model* model, int threads, int batch);
void pact_session_free(pact_session* session);

/* Runs `count` images of channels * height * width bytes each. 0 on success. */
int pact_session_run(pact_session* session, const uint8_t* images, size_t count, int order,
                     float* outputs);

/* The last failure of this thread, or "". */
const char* pact_error(void);

#ifdef __cplusplus
}
#endif

#endif
