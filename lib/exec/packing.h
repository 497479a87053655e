/* Constant weights in the kernels' order, made once and shared by all plans of an exec that use them. */
#ifndef EXEC_PACKING_H
#define EXEC_PACKING_H

#include "exec/plan.h"

/* Constant weights in a kernel's order, made by make(), which fills `bytes` bytes (0: the size fits no size_t). Tensors
 * of the same bytes that are packed in the same way share one packing, whichever nodes and plans of the whole exec they
 * belong to: `packing` names the way, params[count] is all that make() depends on but the bytes. They live as long as
 * the plan. */
typedef int pack_fn(void *packed, const void *args, const struct kernels *k, struct error *err);
const void *plan_packed(struct plan *p, const struct tensor *t, const char *packing, const int64_t *params, int count,
                        size_t bytes, pack_fn *make, const void *args, struct error *err);
#define PACK_PARAMS(...) (const int64_t[]){__VA_ARGS__}, (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t))

/* Lets go of all that the plan uses. */
void plan_release_packed(struct plan *p);

#endif
