/* Nodes in another order of axes: one row of `kinds` for each way in which the operator table says axes map. */
#include "pass/layout.h"

#include <string.h>

/* ---- axes that are on one side only ---- */

/* Sets of axes are bits. */
static bool bits_of(const int64_t *axes, int count, int rank, unsigned *bits)
{
    *bits = 0;
    for (int i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (axis < 0 || axis >= rank)
            return false;
        *bits |= 1U << axis;
    }
    return true;
}

static unsigned permuted(unsigned bits, const struct perm *p)
{
    unsigned result = 0;
    for (int i = 0; i < p->rank; i++)
        result |= (bits >> i & 1) << p->at[i];
    return result;
}

/* The label of what is left when these axes go. */
static void drop(const struct perm *whole, unsigned gone, struct perm *rest)
{
    unsigned before = permuted(gone, whole);
    rest->rank = 0;
    for (int i = 0; i < whole->rank; i++)
        if (!(gone >> i & 1))
            rest->at[rest->rank++] = whole->at[i] - __builtin_popcount(before & ((1U << whole->at[i]) - 1));
}

/* The other way round; the axes that come stay where they are. */
static void insert(const struct perm *rest, unsigned come, struct perm *whole)
{
    int places[TENSOR_MAX_RANK], n = 0;
    whole->rank = rest->rank + __builtin_popcount(come);
    for (int i = 0; i < whole->rank; i++)
        if (!(come >> i & 1))
            places[n++] = i;
    for (int i = 0, k = 0; i < whole->rank; i++)
        whole->at[i] = come >> i & 1 ? i : places[rest->at[k++]];
}

/* A new list of axes as operand 1: those of `bits`, as v' counts them. */
static int set_axes(struct node *n, int index, unsigned bits, const struct perm *label, struct error *err)
{
    int64_t axes[TENSOR_MAX_RANK], count = 0;
    unsigned set = permuted(bits, label);
    for (int i = 0; i < label->rank; i++)
        if (set >> i & 1)
            axes[count++] = i;
    struct value *v = pass_add_ints(n->graph, count, axes, err);
    return v ? node_set_input(n, index, v, err) : -1;
}

static int rank_of(const struct value *v)
{
    return v->type.rank;
}

/* The attribute axis as v' counts it. */
static int set_axis(struct node *n, int rank, const struct perm *label, struct error *err)
{
    int64_t axis = op_int(n, "axis");
    axis += axis < 0 ? rank : 0;
    return axis >= 0 && axis < label->rank ? node_set_int(n, "axis", label->at[axis], err) : 0;
}

/* ---- the same axes in and out ---- */

static bool follow_same(const struct node *n, bool forward, const struct perm *from, struct perm *to)
{
    (void)forward;
    *to = *from;
    return rank_of(n->out[0]) == from->rank;
}

static bool follow_first(const struct node *n, bool forward, const struct perm *from, struct perm *to)
{
    return follow_same(n, forward, from, to) && rank_of(n->in[0]) == from->rank;
}

static int apply_nothing(struct node *n, const struct layout *l, struct error *err)
{
    (void)n;
    (void)l;
    (void)err;
    return 0;
}

static bool is_single(const struct value *v)
{
    for (int i = 0; i < v->type.rank; i++)
        if (v->type.dims[i] != 1)
            return false;
    return true;
}

/* An operand of lower rank is aligned at the last axis: it gets axes of 1 in front, and is then transposed itself. */
static int raise_operand(struct node *n, int i, const struct perm *label, struct error *err)
{
    int64_t front[TENSOR_MAX_RANK];
    int more = label->rank - rank_of(n->in[i]);
    for (int k = 0; k < more; k++)
        front[k] = k;
    struct value *in[2] = {n->in[i], pass_add_ints(n->graph, more, front, err)};
    struct value *v = in[1] ? pass_output(pass_node(n, "", "Unsqueeze", 2, in, err), err) : NULL;
    struct perm back = perm_inverse(label);
    v = v ? perm_transpose(n, v, &back, err) : NULL;
    return v ? node_set_input(n, i, v, err) : -1;
}

static int apply_each(struct node *n, const struct layout *l, struct error *err)
{
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && rank_of(n->in[i]) < l->in.rank && !is_single(n->in[i]) && raise_operand(n, i, &l->in, err))
            return -1;
    return 0;
}

/* Scales along an axis, and none of it where there is one scale for all. */
static int apply_along(struct node *n, const struct layout *l, struct error *err)
{
    return set_axis(n, rank_of(n->out[0]), &l->in, err);
}

static int apply_set(struct node *n, const struct layout *l, struct error *err)
{
    static const int64_t usual[] = {0, 2, 3};
    int count;
    const int64_t *given = op_ints(n, "axes", &count);
    int64_t axes[TENSOR_MAX_RANK];
    unsigned bits;
    if (!bits_of(given ? given : usual, given ? count : 3, l->in.rank, &bits))
        return 0;
    count = 0;
    for (int i = 0; i < l->in.rank; i++)
        if (bits >> i & 1)
            axes[count++] = l->in.at[i];
    return node_set_ints(n, "axes", axes, (size_t)count, err);
}

static bool stays_from(const struct perm *p, int64_t first)
{
    for (int i = p->rank; i-- > 0 && i >= first;)
        if (p->at[i] != i)
            return false;
    return true;
}

static bool follow_tail(const struct node *n, bool forward, const struct perm *from, struct perm *to)
{
    int64_t axis = op_int(n, "axis");
    return follow_first(n, forward, from, to) && stays_from(from, axis < 0 ? axis + from->rank : axis);
}

static bool follow_rows(const struct node *n, bool forward, const struct perm *from, struct perm *to)
{
    return follow_first(n, forward, from, to) && node_in(n, 1) && rank_of(n->in[1]) == 2 &&
           stays_from(from, from->rank - 1);
}

/* ---- reductions, Squeeze, Unsqueeze, Gather ---- */

/* The axes that operand 1 lists, or else all (*bits) of rank axes. */
static bool listed(const struct node *n, int rank, unsigned otherwise, unsigned *bits)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = node_in(n, 1) ? pass_ints(n->in[1], axes, TENSOR_MAX_RANK) : 0;
    *bits = otherwise;
    return count == 0 || (count > 0 && bits_of(axes, count, rank, bits));
}

static bool reduced(const struct node *n, unsigned *bits)
{
    int rank = rank_of(n->in[0]);
    if (node_is(n, "ArgMax") || node_is(n, "ArgMin"))
        return bits_of((int64_t[]){op_int(n, "axis")}, 1, rank, bits);
    return listed(n, rank, op_int(n, "noop_with_empty_axes") ? 0 : (1U << rank) - 1, bits);
}

static bool follow_reduce(const struct node *n, bool forward, const struct perm *from, struct perm *to)
{
    unsigned bits;
    if (!reduced(n, &bits))
        return false;
    if (rank_of(n->out[0]) == rank_of(n->in[0]))
        *to = *from;
    else if (forward)
        drop(from, bits, to);
    else
        insert(from, bits, to);
    return true;
}

static int apply_reduce(struct node *n, const struct layout *l, struct error *err)
{
    unsigned bits;
    if (node_is(n, "ArgMax") || node_is(n, "ArgMin"))
        return set_axis(n, l->in.rank, &l->in, err);
    return node_in(n, 1) && reduced(n, &bits) && bits ? set_axes(n, 1, bits, &l->in, err) : 0;
}

static bool squeezed(const struct node *n, unsigned *bits)
{
    const struct type *x = &n->in[0]->type;
    unsigned ones = 0;
    for (int i = 0; i < x->rank; i++)
        ones |= (unsigned)(x->dims[i] == 1) << i;
    return listed(n, x->rank, ones, bits) && __builtin_popcount(*bits) == x->rank - rank_of(n->out[0]);
}

static bool follow_squeeze(const struct node *n, bool forward, const struct perm *from, struct perm *to)
{
    unsigned bits;
    if (!squeezed(n, &bits))
        return false;
    (forward ? drop : insert)(from, bits, to);
    return true;
}

static int apply_squeeze(struct node *n, const struct layout *l, struct error *err)
{
    unsigned bits;
    return squeezed(n, &bits) ? set_axes(n, 1, bits, &l->in, err) : 0;
}

static bool unsqueezed(const struct node *n, unsigned *bits)
{
    int rank = rank_of(n->out[0]);
    return node_in(n, 1) && listed(n, rank, 0, bits) && __builtin_popcount(*bits) == rank - rank_of(n->in[0]);
}

static bool follow_unsqueeze(const struct node *n, bool forward, const struct perm *from, struct perm *to)
{
    unsigned bits;
    if (!unsqueezed(n, &bits))
        return false;
    (forward ? insert : drop)(from, bits, to);
    return true;
}

static int apply_unsqueeze(struct node *n, const struct layout *l, struct error *err)
{
    unsigned bits;
    return unsqueezed(n, &bits) ? set_axes(n, 1, bits, &l->out, err) : 0;
}

static bool follow_gather(const struct node *n, bool forward, const struct perm *from, struct perm *to)
{
    unsigned bits;
    if (!node_in(n, 1) || rank_of(n->in[1]) > 1 ||
        !bits_of((int64_t[]){op_int(n, "axis")}, 1, rank_of(n->in[0]), &bits))
        return false;
    if (rank_of(n->in[1]) == 1)
        *to = *from;
    else
        (forward ? drop : insert)(from, bits, to);
    return true;
}

static int apply_gather(struct node *n, const struct layout *l, struct error *err)
{
    return set_axis(n, l->in.rank, &l->in, err);
}

/* ---- by kind ---- */

static const struct kind {
    const char *trait;
    /* The label of the results from that of the operands, or (not forward) the other way round. */
    bool (*follow)(const struct node *n, bool forward, const struct perm *from, struct perm *to);
    int (*apply)(struct node *n, const struct layout *l, struct error *err);
    bool all; /* every operand of the labels' rank has it, not only operand 0 */
} kinds[] = {
    {"axes=each", follow_same, apply_each, true},
    {"axes=first", follow_first, apply_nothing, false},
    {"axes=along", follow_same, apply_along, true},
    {"axes=set", follow_first, apply_set, false},
    {"axes=tail", follow_tail, apply_nothing, false},
    {"axes=rows", follow_rows, apply_nothing, false},
    {"axes=lists", layout_follow_lists, layout_apply_lists, false},
    {"axes=reduce", follow_reduce, apply_reduce, false},
    {"axes=gather", follow_gather, apply_gather, false},
    {"axes=squeeze", follow_squeeze, apply_squeeze, false},
    {"axes=unsqueeze", follow_unsqueeze, apply_unsqueeze, false},
    {"axes=view", layout_follow_view, layout_apply_view, false},
};

static const struct kind *kind_of(const struct node *n)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (op_trait(n, kinds[i].trait))
            return &kinds[i];
    return NULL;
}

static bool is_ranked(const struct node *n)
{
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && !pass_type(n->in[i]))
            return false;
    for (int o = 0; o < n->out_count; o++)
        if (n->out[o] && (!pass_type(n->out[o]) || rank_of(n->out[o]) != rank_of(n->out[0])))
            return false;
    return node_in(n, 0) != NULL;
}

bool layout_labels(const struct node *n, int i, const struct layout *l)
{
    const struct kind *k = kind_of(n);
    return k && n->in[i] && rank_of(n->in[i]) == l->in.rank && (i == 0 || k->all);
}

bool layout_find(const struct node *n, int index, const struct perm *label, struct layout *l)
{
    const struct kind *k = kind_of(n);
    bool forward = index >= 0;
    if (!k || !node_out(n, 0) || !is_ranked(n) || (index > 0 && !k->all))
        return false;
    *(forward ? &l->in : &l->out) = *label;
    return k->follow(n, forward, label, forward ? &l->out : &l->in);
}

int layout_apply(struct node *n, const struct layout *l, struct error *err)
{
    return kind_of(n)->apply(n, l, err);
}
