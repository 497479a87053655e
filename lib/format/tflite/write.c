/* Writing a .tflite file: a copy of the graph, its operators one by one, the list of what cannot be carried. */
#include "format/tflite/write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format/lower.h"
#include "format/tflite/schema.h"
#include "format/tflite/tflite.h"
#include "format/tflite/writers.h"

/* ---- faults ---- */

static int report(struct tflite_writer *w)
{
    if (faults_report(&w->faults, "TFLite", w->err) != 0)
        return -1;
    return w->failed || w->out.failed ? -1 : 0;
}

/* ---- what follows a node ---- */

static bool is_perm(const struct node *n, const int64_t *want)
{
    int count = 0;
    const int64_t *perm = node_is(n, "Transpose") ? op_ints(n, "perm", &count) : NULL;
    return count == 4 && memcmp(perm, want, 4 * sizeof *perm) == 0;
}

static double bound(const struct node *n, int i, double otherwise)
{
    const struct value *v = node_in(n, i);
    return !v ? otherwise : v->constant && v->constant->count == 1 ? tensor_get_f64(v->constant, 0) : NAN;
}

/* The activation that a node is; ACT_NONE when it is none that can be fused. */
static int act_of(const struct node *n)
{
    if (node_is(n, "Relu"))
        return ACT_RELU;
    double low = bound(n, 1, -INFINITY), high = bound(n, 2, INFINITY);
    if (!node_is(n, "Clip"))
        return ACT_NONE;
    return low == 0 && high == 6     ? ACT_RELU6
           : low == 0 && isinf(high) ? ACT_RELU
           : low == -1 && high == 1  ? ACT_RELU_N1_TO_1
                                     : ACT_NONE;
}

static bool is_whole_scale(const struct node *n)
{
    const struct value *scale = node_in(n, 1), *zero = node_in(n, 2);
    return node_is(n, "QuantizeLinear") && scale->constant && scale->constant->count == 1 && zero && zero->constant;
}

struct tflite_end tflite_follow(struct node *n, bool is_last, bool can_act, bool is_stored)
{
    static const int64_t to_last[] = {0, 2, 3, 1}, to_plain[] = {0, 3, 1, 2};
    struct tflite_end end = {.v = n->out[0], .is_last = is_last, .name = n->out[0]->name};
    while (end.v->use_count == 1 && !end.v->is_output && !end.quantize) {
        struct node *u = end.v->uses[0].node;
        int act = can_act && !end.act ? act_of(u) : ACT_NONE;
        if (u->graph != n->graph || end.v->uses[0].index != 0)
            break;
        if (is_perm(u, end.is_last ? to_last : to_plain))
            end.is_last = !end.is_last;
        else if (act)
            end.act = act;
        else if (is_stored && is_whole_scale(u))
            end.quantize = u;
        else
            break;
        u->scratch = u; /* done */
        end.v = u->out[0];
        end.name = tflite_is_fresh(end.v->name) ? end.name : end.v->name;
    }
    return end;
}

const struct node *tflite_quantize_behind(const struct node *n, bool can_act)
{
    const struct value *v = n->out[0];
    bool has_act = false;
    while (v->use_count == 1 && !v->is_output) {
        const struct node *u = v->uses[0].node;
        if (is_whole_scale(u))
            return u;
        bool act = can_act && !has_act && act_of(u);
        if (!act && !(node_is(u, "Transpose") && v->type.rank == 4))
            return NULL;
        has_act = has_act || act;
        v = u->out[0];
    }
    return NULL;
}

/* The operands that are computed on: others say sizes, axes or bounds. */
static int computed_on(const struct node *n)
{
    static const char *const firsts[] = {"Clip", "Pad", "Resize"};
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++)
        if (node_is(n, firsts[i]))
            return 1;
    return strncmp(n->op, "Reduce", 6) == 0 ? 1 : n->in_count;
}

bool tflite_takes_stored(const struct tflite_writer *w, const struct node *n)
{
    bool all = n->in_count > 0;
    for (int i = 0; i < computed_on(n); i++)
        all = all && (!n->in[i] || tflite_is_stored(w, n->in[i]));
    return all;
}

/* Kernels give these results in one scale alone: the range that the function has. */
static bool has_own_scale(const struct node *n, const struct node *q)
{
    static const struct {
        const char *op;
        double scale, zero; /* of i8 */
    } known[] = {{"Sigmoid", 1.0 / 256, -128},
                 {"Softmax", 1.0 / 256, -128},
                 {"Tanh", 1.0 / 128, 0},
                 {"LogSoftmax", 16.0 / 256, 127}};
    const struct tensor *scale = node_in(q, 1)->constant, *zero = node_in(q, 2)->constant;
    bool is_short = zero->dtype == DTYPE_I16;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (node_is(n, known[i].op))
            return tensor_get_f64(scale, 0) == (is_short ? 1.0 / 32768 : known[i].scale) &&
                   tensor_get_f64(zero, 0) == (is_short ? 0 : known[i].zero + (zero->dtype == DTYPE_U8 ? 128 : 0));
    return false;
}

/* Whether all that n computes on has the scale that it gives. */
static bool keeps_scale(const struct node *n, const struct node *q)
{
    for (int k = 0; k < computed_on(n); k++) {
        const struct node *d = n->in[k] ? n->in[k]->producer : NULL;
        while (d && node_is(d, "Transpose"))
            d = node_in(d, 0)->producer;
        for (int i = 0; i <= 2; i++)
            if (!d || !node_is(d, "DequantizeLinear") ||
                (i && (!node_in(d, i) || !tensor_equal(node_in(d, i)->constant, node_in(q, i)->constant))))
                return false;
    }
    return true;
}

bool tflite_computes_stored(const struct tflite_writer *w, struct node *n, const struct tflite_writes *row)
{
    if (row->stored == STORED_NO || !tflite_takes_stored(w, n))
        return false;
    if (row->stored == STORED_IN)
        return true;
    const struct node *q = tflite_quantize_behind(n, row->act >= 0);
    return q && (row->stored == STORED_SAME  ? keeps_scale(n, q)
                 : row->stored == STORED_OWN ? has_own_scale(n, q)
                                             : true);
}

int tflite_new_like(struct tflite_writer *w, const struct value *v, bool is_last)
{
    static const int last[] = {0, 2, 3, 1};
    int64_t dims[TENSOR_MAX_RANK];
    if (v->type.kind != TYPE_TENSOR || v->type.rank < 0 || v->type.dtype == DTYPE_NONE) {
        error_set(w->err, "TFLite cannot carry value '%.200s', whose rank or type is not known", v->name);
        w->failed = true;
        return 0;
    }
    for (int i = 0; i < v->type.rank; i++) {
        int64_t dim = v->type.dims[is_last ? last[i] : i];
        dims[i] = dim >= 0 ? dim : -1;
    }
    return tflite_new_tensor(w, v->name, v->type.dtype, v->type.rank, dims);
}

int tflite_give_end(struct tflite_writer *w, const struct tflite_end *end)
{
    int tensor = tflite_new_like(w, end->v, end->is_last);
    struct tflite_form *f = &w->at.forms[end->v->index];
    *(end->is_last ? &f->last : &f->plain) = tensor;
    if (tensor && end->name)
        w->at.tensors[tensor - 1].name = end->name;
    if (end->quantize)
        tflite_set_scale(w, tensor, end->quantize, 0);
    return tensor;
}

int tflite_give_plain(struct tflite_writer *w, const struct node *n, int o)
{
    struct value *v = node_out(n, o);
    return v ? tflite_give_end(w, &(struct tflite_end){.v = v}) : 0;
}

/* ---- a graph ---- */

static void write_node(struct tflite_writer *w, struct node *n)
{
    const struct tflite_writes *row = tflite_writes_of(n);
    if (row && !format_takes(n, row->types))
        tflite_cannot(w, n, "of elements of type %s", dtype_info(format_dtype(n))->name);
    else if (row)
        row->write(w, n, row);
    else if (strcmp(n->domain, "tflite") == 0)
        tflite_write_opaque(w, n, NULL);
    else
        tflite_cannot(w, n, "it has no operator for it");
    for (int i = 0; i < n->out_count && w->faults.count; i++)
        if (n->out[i] && !w->at.forms[n->out[i]->index].last)
            w->at.forms[n->out[i]->index].plain = 1; /* so that all that cannot be carried is found */
}

static void write_nodes(struct tflite_writer *w)
{
    for (struct node *n = w->at.g->first; n; n = n->next)
        n->scratch = NULL;
    for (struct node *n = w->at.g->first; n && !w->failed; n = n->next)
        if (!n->scratch) /* else part of an operator that is written already */
            write_node(w, n);
}

/* Room for the forms of all values that there are now. */
static bool open_scope(struct tflite_writer *w, struct graph *g)
{
    w->at = (struct tflite_scope){.g = g, .forms = mem_calloc(g->value_count, sizeof *w->at.forms, w->err)};
    w->failed = w->failed || !w->at.forms;
    for (size_t i = 0; i < g->input_count && !w->failed; i++)
        w->at.forms[g->inputs[i]->index].plain = tflite_new_like(w, g->inputs[i], false);
    return !w->failed;
}

int tflite_write_subgraph(struct tflite_writer *w, struct graph *g, const char *name)
{
    struct tflite_scope outer = w->at;
    int number = (int)w->graphs.count;
    op_resolve(g);
    tflite_add_ref(w, &w->graphs, 0);
    w->failed = w->failed || tflite_lower(g, w->err) < 0;
    graph_sweep(g);
    w->at = (struct tflite_scope){.g = g};
    if (!w->failed && open_scope(w, g)) {
        write_nodes(w);
        uint32_t ref = w->faults.count ? 0 : tflite_put_graph(w, name, NULL);
        w->graphs.refs[number] = ref;
    }
    tflite_close_scope(&w->at);
    w->at = outer;
    return w->failed ? -1 : number;
}

/* ---- the whole ---- */

static int write_root(struct tflite_writer *w, struct graph *g)
{
    tflite_add_ref(w, &w->graphs, 0);
    w->failed = w->failed || tflite_lower(g, w->err) < 0;
    if (!w->failed)
        tflite_find_states(w, g);
    graph_sweep(g);
    if (!w->failed && open_scope(w, g)) {
        tflite_open_states(w);
        write_nodes(w);
        if (!w->faults.count)
            tflite_close_states(w);
        if (!w->faults.count)
            w->graphs.refs[0] = tflite_put_graph(w, "main", &w->signature);
    }
    tflite_close_scope(&w->at);
    return report(w);
}

static int write_all(struct tflite_writer *w, struct graph *g, struct target *target)
{
    size_t size = 0;
    tflite_put_buffer(w, NULL, 0);
    if (write_root(w, g) < 0)
        return -1;
    uint32_t root = tflite_put_model(w, tflite_put_metadata(w, g));
    const uint8_t *data = report(w) == 0 ? flatbuf_finish(&w->out, root, TFLITE_IDENTIFIER, &size) : NULL;
    struct file_out *file = data ? target_file(target, NULL, w->err) : NULL;
    if (!file || file_write(file, data, size, w->err) < 0)
        return -1;
    return tflite_write_labels(g, file, size, w->err);
}

int tflite_write(const struct graph *from, struct target *target, struct error *err)
{
    struct tflite_writer w = {.err = err, .faults.origins.from = from, .half = target_option(target, "fp16") != NULL};
    struct graph *g = graph_clone(from, err);
    flatbuf_out_init(&w.out, err);
    if (g)
        op_resolve(g);
    int result = g ? write_all(&w, g, target) : -1;
    free(w.codes);
    free(w.buffers.refs);
    free(w.graphs.refs);
    free(w.states);
    faults_release(&w.faults);
    flatbuf_out_release(&w.out);
    graph_free(g);
    return result;
}
