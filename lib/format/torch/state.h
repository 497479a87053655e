/* Files that torch.save() wrote: tensors in dicts, and modules, without the source of a network. */
#ifndef FORMAT_TORCH_STATE_H
#define FORMAT_TORCH_STATE_H

#include "op/build.h"

/* A zip archive without sources, or the form of before version 1.6. */
bool torch_is_state(struct blob *blob);
/* All tensors as constants, named by the keys that lead to them. Failures are those of the build. */
void torch_read_state(struct build *b, struct blob *blob);

#endif
