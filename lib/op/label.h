/* Elements as keys of hash tables. */
#ifndef OP_LABEL_H
#define OP_LABEL_H

#include "op/op.h"

/* An element in a form in which equal ones have equal bytes: all NaNs are one, and so are both zeros. `data` points
 * into the tensor (strings) or to `number`, so that it must not be copied. */
struct label {
    const void *data;
    size_t size;
    uint64_t number;
};

/* Of any dtype but complex. */
void label_of(const struct tensor *t, int64_t i, struct label *label);
bool label_equal(const struct label *a, const struct label *b);
/* `salt` tells apart equal labels of different tables or places. */
uint64_t label_hash(const struct label *label, uint64_t salt);

#endif
