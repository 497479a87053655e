/* Writing a .tflite file: a copy of the graph, its operators one by one, the list of what cannot be carried. */
#include "format/tflite/write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "format/tflite/schema.h"
#include "format/tflite/tflite.h"
#include "format/tflite/writers.h"

#define FAULTS_SHOWN 12

/* ---- faults ---- */

void tflite_cannot(struct tflite_writer *w, const struct node *n, const char *why)
{
    char label[200];
    if (w->fault_count++ < FAULTS_SHOWN)
        text_printf(&w->faults, "%s%s (%s): %s", w->faults.size ? "; " : "", node_label(n, label, sizeof label), n->op,
                    why);
}

static int report(struct tflite_writer *w)
{
    if (w->fault_count)
        return error_set(w->err, "TFLite cannot carry %d of its nodes: %s%s", w->fault_count,
                         w->faults.data ? w->faults.data : "", w->fault_count > FAULTS_SHOWN ? "; …" : "");
    return w->failed || w->out.failed ? -1 : 0;
}

/* ---- what follows a node ---- */

static bool is_perm(const struct node *n, const int64_t *want)
{
    int count;
    const int64_t *perm = op_ints(n, "perm", &count);
    return node_is(n, "Transpose") && count == 4 && memcmp(perm, want, 4 * sizeof *perm) == 0;
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
    struct tflite_end end = {.v = n->out[0], .is_last = is_last};
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
    }
    return end;
}

/* The QuantizeLinear that it would come to; NULL. */
static const struct node *quantize_behind(const struct node *n, bool can_act)
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

const struct node *tflite_on_stored(const struct tflite_writer *w, struct node *n, bool can_act)
{
    bool all = n->in_count > 0;
    for (int i = 0; i < n->in_count; i++)
        all = all && (!n->in[i] || tflite_is_stored(w, n->in[i]));
    return all ? quantize_behind(n, can_act) : NULL;
}

static int new_like(struct tflite_writer *w, const struct value *v, bool is_last)
{
    static const int last[] = {0, 2, 3, 1};
    int64_t dims[TENSOR_MAX_RANK];
    if (v->type.kind != TYPE_TENSOR || v->type.rank < 0 || v->type.dtype == DTYPE_NONE) {
        error_set(w->err, "value '%.200s' has no known type", v->name);
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
    int tensor = new_like(w, end->v, end->is_last);
    struct tflite_form *f = &w->forms[end->v->index];
    *(end->is_last ? &f->last : &f->plain) = tensor;
    if (end->quantize)
        tflite_set_scale(w, tensor, end->quantize, 0);
    return tensor;
}

/* ---- operators ---- */

static uint32_t put_list(struct tflite_writer *w, int count, const int *tensors)
{
    int32_t numbers[64];
    for (int i = 0; i < count; i++) {
        numbers[i] = tensors[i] - 1;
        w->failed = w->failed || tensors[i] < 0;
    }
    return flatbuf_put_i32s(&w->out, numbers, (size_t)count);
}

void tflite_call(struct tflite_writer *w, int code, uint32_t options, int in_count, const int *in, int out_count,
                 const int *out)
{
    struct tflite_call call = {.code = code, .options = options};
    if (w->failed || mem_grow(&w->calls, &w->call_cap, w->call_count + 1, sizeof *w->calls, w->err) < 0) {
        w->failed = true;
        return;
    }
    call.inputs = put_list(w, in_count, in);
    call.outputs = put_list(w, out_count, out);
    w->calls[w->call_count++] = call;
}

uint32_t tflite_option(struct tflite_writer *w, int slot, int width, int64_t value, int act_slot, int act)
{
    flatbuf_begin(&w->out);
    if (slot >= 0)
        flatbuf_add_int(&w->out, slot, width, value, 0);
    if (act_slot >= 0)
        flatbuf_add_int(&w->out, act_slot, 1, act, 0);
    return flatbuf_end(&w->out);
}

/* ---- the whole ---- */

static int type_of(enum dtype dtype)
{
    for (size_t i = 0; i < tflite_dtype_count; i++)
        if (tflite_dtypes[i] == dtype && dtype != DTYPE_NONE)
            return (int)i;
    return -1;
}

static uint32_t put_quant(struct tflite_writer *w, const struct tflite_out *t)
{
    int64_t zeros[4096] = {0};
    size_t count = (size_t)t->scale->count;
    if (count > 4096) {
        error_set(w->err, "%zu scales: want at most 4096", count);
        w->failed = true;
        return 0;
    }
    for (size_t i = 0; t->zero && i < count; i++)
        zeros[i] = tensor_get_i64(t->zero, t->zero->count == 1 ? 0 : (int64_t)i);
    uint32_t scale = flatbuf_put_vector(&w->out, t->scale->data, count, 4, 4);
    uint32_t zero = flatbuf_put_vector(&w->out, zeros, count, 8, 8);
    flatbuf_begin(&w->out);
    flatbuf_add_ref(&w->out, QUANT_SCALE, scale);
    flatbuf_add_ref(&w->out, QUANT_ZERO, zero);
    flatbuf_add_int(&w->out, QUANT_AXIS, 4, t->axis, 0);
    return flatbuf_end(&w->out);
}

/* Not for names that only the graph gave, "_12": they would be others after reading. */
static uint32_t put_name(struct tflite_writer *w, const char *name)
{
    bool is_fresh = name[0] == '_' && name[1];
    for (const char *c = name + 1; is_fresh && *c; c++)
        is_fresh = (*c >= '0' && *c <= '9') || *c == '_';
    return is_fresh || !*name ? 0 : flatbuf_put_string(&w->out, name);
}

static uint32_t put_tensor(struct tflite_writer *w, const struct tflite_out *t, size_t buffer)
{
    int32_t shape[TENSOR_MAX_RANK], open[TENSOR_MAX_RANK];
    int type = type_of(t->dtype);
    bool is_open = false;
    for (int i = 0; i < t->rank; i++) {
        if (t->dims[i] > INT32_MAX)
            type = -1;
        open[i] = (int32_t)t->dims[i];
        shape[i] = t->dims[i] < 0 ? 1 : (int32_t)t->dims[i];
        is_open = is_open || t->dims[i] < 0;
    }
    if (type < 0) {
        error_set(w->err, "value '%.200s' of %s has no type in TFLite", t->name, dtype_info(t->dtype)->name);
        w->failed = true;
    }
    uint32_t quant = t->scale ? put_quant(w, t) : 0, name = put_name(w, t->name);
    uint32_t dims = flatbuf_put_i32s(&w->out, shape, (size_t)t->rank);
    uint32_t signature = is_open ? flatbuf_put_i32s(&w->out, open, (size_t)t->rank) : 0;
    flatbuf_begin(&w->out);
    flatbuf_add_ref(&w->out, TENSOR_SHAPE, dims);
    flatbuf_add_int(&w->out, TENSOR_TYPE, 1, type, 0);
    flatbuf_add_int(&w->out, TENSOR_BUFFER, 4, (int64_t)buffer, 0);
    flatbuf_add_ref(&w->out, TENSOR_NAME, name);
    flatbuf_add_ref(&w->out, TENSOR_QUANT, quant);
    flatbuf_add_ref(&w->out, TENSOR_SIGNATURE, signature);
    flatbuf_add_int(&w->out, TENSOR_HAS_RANK, 1, 1, 0);
    return flatbuf_end(&w->out);
}

static uint32_t put_buffer(struct tflite_writer *w, uint32_t data)
{
    flatbuf_begin(&w->out);
    flatbuf_add_ref(&w->out, BUFFER_DATA, data);
    return flatbuf_end(&w->out);
}

/* The codes in use, each once; codes[256] gets where. */
static uint32_t put_codes(struct tflite_writer *w, int *where)
{
    uint32_t refs[256];
    size_t count = 0;
    for (int i = 0; i < 256; i++)
        where[i] = -1;
    for (size_t i = 0; i < w->call_count; i++) {
        int code = w->calls[i].code;
        if (where[code] >= 0)
            continue;
        where[code] = (int)count;
        flatbuf_begin(&w->out);
        flatbuf_add_int(&w->out, CODE_OLD, 1, code < 127 ? code : 127, 0);
        flatbuf_add_int(&w->out, CODE_VERSION, 4, tflite_version_of(code), 1);
        flatbuf_add_int(&w->out, CODE_NEW, 4, code, 0);
        refs[count++] = flatbuf_end(&w->out);
    }
    return flatbuf_put_refs(&w->out, refs, count);
}

static uint32_t put_calls(struct tflite_writer *w, const int *where, uint32_t *refs)
{
    for (size_t i = 0; i < w->call_count; i++) {
        const struct tflite_call *c = &w->calls[i];
        flatbuf_begin(&w->out);
        flatbuf_add_int(&w->out, OPERATOR_CODE, 4, where[c->code], 0);
        flatbuf_add_ref(&w->out, OPERATOR_INPUTS, c->inputs);
        flatbuf_add_ref(&w->out, OPERATOR_OUTPUTS, c->outputs);
        if (c->options)
            flatbuf_add_int(&w->out, OPERATOR_OPTIONS_TYPE, 1, tflite_options_of(c->code), 0);
        flatbuf_add_ref(&w->out, OPERATOR_OPTIONS, c->options);
        refs[i] = flatbuf_end(&w->out);
    }
    return flatbuf_put_refs(&w->out, refs, w->call_count);
}

static uint32_t put_ports(struct tflite_writer *w, struct value *const *values, size_t count)
{
    int32_t *numbers = mem_calloc(count, sizeof *numbers, w->err);
    w->failed = w->failed || !numbers;
    for (size_t i = 0; numbers && i < count; i++) {
        int tensor = tflite_take(w, values[i], false);
        numbers[i] = tensor - 1;
        if (tensor)
            w->tensors[tensor - 1].name = values[i]->name;
    }
    uint32_t ref = numbers ? flatbuf_put_i32s(&w->out, numbers, count) : 0;
    free(numbers);
    return ref;
}

static uint32_t put_model(struct tflite_writer *w, uint32_t *refs, uint32_t *buffers)
{
    int where[256];
    size_t buffer_count = 1;
    uint32_t outputs = put_ports(w, w->g->outputs, w->g->output_count);
    uint32_t inputs = put_ports(w, w->g->inputs, w->g->input_count);
    uint32_t codes = put_codes(w, where), operators = put_calls(w, where, refs);
    buffers[0] = put_buffer(w, 0);
    for (size_t i = 0; i < w->tensor_count && !w->failed; i++) {
        if (w->tensors[i].data)
            buffers[buffer_count] = put_buffer(w, w->tensors[i].data);
        refs[i] = put_tensor(w, &w->tensors[i], w->tensors[i].data ? buffer_count++ : 0);
    }
    uint32_t tensors = flatbuf_put_refs(&w->out, refs, w->tensor_count);
    uint32_t all = flatbuf_put_refs(&w->out, buffers, buffer_count), name = flatbuf_put_string(&w->out, "main");
    flatbuf_begin(&w->out);
    flatbuf_add_ref(&w->out, GRAPH_TENSORS, tensors);
    flatbuf_add_ref(&w->out, GRAPH_INPUTS, inputs);
    flatbuf_add_ref(&w->out, GRAPH_OUTPUTS, outputs);
    flatbuf_add_ref(&w->out, GRAPH_OPERATORS, operators);
    flatbuf_add_ref(&w->out, GRAPH_NAME, name);
    uint32_t graph = flatbuf_end(&w->out), graphs = flatbuf_put_refs(&w->out, &graph, 1);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, MODEL_VERSION, 4, TFLITE_VERSION, 0);
    flatbuf_add_ref(&w->out, MODEL_CODES, codes);
    flatbuf_add_ref(&w->out, MODEL_GRAPHS, graphs);
    flatbuf_add_ref(&w->out, MODEL_BUFFERS, all);
    return flatbuf_end(&w->out);
}

/* Operators without a row that others define are written as these. New nodes come before the old one. */
static int expand_all(struct graph *g, struct error *err)
{
    for (struct node *n = g->first, *next; n; n = next) {
        struct node *before = n->prev;
        next = n->next;
        if (tflite_writes_of(n) || !n->def || !n->def->expand)
            continue;
        if (n->def->expand(n, err) != 0)
            return -1;
        graph_remove_node(n);
        next = before ? before->next : g->first;
    }
    return op_infer_graph(g, err);
}

static void write_nodes(struct tflite_writer *w)
{
    for (size_t i = 0; i < w->g->input_count; i++) {
        struct value *v = w->g->inputs[i];
        if (v->constant && !w->failed) {
            error_set(w->err, "TFLite cannot carry the value that input '%.200s' has when none is given", v->name);
            w->failed = true;
        }
        w->forms[v->index].plain = new_like(w, v, false);
    }
    for (struct node *n = w->g->first; n; n = n->next)
        n->scratch = NULL;
    for (struct node *n = w->g->first; n && !w->failed; n = n->next) {
        const struct tflite_writes *row = tflite_writes_of(n);
        if (n->scratch)
            continue; /* part of an operator that is written already */
        if (row)
            row->write(w, n, row);
        else
            tflite_cannot(w, n, "it has no operator for it");
        for (int i = 0; i < n->out_count && w->fault_count; i++)
            if (n->out[i] && !w->forms[n->out[i]->index].last)
                w->forms[n->out[i]->index].plain = 1; /* so that all that cannot be carried is found */
    }
}

static int write_all(struct tflite_writer *w, struct target *target)
{
    size_t size = 0;
    write_nodes(w);
    if (report(w) < 0)
        return -1;
    size_t most = w->tensor_count + w->call_count + 2 * (w->g->output_count + w->g->input_count) + 2;
    uint32_t *refs = mem_calloc(2 * most, sizeof *refs, w->err);
    uint32_t root = refs ? put_model(w, refs, refs + most) : 0;
    free(refs);
    const uint8_t *data = refs && report(w) == 0 ? flatbuf_finish(&w->out, root, TFLITE_IDENTIFIER, &size) : NULL;
    struct file_out *file = data ? target_file(target, NULL, w->err) : NULL;
    return file ? file_write(file, data, size, w->err) : -1;
}

int tflite_write(const struct graph *g, struct target *target, struct error *err)
{
    struct tflite_writer w = {.err = err};
    int result = -1;
    w.half = target_option(target, "fp16") != NULL;
    w.g = graph_clone(g, err);
    text_init(&w.faults);
    flatbuf_out_init(&w.out, err);
    if (w.g)
        op_resolve(w.g);
    if (w.g && expand_all(w.g, err) == 0) {
        w.forms = mem_calloc(w.g->value_count, sizeof *w.forms, err);
        result = w.forms ? write_all(&w, target) : -1;
    }
    free(w.forms);
    free(w.tensors);
    free(w.calls);
    text_release(&w.faults);
    flatbuf_out_release(&w.out);
    graph_free(w.g);
    return result;
}
