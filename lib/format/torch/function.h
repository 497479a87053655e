/* PyTorch's operators for readers of other formats, as functions of formulas: "$0 &linalg_solve:2" (op/build.h). */
#ifndef FORMAT_TORCH_FUNCTION_H
#define FORMAT_TORCH_FUNCTION_H

#include "op/build.h"

/* Of struct build_terms. What it learns of the language stays in *kept for the next call. */
int torch_formula_call(struct build *b, void **kept, const struct build_call *call, struct value **out, int max);
void torch_formula_end(void *kept); /* may be NULL */

#endif
