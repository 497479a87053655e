/* Inside lib/format/weights: files of tensors without a network. Each reader fills an empty graph with constants, in
 * the order of the file, under the names that it gives them. */
#ifndef FORMAT_WEIGHTS_WEIGHTS_H
#define FORMAT_WEIGHTS_WEIGHTS_H

#include "op/build.h"

/* Whether the bytes are of that kind, which is told by their beginning. */
bool weights_is_safetensors(const struct blob *blob);
bool weights_is_gguf(const struct blob *blob);
/* Failures are those of the build. */
void weights_read_safetensors(struct build *b, struct blob *blob);
void weights_read_gguf(struct build *b, struct blob *blob);
void weights_read_npz(struct build *b, struct blob *blob);

#endif
