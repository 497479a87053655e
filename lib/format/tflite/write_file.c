/* The tables of a .tflite file being written: calls of operators, tensors, buffers, subgraphs, the model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lookup.h"
#include "format/tflite/schema.h"
#include "format/tflite/tflite.h"
#include "format/tflite/writers.h"

#define SCALES_MOST 65536

void tflite_add_ref(struct tflite_writer *w, struct tflite_refs *list, uint32_t ref)
{
    if (w->failed || mem_grow(&list->refs, &list->cap, list->count + 1, sizeof *list->refs, w->err) < 0)
        w->failed = true;
    else
        list->refs[list->count++] = ref;
}

/* ---- operators ---- */

/* Numbers of the file for tensors of the scope: map[] has them, or -1. */
static uint32_t put_list(struct tflite_writer *w, int count, const int *tensors, const int *map)
{
    int32_t *numbers = mem_calloc((size_t)count, sizeof *numbers, w->err);
    w->failed = w->failed || !numbers;
    for (int i = 0; numbers && i < count; i++)
        numbers[i] = tensors[i] ? map[tensors[i] - 1] : -1;
    uint32_t ref = numbers ? flatbuf_put_i32s(&w->out, numbers, (size_t)count) : 0;
    free(numbers);
    return ref;
}

/* The place of a code in the list. */
static size_t code_at(struct tflite_writer *w, int code, const char *custom)
{
    for (size_t i = 0; i < w->code_count; i++)
        if (w->codes[i].code == code && strcmp(w->codes[i].custom, custom ? custom : "") == 0)
            return i;
    if (mem_grow(&w->codes, &w->code_cap, w->code_count + 1, sizeof *w->codes, w->err) < 0) {
        w->failed = true;
        return 0;
    }
    struct tflite_code *c = &w->codes[w->code_count];
    *c = (struct tflite_code){.code = code};
    if (custom)
        snprintf(c->custom, sizeof c->custom, "%s", custom);
    return w->code_count++;
}

static int *keep_list(struct tflite_writer *w, int count, const int *tensors)
{
    int *copy = arena_alloc(&w->at.g->root->arena, (size_t)count * sizeof *copy, w->err);
    w->failed = w->failed || !copy;
    if (copy && count)
        memcpy(copy, tensors, (size_t)count * sizeof *copy);
    return copy;
}

static struct tflite_call *add_call(struct tflite_writer *w, int code, int in_count, const int *in, int out_count,
                                    const int *out)
{
    if (w->failed || mem_grow(&w->at.calls, &w->at.call_cap, w->at.call_count + 1, sizeof *w->at.calls, w->err) < 0) {
        w->failed = true;
        return NULL;
    }
    struct tflite_call *call = &w->at.calls[w->at.call_count++];
    *call = (struct tflite_call){.code = code, .in_count = in_count, .out_count = out_count};
    call->in = keep_list(w, in_count, in);
    call->out = keep_list(w, out_count, out);
    return w->failed ? NULL : call;
}

void tflite_call(struct tflite_writer *w, int code, uint32_t options, int in_count, const int *in, int out_count,
                 const int *out)
{
    struct tflite_call *call = add_call(w, code, in_count, in, out_count, out);
    if (call)
        call->options = options;
}

void tflite_call_custom(struct tflite_writer *w, const char *name, const void *options, size_t size, int in_count,
                        const int *in, int out_count, const int *out)
{
    struct tflite_call *call = add_call(w, TFLITE_CUSTOM, in_count, in, out_count, out);
    if (call && !(call->custom_name = arena_strdup(&w->at.g->root->arena, name, w->err)))
        w->failed = true;
    if (call && size)
        call->custom = flatbuf_put_vector(&w->out, options, size, 1, 16);
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

static uint32_t put_codes(struct tflite_writer *w)
{
    struct tflite_refs list = {0};
    for (size_t i = 0; i < w->code_count; i++) {
        int code = w->codes[i].code;
        uint32_t custom = w->codes[i].custom[0] ? flatbuf_put_string(&w->out, w->codes[i].custom) : 0;
        flatbuf_begin(&w->out);
        flatbuf_add_int(&w->out, CODE_OLD, 1, code < 127 ? code : 127, 0);
        flatbuf_add_ref(&w->out, CODE_CUSTOM, custom);
        flatbuf_add_int(&w->out, CODE_VERSION, 4, tflite_version_of(code), 1);
        flatbuf_add_int(&w->out, CODE_NEW, 4, code, 0);
        tflite_add_ref(w, &list, flatbuf_end(&w->out));
    }
    uint32_t ref = flatbuf_put_refs(&w->out, list.refs, list.count);
    free(list.refs);
    return ref;
}

static uint32_t put_calls(struct tflite_writer *w, const int *map)
{
    struct tflite_refs list = {0};
    for (size_t i = 0; i < w->at.call_count; i++) {
        const struct tflite_call *c = &w->at.calls[i];
        if (c->in_count < 0)
            continue;
        uint32_t in = put_list(w, c->in_count, c->in, map), out = put_list(w, c->out_count, c->out, map);
        size_t code = code_at(w, c->code, c->custom_name);
        flatbuf_begin(&w->out);
        flatbuf_add_int(&w->out, OPERATOR_CODE, 4, (int64_t)code, 0);
        flatbuf_add_ref(&w->out, OPERATOR_INPUTS, in);
        flatbuf_add_ref(&w->out, OPERATOR_OUTPUTS, out);
        if (c->options)
            flatbuf_add_int(&w->out, OPERATOR_OPTIONS_TYPE, 1, tflite_options_of(c->code), 0);
        flatbuf_add_ref(&w->out, OPERATOR_OPTIONS, c->options);
        flatbuf_add_ref(&w->out, OPERATOR_CUSTOM, c->custom);
        tflite_add_ref(w, &list, flatbuf_end(&w->out));
    }
    uint32_t ref = flatbuf_put_refs(&w->out, list.refs, list.count);
    free(list.refs);
    return ref;
}

/* ---- tensors ---- */

int tflite_type_of(enum dtype dtype)
{
    if (dtype == DTYPE_NONE)
        return TYPE_RESOURCE;
    for (size_t i = 0; i < tflite_dtype_count; i++)
        if (tflite_dtypes[i] == dtype)
            return (int)i;
    return -1;
}

static uint32_t put_quant(struct tflite_writer *w, const struct tflite_out *t)
{
    size_t count = (size_t)t->scale->count;
    int64_t *zeros = count <= SCALES_MOST ? mem_calloc(count, sizeof *zeros, w->err) : NULL;
    if (count > SCALES_MOST)
        error_set(w->err, "%zu scales: want at most %d", count, SCALES_MOST);
    w->failed = w->failed || !zeros;
    if (!zeros)
        return 0;
    for (size_t i = 0; t->zero && i < count; i++)
        zeros[i] = tensor_get_i64(t->zero, t->zero->count == 1 ? 0 : (int64_t)i);
    uint32_t scale = flatbuf_put_vector(&w->out, t->scale->data, count, 4, 4);
    uint32_t zero = flatbuf_put_vector(&w->out, zeros, count, 8, 8);
    free(zeros);
    flatbuf_begin(&w->out);
    flatbuf_add_ref(&w->out, QUANT_SCALE, scale);
    flatbuf_add_ref(&w->out, QUANT_ZERO, zero);
    flatbuf_add_int(&w->out, QUANT_AXIS, 4, t->axis, 0);
    return flatbuf_end(&w->out);
}

bool tflite_is_fresh(const char *name)
{
    bool is_fresh = name[0] == '_' && name[1];
    for (const char *c = name + 1; is_fresh && *c; c++)
        is_fresh = (*c >= '0' && *c <= '9') || *c == '_';
    return is_fresh;
}

/* The buffer of a tensor's data, which are written when they are first asked for. */
static uint32_t buffer_of(struct tflite_writer *w, struct tflite_out *t)
{
    struct tflite_out *owner = t->twin ? &w->at.tensors[t->twin - 1] : t;
    if (owner->constant && !owner->buffer)
        owner->buffer = tflite_put_buffer(w, owner->constant->data, owner->constant->size);
    tensor_unref(t->constant);
    t->constant = NULL;
    return owner->buffer;
}

static uint32_t put_name(struct tflite_writer *w, const struct tflite_out *t, int number)
{
    char text[32];
    snprintf(text, sizeof text, TFLITE_UNNAMED "%d", number);
    return flatbuf_put_string(&w->out, *t->name && !tflite_is_fresh(t->name) ? t->name : text);
}

static uint32_t put_tensor(struct tflite_writer *w, struct tflite_out *t, int number)
{
    int32_t shape[TENSOR_MAX_RANK], open[TENSOR_MAX_RANK];
    int type = tflite_type_of(t->dtype);
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
    uint32_t buffer = buffer_of(w, t);
    uint32_t quant = t->scale ? put_quant(w, t) : 0, name = put_name(w, t, number);
    uint32_t dims = flatbuf_put_i32s(&w->out, shape, (size_t)t->rank);
    uint32_t signature = is_open ? flatbuf_put_i32s(&w->out, open, (size_t)t->rank) : 0;
    flatbuf_begin(&w->out);
    flatbuf_add_ref(&w->out, TENSOR_SHAPE, dims);
    flatbuf_add_int(&w->out, TENSOR_TYPE, 1, type, 0);
    flatbuf_add_int(&w->out, TENSOR_BUFFER, 4, buffer, 0);
    flatbuf_add_ref(&w->out, TENSOR_NAME, name);
    flatbuf_add_ref(&w->out, TENSOR_QUANT, quant);
    flatbuf_add_int(&w->out, TENSOR_VARIABLE, 1, t->is_variable, 0);
    flatbuf_add_ref(&w->out, TENSOR_SIGNATURE, signature);
    flatbuf_add_int(&w->out, TENSOR_HAS_RANK, 1, 1, 0);
    return flatbuf_end(&w->out);
}

/* Whether a name is still free; it is not any more. */
static bool claim_name(struct tflite_writer *w, struct lookup *names, const char *name)
{
    bool is_free = !lookup_find(names, name);
    if (is_free && lookup_add(names, name, w, w->err) < 0)
        w->failed = true;
    return is_free;
}

static uint32_t put_tensors(struct tflite_writer *w, const int *map)
{
    struct tflite_refs list = {0};
    struct lookup names = {0};
    const struct graph *g = w->at.g;
    for (size_t i = 0; i < g->input_count && !w->failed; i++)
        claim_name(w, &names, g->inputs[i]->name);
    for (size_t i = 0; i < g->output_count && !w->failed; i++)
        claim_name(w, &names, g->outputs[i]->name);
    for (size_t i = 0; i < w->at.tensor_count && !w->failed; i++) {
        struct tflite_out *t = &w->at.tensors[i];
        if (map[i] < 0)
            continue;
        if (*t->name && !t->is_port && !claim_name(w, &names, t->name))
            t->name = ""; /* one value may stand in two forms */
        tflite_add_ref(w, &list, put_tensor(w, t, map[i]));
    }
    lookup_release(&names);
    uint32_t ref = flatbuf_put_refs(&w->out, list.refs, list.count);
    free(list.refs);
    return ref;
}

uint32_t tflite_put_buffer(struct tflite_writer *w, const void *data, size_t size)
{
    uint32_t bytes = size ? flatbuf_put_vector(&w->out, data, size, 1, 16) : 0;
    flatbuf_begin(&w->out);
    flatbuf_add_ref(&w->out, BUFFER_DATA, bytes);
    tflite_add_ref(w, &w->buffers, flatbuf_end(&w->out));
    return w->failed ? 0 : (uint32_t)w->buffers.count - 1;
}

/* ---- the whole ---- */

static void take_ports(struct tflite_writer *w, struct value *const *values, size_t count, int *tensors)
{
    for (size_t i = 0; i < count; i++) {
        tensors[i] = tflite_take(w, values[i], false);
        if (tensors[i]) {
            w->at.tensors[tensors[i] - 1].name = values[i]->name;
            w->at.tensors[tensors[i] - 1].is_port = true;
        }
    }
}

static void mark(int *map, int count, const int *tensors)
{
    for (int i = 0; i < count; i++)
        if (tensors[i])
            map[tensors[i] - 1] = 0;
}

/* Numbers the tensors in use: calls whose results nobody takes are left out, by an in_count of -1. */
static void number_tensors(struct tflite_writer *w, int *map)
{
    int next = 0;
    for (size_t i = w->at.call_count; i-- > 0;) {
        struct tflite_call *c = &w->at.calls[i];
        bool is_needed = c->out_count == 0;
        for (int k = 0; k < c->out_count; k++)
            is_needed = is_needed || (c->out[k] && map[c->out[k] - 1] >= 0);
        if (!is_needed) {
            c->in_count = -1;
            continue;
        }
        mark(map, c->in_count, c->in);
        mark(map, c->out_count, c->out);
    }
    for (size_t i = 0; i < w->at.tensor_count; i++)
        map[i] = map[i] < 0 ? -1 : next++;
}

static uint32_t put_graph(struct tflite_writer *w, const char *name, const int *in, const int *out, const int *map)
{
    uint32_t outputs = put_list(w, (int)w->at.g->output_count, out, map);
    uint32_t inputs = put_list(w, (int)w->at.g->input_count, in, map);
    uint32_t operators = put_calls(w, map), tensors = put_tensors(w, map), text = flatbuf_put_string(&w->out, name);
    flatbuf_begin(&w->out);
    flatbuf_add_ref(&w->out, GRAPH_TENSORS, tensors);
    flatbuf_add_ref(&w->out, GRAPH_INPUTS, inputs);
    flatbuf_add_ref(&w->out, GRAPH_OUTPUTS, outputs);
    flatbuf_add_ref(&w->out, GRAPH_OPERATORS, operators);
    flatbuf_add_ref(&w->out, GRAPH_NAME, text);
    return flatbuf_end(&w->out);
}

static uint32_t put_ports(struct tflite_writer *w, struct value *const *values, size_t count, const int *tensors,
                          const int *map)
{
    struct tflite_refs list = {0};
    for (size_t i = 0; i < count; i++) {
        uint32_t name = flatbuf_put_string(&w->out, values[i]->name);
        flatbuf_begin(&w->out);
        flatbuf_add_ref(&w->out, PORT_NAME, name);
        flatbuf_add_int(&w->out, PORT_TENSOR, 4, tensors[i] ? map[tensors[i] - 1] : 0, 0);
        tflite_add_ref(w, &list, flatbuf_end(&w->out));
    }
    uint32_t ref = flatbuf_put_refs(&w->out, list.refs, list.count);
    free(list.refs);
    return ref;
}

/* A list of one. */
static uint32_t put_signature(struct tflite_writer *w, const int *in, const int *out, const int *map)
{
    const struct graph *g = w->at.g;
    uint32_t inputs = put_ports(w, g->inputs, g->input_count, in, map);
    uint32_t outputs = put_ports(w, g->outputs, g->output_count, out, map);
    uint32_t key = flatbuf_put_string(&w->out, "serving_default");
    flatbuf_begin(&w->out);
    flatbuf_add_ref(&w->out, SIGNATURE_INPUTS, inputs);
    flatbuf_add_ref(&w->out, SIGNATURE_OUTPUTS, outputs);
    flatbuf_add_ref(&w->out, SIGNATURE_KEY, key);
    uint32_t ref = flatbuf_end(&w->out);
    return flatbuf_put_refs(&w->out, &ref, 1);
}

static bool moves(const struct tflite_call *c)
{
    static const uint8_t codes[] = {TFLITE_CONCATENATION, TFLITE_SPLIT, TFLITE_SPLIT_V, TFLITE_SLICE,
                                    TFLITE_STRIDED_SLICE, TFLITE_RESHAPE, TFLITE_SQUEEZE, TFLITE_EXPAND_DIMS,
                                    TFLITE_TRANSPOSE};
    return memchr(codes, c->code, sizeof codes) != NULL;
}

static void share_scale(struct tflite_writer *w, const bool *computes, int to, int from)
{
    if (to && from && !computes[to - 1] && !w->at.tensors[to - 1].scale)
        tflite_copy_scale(w, to, from);
}

static void share_scales_of(struct tflite_writer *w, const bool *computes, const struct tflite_call *c, bool is_back)
{
    int first = c->code == TFLITE_SPLIT, end = c->code == TFLITE_CONCATENATION ? c->in_count : first + 1;
    for (int i = first; i < end && moves(c); i++)
        for (int k = 0; k < c->out_count; k++)
            share_scale(w, computes, is_back ? c->in[i] : c->out[k], is_back ? c->out[k] : c->in[i]);
}

/* Integers that are moved before they are made real have their scale from the start, and all that is moved with them:
 * kernels join only what has one scale. Where something else is computed of them they stay plain integers. */
static void share_scales(struct tflite_writer *w)
{
    bool *computes = mem_calloc(w->at.tensor_count, sizeof *computes, w->err);
    size_t calls = computes ? w->at.call_count : 0;
    w->failed = w->failed || !computes;
    for (size_t i = 0; i < calls; i++) {
        const struct tflite_call *c = &w->at.calls[i];
        for (int k = 0; k < c->in_count && c->code != TFLITE_ASSIGN_VARIABLE && !moves(c); k++)
            if (c->in[k])
                computes[c->in[k] - 1] = true;
    }
    for (size_t i = calls; i-- > 0;)
        share_scales_of(w, computes, &w->at.calls[i], true);
    for (size_t i = 0; i < calls; i++)
        share_scales_of(w, computes, &w->at.calls[i], false);
    free(computes);
}

uint32_t tflite_put_graph(struct tflite_writer *w, const char *name, uint32_t *signature)
{
    const struct graph *g = w->at.g;
    int *ports = mem_calloc(g->output_count + g->input_count, sizeof *ports, w->err), *in = ports + g->output_count;
    uint32_t ref = 0;
    w->failed = w->failed || !ports;
    if (!w->failed) {
        take_ports(w, g->outputs, g->output_count, ports);
        take_ports(w, g->inputs, g->input_count, in);
    }
    if (!w->failed)
        share_scales(w);
    int *map = w->failed ? NULL : mem_calloc(w->at.tensor_count, sizeof *map, w->err);
    w->failed = w->failed || !map;
    if (map) {
        memset(map, -1, w->at.tensor_count * sizeof *map);
        mark(map, (int)(g->output_count + g->input_count), ports);
        number_tensors(w, map);
        ref = put_graph(w, name, in, ports, map);
        if (signature)
            *signature = put_signature(w, in, ports, map);
    }
    free(map);
    free(ports);
    return ref;
}

void tflite_close_scope(struct tflite_scope *scope)
{
    for (size_t i = 0; i < scope->tensor_count; i++)
        tensor_unref(scope->tensors[i].constant);
    free(scope->forms);
    free(scope->tensors);
    free(scope->calls);
}

uint32_t tflite_put_model(struct tflite_writer *w, uint32_t metadata)
{
    uint32_t codes = put_codes(w), graphs = flatbuf_put_refs(&w->out, w->graphs.refs, w->graphs.count);
    uint32_t buffers = flatbuf_put_refs(&w->out, w->buffers.refs, w->buffers.count);
    flatbuf_begin(&w->out);
    flatbuf_add_int(&w->out, MODEL_VERSION, 4, TFLITE_VERSION, 0);
    flatbuf_add_ref(&w->out, MODEL_CODES, codes);
    flatbuf_add_ref(&w->out, MODEL_GRAPHS, graphs);
    flatbuf_add_ref(&w->out, MODEL_BUFFERS, buffers);
    flatbuf_add_ref(&w->out, MODEL_METADATA, metadata);
    flatbuf_add_ref(&w->out, MODEL_SIGNATURES, w->signature);
    return flatbuf_end(&w->out);
}
