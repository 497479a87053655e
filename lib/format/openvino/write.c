/* Writing: layers, ports, constants, and the whole. */
#include "format/openvino/write.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HALF_FROM 16 /* elements from which a constant is stored in halves */
#define MOST_LIST 64 /* elements of a nameless constant that each layer has for itself */

/* ---- text ---- */

void openvino_put_text(struct openvino_writer *w, const char *name, const char *value)
{
    text_printf(&w->data, " %s=\"", name);
    openvino_put_escaped(&w->data, value);
    text_puts(&w->data, "\"");
}

void openvino_put_int(struct openvino_writer *w, const char *name, int64_t value)
{
    text_printf(&w->data, " %s=\"%lld\"", name, (long long)value);
}

void openvino_put_float(struct openvino_writer *w, const char *name, float value)
{
    text_printf(&w->data, " %s=\"", name);
    text_f32(&w->data, value);
    text_puts(&w->data, "\"");
}

void openvino_put_bool(struct openvino_writer *w, const char *name, bool value)
{
    openvino_put_text(w, name, value ? "true" : "false");
}

void openvino_put_ints(struct openvino_writer *w, const char *name, int count, const int64_t *values)
{
    text_printf(&w->data, " %s=\"", name);
    for (int i = 0; i < count; i++)
        text_printf(&w->data, i ? ",%lld" : "%lld", (long long)values[i]);
    text_puts(&w->data, "\"");
}

/* ---- layers ---- */

/* What IR calls element types where ports state them. */
static const char *precision(enum dtype dtype)
{
    static const struct {
        enum dtype dtype;
        const char *name;
    } names[] = {{DTYPE_F32, "FP32"}, {DTYPE_F16, "FP16"}, {DTYPE_F64, "FP64"}, {DTYPE_BF16, "BF16"},
                 {DTYPE_I64, "I64"},  {DTYPE_I32, "I32"},  {DTYPE_I16, "I16"},  {DTYPE_I8, "I8"},
                 {DTYPE_U64, "U64"},  {DTYPE_U32, "U32"},  {DTYPE_U16, "U16"},  {DTYPE_U8, "U8"},
                 {DTYPE_I4, "I4"},    {DTYPE_U4, "U4"},    {DTYPE_BOOL, "BOOL"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (names[i].dtype == dtype)
            return names[i].name;
    return "FP32";
}

static void put_port(struct openvino_writer *w, int id, const char *name, enum dtype dtype, int rank,
                     const int64_t *dims)
{
    text_printf(&w->list.layers, "<port id=\"%d\" precision=\"%s\"", id, precision(dtype));
    if (name) {
        text_puts(&w->list.layers, " names=\"");
        for (const char *at = name; *at; at++) {
            if (*at == ',' || *at == '\\')
                text_puts(&w->list.layers, "\\");
            openvino_put_escaped(&w->list.layers, (char[]){*at, 0});
        }
        text_puts(&w->list.layers, "\"");
    }
    text_puts(&w->list.layers, ">");
    for (int i = 0; i < rank; i++)
        text_printf(&w->list.layers, "<dim>%lld</dim>", (long long)(dims[i] >= 0 ? dims[i] : -1));
    text_puts(&w->list.layers, "</port>\n");
}

static void put_value_port(struct openvino_writer *w, int id, const struct value *v)
{
    bool known = v->type.kind == TYPE_TENSOR;
    put_port(w, id, v->name, known ? v->type.dtype : DTYPE_F32, known ? v->type.rank : -1, v->type.dims);
}

/* Begins a layer up to its outputs. */
static int begin_layer(struct openvino_writer *w, const char *name, const char *type, int set, int count,
                       const struct openvino_place *in)
{
    int id = w->list.layer_count++;
    text_printf(&w->list.layers, "<layer id=\"%d\" name=\"", id);
    openvino_put_escaped(&w->list.layers, name);
    text_printf(&w->list.layers, "\" type=\"%s\" version=\"opset%d\">\n", type, set);
    if (w->data.size)
        text_printf(&w->list.layers, "<data%s/>\n", w->data.data);
    if (w->inner.size)
        text_puts(&w->list.layers, w->inner.data);
    w->data.size = w->inner.size = 0;
    if (count)
        text_puts(&w->list.layers, "<input>\n");
    for (int i = 0; i < count; i++) {
        put_port(w, i, NULL, DTYPE_F32, 0, NULL);
        text_printf(&w->list.edges, "<edge from-layer=\"%d\" from-port=\"%d\" to-layer=\"%d\" to-port=\"%d\"/>\n",
                    in[i].layer, in[i].port, id, i);
    }
    if (count)
        text_puts(&w->list.layers, "</input>\n");
    return id;
}

static void part_name(struct openvino_writer *w, const char *what, char *name, size_t size)
{
    const struct value *out = w->node ? node_out(w->node, 0) : NULL;
    snprintf(name, size, "%.200s/%.60s_%d", out ? out->name : "", what, ++w->made);
}

struct openvino_place openvino_step(struct openvino_writer *w, const char *type, int set, int outputs, int count,
                                    const struct openvino_place *in)
{
    char name[300];
    part_name(w, type, name, sizeof(name));
    int id = begin_layer(w, name, type, set, count, in);
    text_puts(&w->list.layers, "<output>\n");
    for (int o = 0; o < outputs; o++)
        put_port(w, count + o, NULL, DTYPE_F32, -1, NULL);
    text_puts(&w->list.layers, "</output>\n</layer>\n");
    return (struct openvino_place){id, count};
}

void openvino_finish_one(struct openvino_writer *w, int o, const char *type, int set, int count,
                         const struct openvino_place *in)
{
    struct value *v = w->node->out[o];
    int id = begin_layer(w, v->name, type, set, count, in);
    text_puts(&w->list.layers, "<output>\n");
    put_value_port(w, count, v);
    text_puts(&w->list.layers, "</output>\n</layer>\n");
    w->list.places[v->index] = (struct openvino_place){id, count};
}

void openvino_finish(struct openvino_writer *w, const char *type, int set, int count, const struct openvino_place *in)
{
    int id = begin_layer(w, node_out(w->node, 0) ? w->node->out[0]->name : w->node->name, type, set, count, in);
    text_puts(&w->list.layers, "<output>\n");
    for (int o = 0; o < w->node->out_count || o < w->outputs; o++) {
        struct value *v = node_out(w->node, o);
        if (v) {
            put_value_port(w, count + o, v);
            w->list.places[v->index] = (struct openvino_place){id, count + o};
        } else {
            put_port(w, count + o, NULL, DTYPE_F32, -1, NULL);
        }
    }
    text_puts(&w->list.layers, "</output>\n</layer>\n");
}

/* An output of the graph has a port of its own, so that it keeps its name. */
void openvino_alias(struct openvino_writer *w, struct openvino_place p)
{
    struct value *v = w->node->out[0];
    const char *type = openvino_type_name(openvino_dtype_of(v));
    if (!v->is_output) {
        w->list.places[v->index] = p;
    } else {
        openvino_put_text(w, "destination_type", type ? type : "f32");
        OPENVINO_FINISH(w, "Convert", 1, p);
    }
}

/* ---- constants ---- */

/* Halves of numbers, where all of them fit; NULL where not. */
static struct tensor *halved(struct openvino_writer *w, const struct tensor *t)
{
    if (!w->half || t->dtype != DTYPE_F32 || t->count < HALF_FROM)
        return NULL;
    for (int64_t i = 0; i < t->count; i++) {
        double f = tensor_get_f64(t, i);
        if (f > 65504 || f < -65504)
            return NULL;
    }
    return tensor_cast(t, DTYPE_F16, false, w->err);
}

struct openvino_place openvino_tensor_of(struct openvino_writer *w, const char *name, const struct tensor *t)
{
    struct openvino_place place = {-1, 0};
    struct tensor *half = halved(w, t);
    struct text waiting = w->data; /* of the layer that takes it */
    const struct tensor *stored = half ? half : t;
    const char *type = openvino_type_name(stored->dtype);
    char inner[300];
    if (!type || w->failed) {
        if (w->node && !w->failed)
            openvino_cannot(w, "a constant of type %s", dtype_info(stored->dtype)->name);
        tensor_unref(half);
        return place;
    }
    text_init(&w->data);
    openvino_put_text(w, "element_type", type);
    openvino_put_ints(w, "shape", stored->rank, stored->dims);
    openvino_put_int(w, "offset", (int64_t)w->offset);
    openvino_put_int(w, "size", (int64_t)stored->size);
    snprintf(inner, sizeof(inner), half ? "%.280s/half" : "%.280s", name);
    int id = begin_layer(w, inner, "Const", 1, 0, NULL);
    text_puts(&w->list.layers, "<output>\n");
    put_port(w, 0, half ? NULL : name, stored->dtype, stored->rank, stored->dims);
    text_puts(&w->list.layers, "</output>\n</layer>\n");
    w->failed = w->failed || file_write(w->bin, stored->data, stored->size, w->err) != 0;
    w->offset += stored->size;
    place = (struct openvino_place){id, 0};
    if (half) {
        openvino_put_text(w, "destination_type", "f32");
        id = begin_layer(w, name, "Convert", 1, 1, &place);
        text_puts(&w->list.layers, "<rt_info><attribute name=\"decompression\" version=\"0\"/></rt_info>\n<output>\n");
        put_port(w, 1, name, DTYPE_F32, t->rank, t->dims);
        text_puts(&w->list.layers, "</output>\n</layer>\n");
        place = (struct openvino_place){id, 1};
    }
    tensor_unref(half);
    waiting.failed = waiting.failed || w->data.failed;
    text_release(&w->data);
    w->data = waiting;
    return place;
}

static struct openvino_place put_own(struct openvino_writer *w, const char *what, struct tensor *t)
{
    char name[300];
    struct openvino_place p = {-1, 0};
    part_name(w, what, name, sizeof(name));
    w->failed = w->failed || !t;
    if (t)
        p = openvino_tensor_of(w, name, t);
    tensor_unref(t);
    return p;
}

struct openvino_place openvino_list_of(struct openvino_writer *w, int count, const int64_t *values)
{
    return put_own(w, "list", tensor_ints(count, values, w->err));
}

struct openvino_place openvino_number_of(struct openvino_writer *w, enum dtype dtype, double value)
{
    struct tensor *t = tensor_new(dtype, 0, NULL, w->err);
    if (t)
        tensor_set_f64(t, 0, value);
    return put_own(w, "number", t);
}

/* ---- values ---- */

const struct tensor *openvino_fixed(const struct value *v, bool *half)
{
    const struct node *n = v && !v->constant ? v->producer : NULL;
    const struct value *from = n && node_is(n, "Cast") && v->type.dtype == DTYPE_F32 ? node_in(n, 0) : NULL;
    *half = from && from->constant && !from->is_input && from->constant->dtype == DTYPE_F16;
    return *half ? from->constant : v && v->constant && !v->is_input ? v->constant : NULL;
}

struct openvino_place openvino_take_tensor(struct openvino_writer *w, const char *name, struct tensor *t, bool half)
{
    bool before = w->half;
    struct openvino_place p = {-1, 0};
    w->failed = w->failed || !t;
    w->half = before || half;
    if (t)
        p = openvino_tensor_of(w, name, t);
    w->half = before;
    tensor_unref(t);
    return p;
}

/* A fixed tensor with these dims, of which one may be -1. */
static struct openvino_place put_fixed(struct openvino_writer *w, const char *name, const struct tensor *t, bool half,
                                       int rank, const int64_t *dims)
{
    int64_t count = 1, own[TENSOR_MAX_RANK];
    for (int i = 0; i < rank; i++)
        count *= dims[i] < 0 ? 1 : dims[i];
    for (int i = 0; i < rank; i++)
        own[i] = dims[i] >= 0 ? dims[i] : count > 0 ? t->count / count : 0;
    struct tensor *wide = half ? tensor_cast(t, DTYPE_F32, false, w->err) : NULL;
    struct tensor *to = half && !wide ? NULL : tensor_reshaped(wide ? wide : t, rank, own, w->err);
    tensor_unref(wide);
    return openvino_take_tensor(w, name, to, half);
}

/* With sizes that may be open. */
static void put_shape(struct openvino_writer *w, const char *name, const struct type *type)
{
    text_printf(&w->data, " %s=\"", name);
    for (int i = 0; i < type->rank; i++)
        text_printf(&w->data, type->dims[i] >= 0 ? "%s%lld" : "%s?", i ? "," : "", (long long)type->dims[i]);
    text_puts(&w->data, type->rank < 0 ? "...\"" : "\"");
}

/* It may be asked for while a layer is made. */
static struct openvino_place put_parameter(struct openvino_writer *w, const struct value *v)
{
    const char *type = openvino_type_name(openvino_dtype_of(v));
    struct text waiting = w->data;
    text_init(&w->data);
    if (!type) {
        w->failed = true;
        error_set(w->err, "OpenVINO cannot carry '%.200s', an input of a type of its own", v->name);
    }
    put_shape(w, "shape", &v->type);
    openvino_put_text(w, "element_type", type ? type : "f32");
    int id = begin_layer(w, v->name, "Parameter", 1, 0, NULL);
    text_puts(&w->list.layers, "<output>\n");
    put_value_port(w, 0, v);
    text_puts(&w->list.layers, "</output>\n</layer>\n");
    waiting.failed = waiting.failed || w->data.failed;
    text_release(&w->data);
    w->data = waiting;
    return (struct openvino_place){id, 0};
}

/* What a body takes from outside comes by a Parameter. */
static struct openvino_place captured(struct openvino_writer *w, struct value *v)
{
    struct openvino_list *l = &w->list;
    for (size_t i = 0; i < l->capture_count; i++)
        if (l->captures[i].value == v)
            return l->captures[i].parameter;
    if (mem_grow(&l->captures, &l->capture_cap, l->capture_count + 1, sizeof(*l->captures), w->err) != 0) {
        w->failed = true;
        return (struct openvino_place){-1, 0};
    }
    l->captures[l->capture_count] = (struct openvino_capture){v, put_parameter(w, v)};
    return l->captures[l->capture_count++].parameter;
}

struct openvino_place openvino_of(struct openvino_writer *w, struct value *v)
{
    char name[300];
    bool half;
    const struct tensor *t = openvino_fixed(v, &half);
    if (!v)
        return (struct openvino_place){-1, 0};
    if (v->graph != w->list.graph && !t)
        return captured(w, v);
    if (v->graph != w->list.graph)
        return put_fixed(w, v->name, t, half, t->rank, t->dims);
    if (w->list.places[v->index].layer >= 0 || !t)
        return w->list.places[v->index];
    if (openvino_is_named(v->name))
        snprintf(name, sizeof(name), "%.290s", v->name);
    else
        part_name(w, "const", name, sizeof(name));
    struct openvino_place p = put_fixed(w, name, t, half, t->rank, t->dims);
    if (openvino_is_named(v->name) || v->is_output ||
        t->count > MOST_LIST) /* lists of axes and the like are each layer's own */
        w->list.places[v->index] = p;
    return p;
}

struct openvino_place openvino_shaped(struct openvino_writer *w, int i, const char *what, int rank, const int64_t *dims)
{
    char name[300];
    bool half;
    const struct tensor *t = openvino_fixed(node_in(w->node, i), &half);
    if (!t)
        return openvino_reshape(w, openvino_at(w, i), rank, dims);
    part_name(w, what, name, sizeof(name));
    return put_fixed(w, name, t, half, rank, dims);
}

struct openvino_place openvino_at(struct openvino_writer *w, int i)
{
    struct openvino_place p = openvino_of(w, node_in(w->node, i));
    if (p.layer < 0 && w->faults.count == 0)
        openvino_cannot(w, "its input %d is missing", i);
    return p;
}

int openvino_known(struct openvino_writer *w, int i, int64_t *values, int max, bool needed)
{
    const struct value *v = node_in(w->node, i);
    if (v && v->constant && !v->is_input && v->constant->count <= max && v->constant->dtype != DTYPE_STRING) {
        tensor_load_i64(v->constant, 0, v->constant->count, values);
        return (int)v->constant->count;
    }
    if (needed)
        openvino_cannot(w, "its input %d must be a constant", i);
    return -1;
}

int openvino_rank_of(const struct value *v)
{
    return v && v->type.kind == TYPE_TENSOR ? v->type.rank : -1;
}

enum dtype openvino_dtype_of(const struct value *v)
{
    return v && v->type.kind == TYPE_TENSOR ? v->type.dtype : DTYPE_NONE;
}

struct openvino_place openvino_reshape(struct openvino_writer *w, struct openvino_place p, int rank,
                                       const int64_t *dims)
{
    struct openvino_place list = openvino_list_of(w, rank, dims);
    openvino_put_bool(w, "special_zero", true);
    return OPENVINO_STEP(w, "Reshape", 1, p, list);
}

/* ---- the whole ---- */

/* A variable begins with its first value; what has a value and changes never is a constant. */
static void write_input(struct openvino_writer *w, struct value *v)
{
    const struct tensor *first = v->constant;
    const bool half = w->half, varies = first && openvino_next_of(v);
    const char *type = openvino_type_name(openvino_dtype_of(v));
    struct openvino_place *place = &w->list.places[v->index];
    char name[300];
    if (!first || !type) {
        *place = put_parameter(w, v);
        return;
    }
    w->half = false;
    snprintf(name, sizeof(name), varies ? "%.280s/first" : "%.290s", v->name);
    *place = openvino_tensor_of(w, name, first);
    w->half = half;
    if (!varies)
        return;
    openvino_put_text(w, "variable_id", v->name);
    openvino_put_text(w, "variable_type", type);
    put_shape(w, "variable_shape", &v->type);
    *place = OPENVINO_STEP(w, "ReadValue", 6, *place);
}

static void write_node(struct openvino_writer *w, struct node *n)
{
    bool half, wanted = false;
    for (int o = 0; o < n->out_count; o++)
        wanted = wanted || n->out[o];
    w->node = n;
    w->made = w->outputs = 0;
    w->row = openvino_row_of(n);
    w->data.size = 0;
    if (!wanted || (n->out_count == 1 && openvino_fixed(n->out[0], &half))) /* constants are written with their users */
        return;
    if (w->row)
        w->row->write(w);
    else
        openvino_cannot(w, "there is no such layer");
}

/* A body's list of constants and results, or the net's: results stand last, and a variable's next value is none. */
static void write_result(struct openvino_writer *w, struct value *v, struct openvino_place p)
{
    const struct value *variable = w->list.graph->parent ? NULL : openvino_variable_of(v);
    char name[300];
    snprintf(name, sizeof(name), "%.280s/result", v->name);
    if (p.layer < 0) {
        w->failed = true;
        error_set(w->err, "output '%.200s' is made by nothing", v->name);
    }
    if (variable)
        openvino_put_text(w, "variable_id", variable->name);
    begin_layer(w, name, variable ? "Assign" : "Result", variable ? 6 : 1, 1, &p);
    text_puts(&w->list.layers, "</layer>\n");
}

static int write_results(struct openvino_writer *w)
{
    struct openvino_list *l = &w->list;
    struct openvino_place *in = mem_calloc(l->graph->output_count, sizeof(*in), w->err);
    for (size_t i = 0; in && i < l->graph->output_count; i++) {
        in[i] = openvino_of(w, l->graph->outputs[i]);
        if (l->scan_first && i >= l->scan_first)
            in[i] = OPENVINO_STEP(w, "Unsqueeze", 1, in[i], openvino_number_of(w, DTYPE_I64, 0));
    }
    l->result_first = l->layer_count;
    for (size_t i = 0; in && i < l->graph->output_count; i++)
        write_result(w, l->graph->outputs[i], in[i]);
    w->failed = w->failed || !in;
    free(in);
    return w->failed ? -1 : 0;
}

static int write_file(struct openvino_writer *w, struct target *target)
{
    struct file_out *file = target_file(target, NULL, w->err);
    struct text head;
    text_init(&head);
    text_puts(&head, "<?xml version=\"1.0\"?>\n<net name=\"");
    openvino_put_escaped(&head, w->list.graph->name ? w->list.graph->name : "");
    text_puts(&head, "\" version=\"11\">\n<layers>\n");
    text_puts(&w->list.layers, "</layers>\n<edges>\n");
    text_puts(&w->list.edges, "</edges>\n");
    openvino_put_info(&w->list.edges, w->list.graph);
    text_puts(&w->list.edges, "</net>\n");
    int result = !file                                                                            ? -1
                 : head.failed || w->list.layers.failed || w->list.edges.failed || w->data.failed ? error_memory(w->err)
                                                                                                  : 0;
    const struct text *parts[] = {&head, &w->list.layers, &w->list.edges};
    for (int i = 0; i < 3 && result == 0; i++)
        result = file_write(file, parts[i]->data, parts[i]->size, w->err);
    text_release(&head);
    return result;
}

int openvino_fill(struct openvino_writer *w)
{
    struct openvino_list *l = &w->list;
    l->places = mem_calloc(l->graph->value_count + 1, sizeof(*l->places), w->err);
    if (!l->places)
        return -1;
    for (size_t i = 0; i < l->graph->value_count; i++) {
        l->places[i] = (struct openvino_place){-1, 0};
        if (l->graph->values[i])
            l->graph->values[i]->index = i;
    }
    for (size_t i = 0; i < l->graph->input_count && !w->failed; i++)
        write_input(w, l->graph->inputs[i]);
    for (struct node *n = l->graph->first; n && !w->failed; n = n->next)
        write_node(w, n);
    if (w->faults.count)
        return 0; /* all of them are told at the end */
    w->node = NULL;
    return w->failed ? -1 : write_results(w);
}

void openvino_close(struct openvino_list *l)
{
    text_release(&l->layers);
    text_release(&l->edges);
    free(l->places);
    free(l->captures);
}

static int write_all(struct openvino_writer *w, struct target *target)
{
    w->bin = w->list.graph && openvino_prepare(w->list.graph, w->err) == 0 ? target_file(target, ".bin", w->err) : NULL;
    if (!w->bin || openvino_fill(w) != 0 || faults_report(&w->faults, "OpenVINO IR", w->err) != 0)
        return -1;
    return write_file(w, target);
}

int openvino_write(const struct graph *g, struct target *target, struct error *err)
{
    struct openvino_writer w = {.err = err, .faults.origins.from = g, .list.graph = graph_clone(g, err)};
    w.half = target_option(target, "fp16") != NULL;
    text_init(&w.list.layers);
    text_init(&w.list.edges);
    text_init(&w.data);
    text_init(&w.inner);
    int result = write_all(&w, target);
    openvino_close(&w.list);
    text_release(&w.data);
    text_release(&w.inner);
    faults_release(&w.faults);
    graph_free(w.list.graph);
    return result;
}
