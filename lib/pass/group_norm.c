/* Group normalisation written as instance normalisation of reshaped groups, as exporters have it for opsets that know
 * no GroupNormalization: the channels-last executor would have to copy for the Reshapes. */
#include "pass/match.h"

#define GROUPS "Reshape(InstanceNormalization(Reshape(x,r),$a,$b),s)"

/* One number for each channel, [C, 1, …] or [1, C, 1, …] beside x. */
static bool is_along_channels(const struct tensor *t, const struct type *x)
{
    int at = t->rank == x->rank ? 1 : 0;
    bool fits = t->rank == x->rank || t->rank == x->rank - 1;
    for (int i = 0; fits && i < t->rank; i++)
        fits = t->dims[i] == (i == at ? x->dims[1] : 1);
    return fits;
}

/* Whether the groups' own scale is 1 and their shift 0, and the Reshapes make groups of channels and undo that. */
static bool is_grouped(struct match *m, const struct node *norm)
{
    const struct type *x = pass_type(*match_at(m, 'x')), *y = pass_type(m->root->out[0]),
                      *inner = pass_type(norm->in[0]);
    double scale, shift;
    return x && y && inner && pass_is_static(*match_at(m, 'x')) && x->rank >= 3 && inner->rank == 3 &&
           pass_same_dims(*match_at(m, 'x'), m->root->out[0]) && inner->dims[0] == x->dims[0] && inner->dims[1] > 0 &&
           x->dims[1] % inner->dims[1] == 0 && pass_scalar(*match_at(m, 'a'), &scale) && scale == 1 &&
           pass_scalar(*match_at(m, 'b'), &shift) && shift == 0 &&
           is_along_channels((*match_at(m, 'c'))->constant, x) && is_along_channels((*match_at(m, 'd'))->constant, x);
}

static struct node *find_norm(const struct match *m)
{
    for (int i = 0; i < m->count; i++)
        if (node_is(m->node[i], "InstanceNormalization"))
            return m->node[i];
    return NULL;
}

static int rewrite(struct node *n, struct error *err)
{
    struct match m;
    if (!node_is(n, "Add") || !match_node(&m, "Add(Mul(" GROUPS ",$c),$d)", n))
        return 0;
    const struct node *norm = find_norm(&m);
    if (!is_grouped(&m, norm))
        return 0;
    int64_t groups = norm->in[0]->type.dims[1];
    float epsilon = op_float(norm, "epsilon");
    struct value *in[3] = {*match_at(&m, 'x')};
    for (int i = 0; i < 2; i++) {
        struct tensor *t = (*match_at(&m, i ? 'd' : 'c'))->constant;
        if (!(in[1 + i] = pass_add_constant(n->graph, tensor_reshaped(t, 1, &t->count, err), err)))
            return -1;
    }
    struct node *group = pass_node(n, "", "GroupNormalization", 3, in, err);
    if (!group || node_set_int(group, "num_groups", groups, err) || node_set_float(group, "epsilon", epsilon, err))
        return -1;
    return pass_replace(n, group, err);
}

int pass_group_norm(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
