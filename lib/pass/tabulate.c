/* Functions of one byte: everything between QuantizeLinear and the DequantizeLinear of one tensor that works element by
 * element with constants, rounding in between included, is a table of 256 bytes, nn.QTable. Also brings integers of
 * other scales to that of what moves or joins them, by such tables. */
#include <string.h>

#include "op/quant.h"
#include "pass/qdq.h"

#define CONE_MAX  24  /* nodes of one function */
#define CONE_WORK 200 /* values looked at for it, which bounds the depth, too */

/* The nodes that make q's operand from the bytes x alone, those behind first. */
struct cone {
    struct value *x;
    const struct node *nodes[CONE_MAX];
    int count;
    int *work; /* what is left of CONE_WORK */
};

static bool add_value(struct cone *c, const struct value *v);

/* The bytes themselves are where it begins, unless they are one constant, or a function of other bytes in turn. */
static bool add_bytes(struct cone *c, struct value *v)
{
    const struct tensor *constant = pass_constant(v);
    if (constant)
        return constant->count == 1;
    struct cone deeper = *c;
    const struct node *n = v->producer;
    bool rounds = n && n->def && node_is(n, "QuantizeLinear") && qdq_has_scales(n, -1);
    if (--*c->work < 0)
        return false;
    bool looks_up = n && n->def && strcmp(n->domain, "nn") == 0 && strcmp(n->op, "QTable") == 0;
    if (looks_up && pass_constant(n->in[1]) && deeper.count < CONE_MAX && add_bytes(&deeper, n->in[0])) {
        deeper.nodes[deeper.count++] = n;
        *c = deeper;
        return true;
    }
    if (rounds && deeper.count < CONE_MAX && add_value(&deeper, n->in[0])) {
        deeper.nodes[deeper.count++] = n;
        *c = deeper;
        return true;
    }
    if (c->x && c->x != v)
        return false;
    c->x = v;
    return true;
}

static bool is_in(const struct cone *c, const struct node *n)
{
    for (int i = 0; i < c->count; i++)
        if (c->nodes[i] == n)
            return true;
    return false;
}

/* Appends what makes v, operands first. */
static bool add_value(struct cone *c, const struct value *v)
{
    const struct tensor *constant = pass_constant(v);
    struct node *n = v ? v->producer : NULL;
    if (constant)
        return constant->count == 1;
    if (--*c->work < 0)
        return false;
    if (!n || !n->def || n->out_count != 1 || n->graph != v->graph || is_in(c, n))
        return n && n->def && is_in(c, n);
    const struct node *real = qdq_dequantizer(v, -1);
    if (real && !add_bytes(c, real->in[0]))
        return false;
    if (!real && (!op_trait(n, "axes=each") || n->domain[0] || !pass_is_deterministic(n)))
        return false;
    for (int i = 0; !real && i < n->in_count; i++)
        if (n->in[i] && !add_value(c, n->in[i]))
            return false;
    if (c->count == CONE_MAX)
        return false;
    c->nodes[c->count++] = n;
    return true;
}

/* ---- evaluating ---- */

/* The operand of a copy: the copy of a value of the cone, or a constant. scratch of the cone's values is theirs. */
static struct value *operand(struct graph *g, const struct cone *c, struct value *v, struct error *err)
{
    if (v == c->x || (v && v->producer && is_in(c, v->producer)))
        return v->scratch;
    return v ? graph_add_constant(g, NULL, tensor_ref(v->constant), err) : NULL;
}

static int copy_node(struct graph *g, const struct cone *c, const struct node *n, struct error *err)
{
    struct node *copy = graph_add_node(g, n->domain, n->op, NULL, err);
    if (!copy || node_take_attrs(copy, (struct node *)(uintptr_t)n, err))
        return -1;
    for (int i = 0; i < n->in_count; i++) {
        struct value *v = operand(g, c, n->in[i], err);
        if ((n->in[i] && !v) || node_add_input(copy, v, err))
            return -1;
    }
    n->out[0]->scratch = node_new_output(copy, NULL, err);
    return n->out[0]->scratch ? 0 : -1;
}

/* A graph of its own from all bytes to what q makes of them. */
static int copy_cone(struct graph *g, const struct cone *c, const struct node *q, struct error *err)
{
    struct value *x = graph_add_value(g, "x", err);
    if (!x || graph_add_input(g, x, err))
        return -1;
    x->type = (struct type){.kind = TYPE_TENSOR, .dtype = c->x->type.dtype, .rank = 1, .dims = {QUANT_TABLE}};
    c->x->scratch = x;
    for (int i = 0; i < c->count; i++)
        if (copy_node(g, c, c->nodes[i], err))
            return -1;
    return copy_node(g, c, q, err) || graph_add_output(g, q->out[0]->scratch, err) ? -1 : 0;
}

static struct tensor *all_bytes(enum dtype dtype, struct error *err)
{
    struct tensor *t = tensor_new(dtype, 1, (int64_t[]){QUANT_TABLE}, err);
    for (int i = 0; t && i < QUANT_TABLE; i++)
        tensor_set_i64(t, i, dtype == DTYPE_I8 ? i - 128 : i);
    return t;
}

/* NULL when it cannot be evaluated, for whatever reason. */
static struct tensor *evaluate(const struct cone *c, const struct node *q)
{
    struct error ignored;
    struct graph *g = graph_new(&ignored);
    struct item *in = g ? item_of_tensor(all_bytes(c->x->type.dtype, &ignored), &ignored) : NULL, *out = NULL;
    struct tensor *table = NULL;
    if (in && copy_cone(g, c, q, &ignored) == 0) {
        op_resolve(g);
        if (op_infer_graph(g, &ignored) == 0 && op_run(g, &in, &out, 1 << 20, 0, &ignored) == 0 &&
            out->tensor->count == QUANT_TABLE)
            table = tensor_reshaped(out->tensor, 1, (int64_t[]){QUANT_TABLE}, &ignored);
    }
    item_unref(in);
    item_unref(out);
    graph_free(g);
    return table;
}

static int tabulate(struct node *q, struct error *err)
{
    int work = CONE_WORK;
    struct cone c = {.work = &work};
    if (!add_value(&c, q->in[0]) || !c.x || !qdq_is_byte(c.x) || !pass_same_dims(c.x, q->out[0]))
        return 0;
    struct tensor *table = evaluate(&c, q);
    struct value *v = table ? pass_add_constant(q->graph, table, err) : NULL;
    if (!v)
        return table ? -1 : 0;
    return pass_replace(q, pass_node(q, "nn", "QTable", 2, (struct value *[]){c.x, v}, err), err);
}

/* ---- other scales ---- */

/* A number as q would round it. */
static struct value *round_as(struct node *before, struct node *q, struct value *v, struct error *err)
{
    struct value *in[3] = {v, q->in[1], node_in(q, 2)};
    struct node *n = pass_node(before, "", "QuantizeLinear", 3, in, err);
    return n && node_take_attrs(n, q, err) == 0 ? pass_output(n, err) : NULL;
}

/* Whether fewer elements come out than go in, which are those that some window has anyhow. */
static bool drops(const struct node *n)
{
    const struct type *x = pass_type(n->in[0]), *y = pass_type(n->out[0]);
    return !node_is(n, "MaxPool") && (!x || !y || tensor_count(x->rank, x->dims) > tensor_count(y->rank, y->dims));
}

/* The greatest of a window is that of integers where these count up as their numbers do, by the scale of `scaled`. */
static bool keeps_order(const struct node *n, const struct node *scaled)
{
    return !node_is(n, "MaxPool") || tensor_get_f64(scaled->in[1]->constant, 0) > 0;
}

/* QuantizeLinear behind what moves elements goes before it: a table takes its place there, or the operator that makes
 * the elements rounds them itself. */
static int advance(struct node *q, struct error *err)
{
    struct node *n = pass_is_single(q->in[0]) ? q->in[0]->producer : NULL;
    const struct qdq_operands operands = n && keeps_order(n, q) ? qdq_moved(n) : (struct qdq_operands){0, 0};
    bool made = n && operands.end == 1 && pass_is_single(n->in[0]) && !drops(n);
    for (int i = operands.first; i < operands.end && !made; i++)
        if (!qdq_dequantizer(n->in[i], -1))
            return 0;
    struct node *moved = operands.end ? pass_node(q, n->domain, n->op, n->in_count, n->in, err) : NULL;
    if (!moved || node_take_attrs(moved, n, err))
        return operands.end ? -1 : 0;
    for (int i = operands.first; i < operands.end; i++) {
        struct value *v = round_as(moved, q, n->in[i], err);
        if (!v || node_set_input(moved, i, v, err))
            return -1;
    }
    return qdq_pad_bytes(moved, q->out[0], node_in(q, 2), err) ? -1 : pass_replace(q, moved, err);
}

/* ---- Split ---- */

static bool is_rounded(const struct value *v)
{
    for (size_t i = 0; i < v->use_count; i++)
        if (v->uses[i].node && v->uses[i].node->def && node_is(v->uses[i].node, "QuantizeLinear"))
            return true;
    return false;
}

/* A Split of bytes, each part of which is made numbers again where it is wanted so. */
static int split(struct node *n, struct error *err)
{
    struct node *real = qdq_dequantizer(node_in(n, 0), -1);
    bool rounds = false, is_output = false;
    for (int i = 0; i < n->out_count; i++) {
        rounds |= n->out[i] && is_rounded(n->out[i]);
        is_output |= n->out[i] && n->out[i]->is_output;
    }
    if (!real || !qdq_is_byte(real->in[0]) || !rounds || is_output)
        return 0;
    struct node *parts = pass_node(n, "", "Split", n->in_count, n->in, err);
    if (!parts || node_take_attrs(parts, n, err) || node_set_input(parts, 0, real->in[0], err))
        return -1;
    for (int i = 0; i < n->out_count; i++)
        if (!(i + 1 < n->out_count ? node_new_output(parts, NULL, err) : pass_output(parts, err)))
            return -1;
    for (int i = 0; i < n->out_count; i++) {
        if (!n->out[i])
            continue;
        struct value *in[3] = {parts->out[i], real->in[1], node_in(real, 2)};
        struct value *v = pass_output(pass_node(n, "", "DequantizeLinear", 3, in, err), err);
        if (!v || graph_replace_value(n->out[i], v, err))
            return -1;
    }
    pass_remove(n);
    return 1;
}

/* ---- before what moves elements ---- */

/* Whether a product takes it. */
static bool is_multiplied(const struct value *v)
{
    static const char *const layers[] = {"Conv", "ConvTranspose", "MatMul", "Gemm"};
    for (size_t i = 0; i < v->use_count; i++)
        for (size_t k = 0; k < sizeof layers / sizeof *layers; k++)
            if (v->uses[i].node && v->uses[i].node->def && node_is(v->uses[i].node, layers[k]))
                return true;
    return false;
}

/* Nodes between a move and a product, at most. */
#define MAX_WAY 12

/* Whether a product takes it, maybe behind more such nodes. */
static bool feeds_layer(const struct value *v)
{
    for (int way = 0; v && way < MAX_WAY; way++) {
        if (is_multiplied(v))
            return true;
        const struct node *n = pass_is_single(v) ? v->uses[0].node : NULL;
        v = n && n->def && qdq_moved(n).end == 1 ? n->out[0] : NULL;
    }
    return false;
}

/* What moves the numbers of DequantizeLinear, all of one scale, to a product moves the bytes. */
static int retreat(struct node *n, struct error *err)
{
    const struct qdq_operands moved = qdq_moved(n);
    const struct node *first = moved.end > 0 ? qdq_dequantizer(n->in[moved.first], -1) : NULL;
    if (!first || !qdq_is_byte(first->in[0]) || !keeps_order(n, first) || n->out[0]->is_output ||
        !feeds_layer(n->out[0]))
        return 0;
    for (int i = moved.first; i < moved.end; i++) {
        const struct node *real = qdq_dequantizer(n->in[i], -1);
        if (!real || !qdq_is_byte(real->in[0]) || !qdq_same(real, first))
            return 0;
    }
    struct value *in[3] = {NULL, first->in[1], node_in(first, 2)};
    struct node *bytes = pass_node(n, n->domain, n->op, n->in_count, n->in, err);
    if (!bytes || node_take_attrs(bytes, n, err))
        return -1;
    for (int i = moved.first; i < moved.end; i++)
        if (node_set_input(bytes, i, qdq_dequantizer(n->in[i], -1)->in[0], err))
            return -1;
    if (qdq_pad_bytes(bytes, first->in[0], node_in(first, 2), err) || !(in[0] = pass_output(bytes, err)))
        return -1;
    return pass_replace(n, pass_node(n, "", "DequantizeLinear", 3, in, err), err);
}

static int rewrite(struct node *q, struct error *err)
{
    if (node_is(q, "Split"))
        return split(q, err);
    if (qdq_moved(q).end > 0)
        return retreat(q, err);
    if (!node_is(q, "QuantizeLinear") || !node_in(q, 0) || !qdq_is_byte(node_out(q, 0)) || !qdq_has_scales(q, -1))
        return 0;
    struct node *n = pass_is_single(q->in[0]) ? q->in[0]->producer : NULL;
    int changed = tabulate(q, err);
    if (changed == 0 && n)
        changed = qdq_move(q, n, qdq_blended(n), err);
    return changed ? changed : advance(q, err);
}

int pass_tabulate(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
