/* Pad, Slice, Tile and others in another order of axes: their lists of numbers for each axis. */
#include "pass/layout.h"

#include <string.h>

static const struct lists {
    const char *op;
    struct {
        int operand, parts; /* so many numbers for each axis, the first ones of all axes in front; operand 0: no more */
    } list[3];
    int axes; /* the operand that says which axes all this is for; -1: the attribute `axes`; 0: all */
} lists[] = {
    {"Pad", {{1, 2}}, 3},
    {"Slice", {{0, 0}}, 3},
    {"Tile", {{1, 1}}, 0},
    {"Expand", {{1, 1}}, 0},
    {"Resize", {{1, 2}, {2, 1}, {3, 1}}, -1},
    {"Upsample", {{1, 1}}, 0},
};

static const struct lists *lists_of(const struct node *n)
{
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (strcmp(n->op, lists[i].op) == 0)
            return &lists[i];
    return NULL;
}

/* The axes that the lists are for: their number, 0 when they are for all, -1 when they cannot be told. */
static int listed_axes(const struct node *n, const struct lists *l, int64_t *axes)
{
    int count = 0;
    const int64_t *given = l->axes < 0 ? op_ints(n, "axes", &count) : NULL;
    if (l->axes > 0 && node_in(n, l->axes))
        return pass_ints(n->in[l->axes], axes, TENSOR_MAX_RANK);
    for (int i = 0; i < count && i < TENSOR_MAX_RANK; i++)
        axes[i] = given[i];
    return count > TENSOR_MAX_RANK ? -1 : count;
}

/* The length of a list, 0 when there is none, -1 when it cannot be told. */
static int64_t list_length(const struct node *n, int operand)
{
    const struct type *t = pass_type(node_in(n, operand));
    if (!node_in(n, operand))
        return 0;
    return t && t->rank == 1 && t->dims[0] >= 0 ? t->dims[0] : -1;
}

static bool are_axes(const int64_t *axes, int count, int rank)
{
    for (int i = 0; i < count; i++)
        if (axes[i] < -rank || axes[i] >= rank)
            return false;
    return count >= 0;
}

bool layout_follow_lists(const struct node *n, bool forward, const struct perm *from, struct perm *to)
{
    const struct lists *l = lists_of(n);
    int64_t axes[TENSOR_MAX_RANK];
    int count = l ? listed_axes(n, l, axes) : -1;
    (void)forward;
    *to = *from;
    if (!l || !are_axes(axes, count, from->rank) || n->in[0]->type.rank != from->rank ||
        n->out[0]->type.rank != from->rank)
        return false;
    if (count == 0 && node_is(n, "Slice"))
        return list_length(n, 1) >= 0 && list_length(n, 1) <= from->rank;
    for (int i = 0; count == 0 && i < 3 && l->list[i].operand; i++) {
        int64_t length = list_length(n, l->list[i].operand);
        if (length != 0 && length != (int64_t)l->list[i].parts * from->rank)
            return false;
    }
    return true;
}

/* Puts the numbers in the order of v's axes in that of v'. */
static int permute_list(struct node *n, int operand, int parts, const struct perm *label, struct error *err)
{
    int64_t order[2 * TENSOR_MAX_RANK];
    for (int p = 0; p < parts; p++)
        for (int i = 0; i < label->rank; i++)
            order[p * label->rank + label->at[i]] = p * label->rank + i;
    struct value *in[2] = {n->in[operand], pass_add_ints(n->graph, (int64_t)parts * label->rank, order, err)};
    struct value *v = in[1] ? pass_output(pass_node(n, "", "Gather", 2, in, err), err) : NULL;
    return v ? node_set_input(n, operand, v, err) : -1;
}

/* The axes one by one, in the order of the lists, of whose type Slice wants them. */
static int rename_axes(struct node *n, int operand, int count, int64_t *axes, const struct perm *label,
                       struct error *err)
{
    for (int i = 0; i < count; i++)
        axes[i] = label->at[axes[i] < 0 ? axes[i] + label->rank : axes[i]];
    if (operand < 0)
        return node_set_ints(n, "axes", axes, (size_t)count, err);
    while (n->in_count < operand)
        if (node_add_input(n, NULL, err))
            return -1;
    struct tensor *list = tensor_ints(count, axes, err);
    struct tensor *like = list ? tensor_cast(list, n->in[1]->type.dtype, false, err) : NULL;
    tensor_unref(list);
    struct value *v = pass_add_constant(n->graph, like, err);
    return v ? node_set_input(n, operand, v, err) : -1;
}

int layout_apply_lists(struct node *n, const struct layout *layout, struct error *err)
{
    const struct lists *l = lists_of(n);
    int64_t axes[TENSOR_MAX_RANK];
    int count = listed_axes(n, l, axes);
    if (count == 0 && node_is(n, "Slice"))
        for (; count < list_length(n, 1); count++)
            axes[count] = count;
    if (count > 0)
        return rename_axes(n, l->axes, count, axes, &layout->in, err);
    for (int i = 0; i < 3 && l->list[i].operand; i++)
        if (list_length(n, l->list[i].operand) > 0 &&
            permute_list(n, l->list[i].operand, l->list[i].parts, &layout->in, err))
            return -1;
    return 0;
}
