#include "quant/importance.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pass/qdq.h"

#define LEAST 1e-5 /* of the greatest energy of a value: what counts less is taken to count so much */
#define MOST  1e100

/* What an error of a value's result counts; `mean`: where its channels are not those asked for. */
struct energy {
    const struct quant_importance *of;
    double mean;
};

static struct energy energy_of(const struct quant_importance *list, const struct value *v)
{
    const struct quant_importance *m = &list[v->index];
    struct energy e = {m, m->energy ? 0 : 1};
    for (int64_t i = 0; m->energy && i < m->channels; i++)
        e.mean += m->energy[i] / (double)m->channels;
    return e;
}

static double at(const struct energy *e, int axis, int64_t channel)
{
    return e->of->energy && e->of->axis == axis && channel < e->of->channels ? e->of->energy[channel] : e->mean;
}

/* Room for the channels of a value along an axis, unless it has some already. */
static struct quant_importance *room(struct quant_importance *list, const struct value *v, int axis, struct error *err)
{
    struct quant_importance *m = &list[v->index];
    if (m->energy && (m->axis == axis || axis < 0))
        return m;
    int64_t channels = axis < 0 ? 1 : v->type.dims[axis];
    double before = m->energy ? energy_of(list, v).mean : 0;
    double *energy = mem_calloc((size_t)channels, sizeof *energy, err);
    for (int64_t i = 0; energy && i < channels; i++)
        energy[i] = before;
    free(m->energy);
    *m = (struct quant_importance){axis, energy ? channels : 0, energy};
    return energy ? m : NULL;
}

static void add(struct quant_importance *m, int64_t channel, double energy)
{
    if (channel < m->channels)
        m->energy[channel] = fmin(MOST, m->energy[channel] + energy);
}

/* The operand of a product with constant weights, by these. */
static int add_product(struct quant_importance *list, const struct node *n, struct error *err)
{
    const struct tensor *w = n->in[1]->constant;
    bool conv = node_is(n, "Conv"), turned = conv || (node_is(n, "Gemm") && op_int(n, "transB"));
    int64_t group = conv ? op_int(n, "group") : 1, rows = w->dims[0], columns = w->dims[1], inner = 1;
    int axis = conv ? 1 : n->out[0]->type.rank - 1;
    int along = conv ? 1 : n->in[0]->type.rank - 1;
    struct quant_importance *m = room(list, n->in[0], n->in[0]->type.dims[along] > 0 ? along : -1, err);
    const struct energy out = energy_of(list, n->out[0]);
    for (int i = 2; i < w->rank; i++)
        inner *= w->dims[i];
    for (int64_t i = 0; m && i < w->count; i++) {
        int64_t row = i / inner / columns, column = i / inner % columns;
        double x = (double)((const float *)w->data)[i];
        add(m, turned ? row / (rows / group) * columns + column : row,
            x * x * at(&out, axis, turned ? row : column));
    }
    return m ? 0 : -1;
}

/* Any other operand: what an error of it does, if each element of the result is made of one, or a mean of several. */
static int add_other(struct quant_importance *list, const struct node *n, const struct value *v, struct error *err)
{
    const struct energy out = energy_of(list, n->out[0]);
    const struct type *from = pass_type(v), *to = pass_type(n->out[0]);
    int axis = out.of->energy ? out.of->axis : -1;
    if (axis >= 0 && (!from || !to || from->rank != to->rank || from->dims[axis] != to->dims[axis] ||
                      from->dims[axis] < 1 || node_is(n, "Transpose")))
        axis = -1;
    struct quant_importance *m = room(list, v, axis, err);
    double elements = from ? (double)tensor_count(from->rank, from->dims) : 0;
    double results = to ? (double)tensor_count(to->rank, to->dims) : 0;
    bool means = node_is(n, "GlobalAveragePool") || node_is(n, "ReduceMean");
    for (int64_t i = 0; m && i < m->channels; i++)
        add(m, i, at(&out, axis, i) * (means && results > 0 && elements > results ? results / elements : 1));
    return m ? 0 : -1;
}

static bool is_rows(const struct value *v)
{
    const struct type *t = pass_type(v);
    return t && t->rank > 1;
}

static bool is_product(const struct node *n)
{
    const struct tensor *w = node_in(n, 1) ? pass_constant(n->in[1]) : NULL;
    return w && w->dtype == DTYPE_F32 && w->count > 0 && n->out[0]->type.rank > 0 && is_rows(n->in[0]) &&
           ((node_is(n, "Conv") && w->rank > 2 && op_int(n, "group") > 0 && w->dims[0] >= op_int(n, "group")) ||
            (w->rank == 2 && (node_is(n, "MatMul") || (node_is(n, "Gemm") && !op_int(n, "transA")))));
}

static int add_node(struct quant_importance *list, const struct node *n, struct error *err)
{
    if (!n->out_count || !n->out[0])
        return 0;
    if (n->def && n->in_count && node_in(n, 0) && !pass_constant(n->in[0]) && is_product(n))
        return add_product(list, n, err);
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && !n->in[i]->constant && n->in[i]->graph == n->graph && add_other(list, n, n->in[i], err))
            return -1;
    return 0;
}

struct quant_importance *quant_importance_find(struct graph *g, struct error *err)
{
    struct quant_importance *list = mem_calloc(g->value_count, sizeof *list, err);
    for (const struct node *n = g->last; list && n; n = n->prev)
        if (add_node(list, n, err)) {
            quant_importance_free(list, g);
            return NULL;
        }
    return list;
}

void quant_importance_free(struct quant_importance *list, const struct graph *g)
{
    for (size_t i = 0; list && i < g->value_count; i++)
        free(list[i].energy);
    free(list);
}

void quant_importance_classes(const struct quant_importance *m, uint8_t *classes, double *energy)
{
    double most = 0;
    int64_t members[QUANT_CLASSES] = {0};
    for (int k = 0; k < QUANT_CLASSES; k++)
        energy[k] = k == 0 && !m->energy;
    for (int64_t i = 0; i < m->channels; i++)
        most = fmax(most, m->energy[i]);
    for (int64_t i = 0; i < m->channels; i++) {
        double share = most > 0 ? fmax(LEAST, m->energy[i] / most) : 1;
        int class = (int)(-log2(share) / 3);
        classes[i] = (uint8_t)(class < QUANT_CLASSES ? class : QUANT_CLASSES - 1);
        energy[classes[i]] += share * (most > 0 ? most : 1);
        members[classes[i]]++;
    }
    for (int k = 0; k < QUANT_CLASSES; k++)
        energy[k] /= members[k] ? (double)members[k] : 1;
}

struct value *quant_importance_channels(struct value *v, const struct quant_importance *m, const uint8_t *classes,
                                        int class, struct error *err)
{
    int64_t count = 0, *list = mem_calloc((size_t)m->channels + 1, sizeof *list, err);
    for (int64_t i = 0; list && i < m->channels; i++)
        if (classes[i] == class)
            list[count++] = i;
    struct value *in[2] = {v, list && v && count < m->channels ? pass_add_ints(v->graph, (int)count, list, err) : NULL};
    bool failed = !list || !v || (count < m->channels && !in[1]);
    free(list);
    if (failed || count == m->channels)
        return failed ? NULL : v;
    struct node *n = graph_add_node(v->graph, "", "Gather", NULL, err);
    if (!n || node_add_input(n, v, err) || node_add_input(n, in[1], err) || node_set_int(n, "axis", m->axis, err))
        return NULL;
    return node_new_output(n, NULL, err);
}
