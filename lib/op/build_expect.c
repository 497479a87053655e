/* What an input must be, where the file does not say it: what is done with it tells. */
#include <stdio.h>

#include "op/build.h"

#define MOST_STEPS 64 /* of functions between an input and where its rank is told */

/* The graph input that v comes from by functions of element by element; *chain: the nodes between, last first. */
static struct value *find_input(struct value *v, struct node **chain, int *count)
{
    *count = 0;
    while (v && !v->is_input && *count < MOST_STEPS) {
        struct node *n = v->producer;
        if (!n || n->in_count == 0 || !op_trait(n, "axes=each"))
            return NULL;
        chain[(*count)++] = n;
        v = n->in[0];
    }
    return v && v->is_input && !v->constant ? v : NULL;
}

void build_expect(struct build *b, struct value *v, int rank, int axis, int64_t channels, enum dtype dtype)
{
    struct node *chain[MOST_STEPS];
    char name[300];
    struct error ignored;
    int count;
    const struct type *type = v && !b->failed ? build_type(b, v) : NULL;
    struct value *in = type && type->rank < 0 ? find_input(v, chain, &count) : NULL;
    if (!in || rank > TENSOR_MAX_RANK)
        return;
    in->type.rank = rank;
    if (dtype != DTYPE_NONE)
        in->type.dtype = dtype;
    for (int i = 0; i < rank; i++) {
        snprintf(name, sizeof(name), i ? "%.250s_%d" : "batch", in->name, i);
        in->type.dims[i] = i == axis && channels > 0 ? channels : graph_symbol(b->graph, name, b->err);
        build_check(b, in->type.dims[i] != 0);
    }
    while (count-- > 0 && !b->failed)
        op_infer_node(chain[count], &ignored);
}
