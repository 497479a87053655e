/* Constant weights in the kernels' order, made once and shared by all plans of an exec that use them. */
#ifndef EXEC_PACKING_H
#define EXEC_PACKING_H

#include "exec/plan.h"

#define PACKING_PARAMS 8

/* Packs units [first, last) of the weights. -1 when memory is short. */
typedef int pack_fn(void *packed, const void *weights, const void *args, int64_t first, int64_t last,
                    const struct kernels *k);

/* A way to pack. The result depends on nothing but the weights, the name and the params. */
struct packing {
    const char *name;
    int64_t params[PACKING_PARAMS];
    size_t bytes;  /* of the result; 0: the size fits no size_t */
    size_t growth; /* of these, what a plainer packing would not need, as packing_has_room() allowed */
    int64_t units; /* that threads can share */
    pack_fn *pack;
    const void *args; /* for pack(); a copy is made */
    size_t args_size;
    bool as_stored; /* weights in their own type; else as f32 */
};

/* Memory for the packed input i of a node, a constant: filled, by all threads together, before the plan is run. Tensors
 * of the same bytes that are packed in the same way share one packing, whichever nodes and plans of the whole exec they
 * belong to. It lives as long as the plan; the tensor itself is let go unless something else needs it. */
BASE_COLD const void *plan_packed(struct plan *p, const struct node *n, int i, const struct packing *how,
                                  struct error *err);

/* Whether so many bytes more than plain packings need may be spent for time: all that is spent stays a small part of
 * the weights. */
bool packing_has_room(const struct plan *p, size_t growth);

/* Bytes of packed weights, with so many more, that are beyond what packings usually take: the limit of the activations
 * is for these too. */
size_t packing_excess(const struct exec *e, size_t more);

/* Fills what is not filled yet: of a plan that is being made, once enough has come together and at the end. */
int packing_fill(struct plan *p, struct error *err);

/* Lets go of all that the plan uses. */
BASE_COLD void packing_release(struct plan *p);

/* Gives the exec's large memory huge pages, which take much longer to get than small ones when they are new, for at
 * most so many seconds. */
BASE_COLD void packing_make_huge(struct exec *e, double seconds);

#endif
