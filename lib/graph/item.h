/* A run-time value: a tensor, a sequence or an optional. */
#ifndef GRAPH_ITEM_H
#define GRAPH_ITEM_H

#include "graph/tensor.h"

enum item_kind { ITEM_TENSOR, ITEM_SEQUENCE, ITEM_OPTIONAL };

struct item {
    int refs;
    enum item_kind kind;
    enum dtype dtype;      /* of the tensor, or of the tensors within (DTYPE_NONE when unknown) */
    struct tensor *tensor; /* ITEM_TENSOR */
    struct item **at;      /* ITEM_SEQUENCE: n elements; ITEM_OPTIONAL: n = 0 (none) or 1 */
    size_t n;
};

/* Takes over the caller's reference, also when it fails. NULL gives NULL, so that it can be nested. */
struct item *item_of_tensor(struct tensor *t, struct error *err);

/* Takes its own references to at[0..n). */
struct item *item_sequence(enum dtype dtype, struct item *const *at, size_t n, struct error *err);
/* Takes its own reference to `some`, which may be NULL. */
struct item *item_optional(struct item *some, enum dtype dtype, struct error *err);

/* Bytes that it takes, the structs included, so that many empty tensors are not for nothing; what several items share
 * counts for each. 0 for NULL. */
size_t item_bytes(const struct item *item);

struct item *item_ref(struct item *item); /* NULL gives NULL */
void item_unref(struct item *item); /* NULL is allowed */

#endif
