/* Attention: a product, its Softmax along the last axis, and the product with that, as nn.Attention. */
#include <string.h>

#include "pass/match.h"

/* Scores may be scaled, or divided, as a whole; or the operands are, as scripts do that fear large ones. */
#define SCORES "{Mul(MatMul(q,k),%s)|Div(MatMul(q,k),%d)|MatMul({Mul(q,%s)|q},{Mul(k,%t)|k})}"
static const char pattern[] = "MatMul(Softmax({Add(" SCORES ",m)|" SCORES "}),v)";

/* Whether the matched Softmax is along the last axis. */
static bool is_along_rows(const struct match *m, int rank)
{
    for (int i = 0; i < m->count; i++)
        if (node_is(m->node[i], "Softmax"))
            return op_int(m->node[i], "axis") == -1 || op_int(m->node[i], "axis") == rank - 1;
    return false;
}

/* Matrices that stand side by side: as many axes, and before the last two the dims of `whole`, or 1. */
static bool broadcasts(const struct type *t, const struct type *whole)
{
    bool fits = t->rank == whole->rank;
    for (int i = 0; fits && i < t->rank - 2; i++)
        fits = t->dims[i] == 1 || (t->dims[i] == whole->dims[i] && t->dims[i] >= 0);
    return fits;
}

/* The mask widens nothing. */
static bool mask_fits(const struct value *mask, const struct type *q, int64_t keys)
{
    const struct type *t = mask ? pass_type(mask) : NULL;
    bool fits = !mask || (t && t->rank <= q->rank);
    for (int i = 1; mask && fits && i <= t->rank; i++) {
        int64_t dim = t->dims[t->rank - i], whole = i == 1 ? keys : q->dims[q->rank - i];
        fits = dim == 1 || (dim == whole && dim >= 0);
    }
    return fits;
}

/* K and V of the same heads. What is constant is better packed once than in each run. */
static bool operands_fit(struct match *m)
{
    const struct value *k = *match_at(m, 'k'), *v = *match_at(m, 'v');
    const struct type *q = pass_type(*match_at(m, 'q')), *kt = pass_type(k), *vt = pass_type(v);
    if (!q || !kt || !vt || q->rank < 2 || k->constant || v->constant || !pass_is_float(m->root->out[0]))
        return false;
    return broadcasts(kt, q) && vt->rank == kt->rank &&
           memcmp(vt->dims, kt->dims, sizeof *kt->dims * (size_t)(kt->rank - 2)) == 0 && is_along_rows(m, q->rank) &&
           mask_fits(*match_at(m, 'm'), q, kt->dims[kt->rank - 1]);
}

static double number_at(struct match *m, char letter)
{
    double number = 1;
    pass_scalar(*match_at(m, letter), &number);
    return number;
}

static struct node *make(struct match *m, struct error *err)
{
    struct value *in[4] = {*match_at(m, 'q'), *match_at(m, 'k'), *match_at(m, 'v'), *match_at(m, 'm')};
    double scale = number_at(m, 's') * number_at(m, 't') / number_at(m, 'd');
    struct node *n = pass_node(m->root, "nn", "Attention", 4, in, err);
    return n && node_set_float(n, "scale", (float)scale, err) == 0 ? n : NULL;
}

/* So large that no score counts beside it: what Softmax gives does not depend on whether it is added or put in. */
#define HIDDEN (-1e30)

/* Where(hidden, much below zero, scores), or the other way round, before a Softmax: as scores and a mask that is added,
 * which depends on the condition alone. */
static int add_mask(struct node *softmax, struct error *err)
{
    struct node *w = pass_sole_producer(node_in(softmax, 0), "", "Where");
    double number;
    int at = w && pass_scalar(w->in[1], &number) ? 1 : 2;
    struct value *x = w && pass_scalar(w->in[at], &number) && number <= HIDDEN ? w->in[3 - at] : NULL;
    if (!x || !x->producer || x->constant || !pass_is_float(x) || !pass_same_dims(x, w->out[0]))
        return 0;
    struct value *in[3] = {w->in[0], NULL, NULL};
    for (int i = 1; i < 3; i++)
        if (!(in[i] = pass_add_scalar(w->graph, x->type.dtype, i == at ? number : 0, err)))
            return -1;
    struct node *mask = pass_node(w, "", "Where", 3, in, err);
    struct value *m = mask ? pass_output(mask, err) : NULL;
    return m ? pass_replace(w, pass_node(w, "", "Add", 2, (struct value *[]){x, m}, err), err) : -1;
}

static int rewrite(struct node *n, struct error *err)
{
    struct match m;
    if (node_is(n, "Softmax"))
        return add_mask(n, err);
    if (!node_is(n, "MatMul") || !match_node(&m, pattern, n) || !operands_fit(&m))
        return 0;
    return pass_replace(n, make(&m, err), err);
}

int pass_fuse_attention(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
