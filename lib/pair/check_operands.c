/* Checking where the operands of a pair of layers come from, and in which order their elements lie. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/op.h"
#include "pair/check.h"
#include "pass/util.h"

bool pair_may_be_absent(const struct pair_layer *l, int k, const struct value *v)
{
    static const struct {
        const char *op;
        int operand;
    } biases[] = {{"Conv", 2}, {"ConvTranspose", 2}, {"MatMul", 2}, {"Gemm", 2}, {"LSTM", 3}, {"GRU", 3}, {"RNN", 3}};
    double number;
    for (size_t i = 0; i < sizeof biases / sizeof *biases; i++)
        if (k == biases[i].operand && strcmp(l->op, biases[i].op) == 0)
            return v && pass_scalar(v, &number) && number == 0;
    return false;
}

/* ---- operands ---- */

#define MOST_SOURCES 16

/* The layers with a partner from which an operand comes, by way of those without. */
static int find_sources(const struct pair_net *net, const struct pair_edge *e, size_t *sources, bool *direct)
{
    size_t stack[MOST_SOURCES];
    int depth = 0, count = 0;
    *direct = e->layer != PAIR_NONE && net->layers[e->layer].partner != PAIR_NONE;
    if (e->layer != PAIR_NONE)
        stack[depth++] = e->layer;
    for (int steps = 0; depth && steps < 64; steps++) {
        const struct pair_layer *l = &net->layers[stack[--depth]];
        if (l->partner != PAIR_NONE && count < MOST_SOURCES)
            sources[count++] = l->partner;
        for (int k = 0; l->partner == PAIR_NONE && k < l->edge_count; k++)
            if (l->edges[k].layer != PAIR_NONE && depth < MOST_SOURCES)
                stack[depth++] = l->edges[k].layer;
    }
    return count;
}

enum relation { APART, INDIRECT, DIRECT };

/* Whether two operands come from the same place, in two cases only when layers without a partner are left out. */
static enum relation relate(const struct check *c, const struct pair_edge *a, const struct pair_edge *b)
{
    size_t x[MOST_SOURCES], y[MOST_SOURCES];
    bool direct_a, direct_b;
    int n = find_sources(&c->p->a, a, x, &direct_a), m = find_sources(&c->p->b, b, y, &direct_b);
    if (direct_a && direct_b)
        return c->p->a.layers[a->layer].partner == b->layer && a->output == b->output ? DIRECT : APART;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < m; k++)
            if (c->p->b.layers[x[i]].partner == y[k])
                return INDIRECT;
    return n == 0 || m == 0 ? INDIRECT : APART; /* nothing is known of what is behind layers that only one has */
}

static const char *source_name(const struct pair_net *net, const struct pair_edge *e)
{
    return e->layer != PAIR_NONE ? pair_name(&net->layers[e->layer]) : e->value ? "a constant" : "nothing";
}

/* Operators that take their operands in any layout: elementwise ones, and those whose axis is a setting. */
bool check_is_free(const struct pair_layer *l)
{
    static const char ops[] =
        " output Relu LeakyRelu PRelu Sigmoid Tanh Clip HardSigmoid HardSwish Swish Mish Gelu Elu Selu Celu Softplus "
        "Softsign ThresholdedRelu Exp Log Sqrt Neg Abs Erf Floor Ceil Round Sign Sin Cos Not Reciprocal Add Sub Mul "
        "Div Pow Mod Min Max Sum Mean And Or Xor Equal Less Greater LessOrEqual GreaterOrEqual Where Cast Concat "
        "Softmax LogSoftmax ArgMax ArgMin ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 "
        "ReduceL2 ";
    size_t n = strlen(l->op);
    for (const char *at = strstr(ops, l->op); at; at = strstr(at + 1, l->op))
        if (at[-1] == ' ' && at[n] == ' ')
            return true;
    return false;
}

static bool same_count(const struct value *a, const struct value *b)
{
    int64_t n = a->type.kind == TYPE_TENSOR ? tensor_count(a->type.rank, a->type.dims) : -1;
    return n < 0 || n == tensor_count(b->type.rank, b->type.dims);
}

/* Whether values of different shapes are so by their edges; a layer of one operand may take its elements as it likes.
 */
static bool is_reshaped(const struct check *c, const struct pair_edge *a, const struct pair_edge *b)
{
    if (same_count(a->value, b->value))
        return c->a->edge_count > 1;
    return check_same_shape(a->source, b->source, &c->p->layouts[a->layer]);
}

static void check_path(struct check *c, int k, const struct pair_edge *a, const struct pair_edge *b,
                       struct pair_match *match, struct operands *all)
{
    bool free_layer = check_is_free(c->a), product = strcmp(c->a->op, "MatMul") == 0 && k == 0;
    char name[60], x[200], y[200];
    if (pair_follow(a, b, &c->p->layouts[a->layer], free_layer, product, &c->p->budget, match, c->err) < 0) {
        c->failed = true;
        return;
    }
    bool as_others = !all->met || match->layout.rank != all->layout.rank ||
                     memcmp(match->layout.perm, all->layout.perm, sizeof match->layout.perm) == 0;
    if (!match->same || (free_layer && !as_others))
        check_report(c, "order", "%s: other elements of %s, or in another order",
                     check_operand_name(c->a, k, name, sizeof name), source_name(&c->p->a, a));
    else if (!check_same_shape(a->value, b->value, &match->layout) && is_reshaped(c, a, b))
        check_report(c, "shape", "%s: taken as %s and %s", check_operand_name(c->a, k, name, sizeof name),
                     check_shape_text(a->value, x, sizeof x), check_shape_text(b->value, y, sizeof y));
    all->alike &= check_same_shape(a->value, b->value, &match->layout);
    if (!all->met)
        all->layout = match->layout;
    all->met = true;
}

static void check_operand(struct check *c, int k, const struct pair_edge *a, const struct pair_edge *b,
                          struct operands *all)
{
    static const struct pair_edge none = {.layer = PAIR_NONE};
    char name[60];
    a = a ? a : &none;
    b = b ? b : &none;
    bool constant_a = a->value && a->value->constant, constant_b = b->value && b->value->constant;
    if (constant_a && constant_b && !pair_is_setting(c->a, k))
        check_constant(c, k, a->value, b->value, all);
    if ((constant_a && constant_b) || (!a->value && !b->value) ||
        pair_may_be_absent(c->a, k, a->value ? a->value : b->value) || pair_is_setting(c->a, k) ||
        pair_is_setting(c->b, k))
        return;
    struct pair_match match = {0};
    enum relation relation = a->value && b->value && !constant_a && !constant_b ? relate(c, a, b) : APART;
    if (relation == APART)
        check_report(c, "input", "%s: from %s and from %s", check_operand_name(c->a, k, name, sizeof name),
                     source_name(&c->p->a, a), source_name(&c->p->b, b));
    if (relation == DIRECT)
        check_path(c, k, a, b, &match, all);
    if (match.rows) { /* of a product's first operand: there is one */
        free(all->rows);
        all->rows = match.rows;
        all->row_count = match.row_count;
    }
}

/* Whether operands that may change places have done so. */
static bool are_swapped(const struct check *c)
{
    const struct pair_edge *a = c->a->edges, *b = c->b->edges;
    if (!pair_is_commutative(c->a) || c->a->edge_count != 2 || c->b->edge_count != 2)
        return false;
    bool constant_a = a[0].layer == PAIR_NONE, constant_b = b[0].layer == PAIR_NONE;
    if (constant_a || a[1].layer == PAIR_NONE)
        return constant_a != constant_b;
    return relate(c, &a[0], &b[0]) != DIRECT &&
           (relate(c, &a[0], &b[1]) == DIRECT || relate(c, &a[1], &b[0]) == DIRECT);
}

void check_operands(struct check *c, struct operands *all)
{
    int count = c->a->edge_count > c->b->edge_count ? c->a->edge_count : c->b->edge_count;
    bool swapped = are_swapped(c);
    for (int constants = 0; constants < 2; constants++) /* layouts come from operands that are none */
        for (int k = 0; k < count && !c->failed; k++) {
            int other = swapped ? 1 - k : k;
            const struct pair_edge *a = k < c->a->edge_count ? &c->a->edges[k] : NULL;
            const struct pair_edge *b = other < c->b->edge_count ? &c->b->edges[other] : NULL;
            bool constant = (!a || !a->value || a->value->constant) && (!b || !b->value || b->value->constant);
            if (constant == (constants == 1))
                check_operand(c, k, a, b, all);
        }
    free(all->rows);
    all->rows = NULL;
}
