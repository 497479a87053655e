/* The functions of schema.def's rows. */
#ifndef FORMAT_TORCH_MAKE_H
#define FORMAT_TORCH_MAKE_H

#include "format/torch/torch.h"

#define AT(name, type, args, make) torch_make_fn torch_make_##make;
#include "format/torch/schema.def"
#undef AT

/* The row's type with all arguments: for the rows without a function of their own. */
struct torch_value torch_make_NULL(struct torch_reader *t, struct torch_bound *c);

#endif
