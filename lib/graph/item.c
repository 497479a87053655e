#include "graph/item.h"

#include <stdlib.h>

#include "graph/graph.h"

static struct item *item_new(enum item_kind kind, enum dtype dtype, size_t n, struct error *err)
{
    struct item *item = mem_calloc(1, sizeof *item, err);

    if (!item)
        return NULL;
    item->refs = 1;
    item->kind = kind;
    item->dtype = dtype;
    if (n) {
        item->at = mem_calloc(n, sizeof(struct item *), err);
        if (!item->at) {
            free(item);
            return NULL;
        }
    }
    item->n = n;
    return item;
}

struct item *item_of_tensor(struct tensor *t, struct error *err)
{
    struct item *item;

    if (!t)
        return NULL;
    item = item_new(ITEM_TENSOR, t->dtype, 0, err);
    if (item)
        item->tensor = t;
    else
        tensor_unref(t);
    return item;
}

struct item *item_sequence(enum dtype dtype, struct item *const *at, size_t n, struct error *err)
{
    struct item *item = item_new(ITEM_SEQUENCE, dtype, n, err);

    if (item)
        for (size_t i = 0; i < n; i++)
            item->at[i] = item_ref(at[i]);
    return item;
}

struct item *item_optional(struct item *some, enum dtype dtype, struct error *err)
{
    struct item *item = item_new(ITEM_OPTIONAL, dtype, some != NULL, err);

    if (item && some)
        item->at[0] = item_ref(some);
    return item;
}

struct item *item_ref(struct item *item)
{
    if (item)
        __atomic_fetch_add(&item->refs, 1, __ATOMIC_RELAXED);
    return item;
}

/* Drops a reference. An item that nobody holds any more is put on a list, linked through at[0], whose own item is
 * dropped in turn; one with nothing in it is freed at once. */
static void drop(struct item *item, struct item **list)
{
    while (item && __atomic_sub_fetch(&item->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        struct item *first;

        if (item->n == 0) {
            tensor_unref(item->tensor);
            free(item->at);
            free(item);
            return;
        }
        first = item->at[0];
        item->at[0] = *list;
        *list = item;
        item = first;
    }
}

/* What lies deeper than types can say is not counted. */
static size_t count_bytes(const struct item *item, int depth)
{
    if (!item || depth > GRAPH_MAX_DEPTH)
        return 0;
    size_t sum = sizeof(*item);
    if (item->kind == ITEM_TENSOR)
        return sum + sizeof(*item->tensor) + item->tensor->size;
    for (size_t i = 0; i < item->n; i++)
        sum += sizeof(item->at[i]) + count_bytes(item->at[i], depth + 1);
    return sum;
}

size_t item_bytes(const struct item *item)
{
    return count_bytes(item, 0);
}

/* Items may nest deeply: a list stands for recursion. */
void item_unref(struct item *item)
{
    struct item *list = NULL;

    drop(item, &list);
    while (list) {
        item = list;
        list = item->at[0];
        for (size_t i = 1; i < item->n; i++)
            drop(item->at[i], &list);
        free(item->at);
        free(item);
    }
}
