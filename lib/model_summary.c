/* The public API: what a model consists of, in numbers. */
#include "model_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/op.h"
#include "pass/pass.h"

/* ---- operators by count ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct model_op_count *)a)->name, ((const struct model_op_count *)b)->name);
}

static int by_count(const void *a, const void *b)
{
    const struct model_op_count *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->name, y->name);
}

/* "Conv" or "com.microsoft.Gelu", for free(). */
static char *op_name(const struct node *n, struct error *err)
{
    size_t domain = strlen(n->domain), op = strlen(n->op);
    char *name = mem_calloc(domain + op + 2, 1, err);
    if (!name)
        return NULL;
    if (domain) {
        memcpy(name, n->domain, domain);
        name[domain++] = '.';
    }
    memcpy(name + domain, n->op, op);
    return name;
}

/* One entry a node, which merging then sums. */
static int list_ops(const struct graph *top, struct model_summary *s, struct error *err)
{
    size_t cap = 0;
    for (const struct graph *g = top; g; g = graph_next(top, g))
        for (const struct node *n = g->first; n; n = n->next) {
            if (mem_grow(&s->ops, &cap, s->op_count + 1, sizeof *s->ops, err) < 0)
                return -1;
            char *name = op_name(n, err);
            if (!name)
                return -1;
            s->ops[s->op_count++] = (struct model_op_count){name, 1};
            s->nodes++;
        }
    return 0;
}

static int count_ops(const struct graph *g, struct model_summary *s, struct error *err)
{
    if (list_ops(g, s, err) < 0)
        return -1;
    if (s->op_count == 0)
        return 0;
    qsort(s->ops, s->op_count, sizeof *s->ops, by_name);
    size_t kept = 0;
    for (size_t i = 1; i < s->op_count; i++)
        if (strcmp(s->ops[kept].name, s->ops[i].name) == 0) {
            s->ops[kept].count++;
            free((char *)(uintptr_t)s->ops[i].name);
        } else {
            s->ops[++kept] = s->ops[i];
        }
    s->op_count = kept + 1;
    qsort(s->ops, s->op_count, sizeof *s->ops, by_count);
    return 0;
}

/* ---- parameters ---- */

static void count_parameters(const struct graph *top, struct model_summary *s)
{
    for (const struct graph *g = top; g; g = graph_next(top, g))
        for (size_t i = 0; i < g->value_count; i++) {
            const struct tensor *t = g->values[i] ? g->values[i]->constant : NULL;
            const struct dtype_info *info = dtype_info(t ? t->dtype : DTYPE_NONE);
            if (!t)
                continue;
            s->parameter_bytes += t->size;
            if (info->class == DTYPE_CLASS_FLOAT || (info->bits <= 8 && info->class != DTYPE_CLASS_BOOL))
                s->parameters += (uint64_t)t->count;
        }
}

/* ---- multiply-adds ---- */

static const struct type *type_in(const struct node *n, int i)
{
    const struct value *v = node_in(n, i);
    return v && v->type.kind == TYPE_TENSOR && v->type.rank >= 0 ? &v->type : NULL;
}

/* The product of dims [first, rank) as a number; nan when one is open. */
static double product(const struct type *t, int first)
{
    double p = t ? 1 : NAN;
    for (int i = first; t && i < t->rank; i++)
        p *= t->dims[i] >= 0 ? (double)t->dims[i] : NAN;
    return p;
}

static double count_of_output(const struct node *n)
{
    const struct value *v = node_out(n, 0);
    return product(v && v->type.kind == TYPE_TENSOR && v->type.rank >= 0 ? &v->type : NULL, 0);
}

static double dim_from_end(const struct type *t, int back)
{
    int64_t dim = t && t->rank >= back ? t->dims[t->rank - back] : -1;
    return dim >= 0 ? (double)dim : NAN;
}

static double macs_conv(const struct node *n, int weight)
{
    return count_of_output(n) * product(type_in(n, weight), 1);
}

static double macs_deconv(const struct node *n, int weight)
{
    return product(type_in(n, 0), 0) * product(type_in(n, weight), 1);
}

static double macs_product(const struct node *n, int weight)
{
    (void)weight;
    return count_of_output(n) * dim_from_end(type_in(n, 0), 1);
}

static double macs_gemm(const struct node *n, int weight)
{
    const struct attr *trans = node_attr(n, "transA");
    (void)weight;
    return count_of_output(n) * dim_from_end(type_in(n, 0), trans && trans->kind == ATTR_INT && trans->i ? 2 : 1);
}

/* Steps times batch, times all gates' weights. */
static double macs_recurrent(const struct node *n, int weight)
{
    const struct type *x = type_in(n, 0);
    double steps = product(x, 0) / dim_from_end(x, 1);
    return steps * (product(type_in(n, weight), 0) + product(type_in(n, weight + 1), 0));
}

static const struct {
    const char *op;
    double (*macs)(const struct node *n, int weight);
    int weight;
} layers[] = {
    {"Conv", macs_conv, 1},
    {"ConvInteger", macs_conv, 1},
    {"QLinearConv", macs_conv, 3},
    {"DeformConv", macs_conv, 1},
    {"ConvTranspose", macs_deconv, 1},
    {"MatMul", macs_product, 1},
    {"MatMulInteger", macs_product, 1},
    {"QLinearMatMul", macs_product, 3},
    {"Gemm", macs_gemm, 1},
    {"LSTM", macs_recurrent, 1},
    {"GRU", macs_recurrent, 1},
    {"RNN", macs_recurrent, 1},
};

static void count_macs(const struct graph *top, struct model_summary *s)
{
    for (const struct graph *g = top; g; g = graph_next(top, g))
        for (const struct node *n = g->first; n; n = n->next)
            for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
                if (strcmp(n->op, layers[i].op) != 0 || (*n->domain && strcmp(n->domain, "nn") != 0))
                    continue;
                double macs = layers[i].macs(n, layers[i].weight);
                if (isnan(macs))
                    s->macs_open++;
                else
                    s->macs += macs;
            }
}

/* ---- activations ---- */

static double bytes_of(const struct value *v, struct model_summary *s)
{
    const struct type *t = &v->type;
    double bytes = t->kind == TYPE_TENSOR && t->rank >= 0 ? product(t, 0) * dtype_info(t->dtype)->bits / 8 : NAN;
    if (!isnan(bytes))
        return bytes;
    s->activations_open++;
    return 0;
}

/* The node of g that uses v last. */
static size_t last_use(const struct graph *g, const struct value *v)
{
    size_t last = v->producer ? (size_t)(uintptr_t)v->producer->scratch : 0;
    for (size_t i = 0; i < v->use_count; i++) {
        const struct node *n = graph_holder_in(g, v->uses[i].node);
        size_t at = n ? (size_t)(uintptr_t)n->scratch : 0;
        last = at > last ? at : last;
    }
    return v->is_output ? g->node_count + 1 : last;
}

/* change[i]: bytes that come to live at node i less those that died before it. */
static void add_life(const struct graph *g, const struct value *v, double *change, struct model_summary *s)
{
    double bytes = bytes_of(v, s);
    change[v->producer ? (size_t)(uintptr_t)v->producer->scratch : 0] += bytes;
    change[last_use(g, v) + 1] -= bytes;
}

static int count_activations(struct graph *g, struct model_summary *s, struct error *err)
{
    size_t number = 0;
    double *change = mem_calloc(g->node_count + 3, sizeof *change, err), live = 0;
    if (!change)
        return -1;
    for (struct node *n = g->first; n; n = n->next)
        n->scratch = (void *)(uintptr_t)++number;
    for (size_t i = 0; i < g->value_count; i++) {
        const struct value *v = g->values[i];
        if (v && !v->constant && (v->is_input || v->producer))
            add_life(g, v, change, s);
    }
    for (size_t i = 0; i < g->node_count + 2; i++) {
        live += change[i];
        s->activations = live > s->activations ? live : s->activations;
    }
    free(change);
    return 0;
}

/* ---- all of it ---- */

/* Infers shapes, computing what depends on constants alone, as far as that goes: what does not fit together is not this
 * function's business. */
static void find_shapes(struct graph *g)
{
    size_t count;
    const struct pass *table = pass_table(&count), *fold = pass_by_name("fold-constants", strlen("fold-constants"));
    bool *chosen = mem_calloc(count, sizeof *chosen, NULL);
    op_resolve(g);
    if (op_infer_graph(g, NULL) == 0 && chosen && fold) {
        chosen[fold - table] = true;
        pass_run(g, chosen, NULL, NULL);
    }
    free(chosen);
}

int model_summarize(const struct model *m, struct model_summary *summary, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct graph *g = graph_clone(m->graph, err);
    *summary = (struct model_summary){0};
    if (!g)
        return -1;
    count_parameters(g, summary);
    int status = count_ops(g, summary, err);
    find_shapes(g);
    count_macs(g, summary);
    if (status == 0)
        status = count_activations(g, summary, err);
    graph_free(g);
    if (status < 0)
        model_summary_release(summary);
    return status;
}

void model_summary_release(struct model_summary *s)
{
    for (size_t i = 0; i < s->op_count; i++)
        free((char *)(uintptr_t)s->ops[i].name);
    free(s->ops);
    *s = (struct model_summary){0};
}
