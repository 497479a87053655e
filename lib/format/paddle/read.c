/* Reading a program: its inputs and outputs, and its operators one by one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/packed.h"
#include "format/format.h"
#include "format/paddle/paddle.h"

#define MOST_INPUTS 1024

static paddle_op_fn *const reads[] = {
#define OP(type, read, arg, in, out) paddle_read_##read,
#include "format/paddle/ops.def"
#undef OP
};

#include "format/paddle/ops.inc"
PACKED_TABLE(kinds, struct paddle_kind, 4, reads);

static const char *operator_at(size_t index)
{
    const struct paddle_kind *kind = packed_row(&kinds, index);
    return kind ? kind->type : NULL;
}

/* The row of the first n bytes. */
static const struct paddle_kind *find_cut(const char *type, size_t n)
{
    char name[128];
    if (n >= sizeof(name))
        return NULL;
    memcpy(name, type, n);
    name[n] = '\0';
    return packed_find(&kinds, name);
}

/* "relu_" works in place, "reshape2" and "top_k_v2" are later forms: where these have no row of their own they are the
 * plain one. */
const struct paddle_kind *paddle_find_kind(const char *type)
{
    static const char *const suffixes[] = {"", "_", "2", "_v2", "_v3", "_with_tensor_index"};
    size_t n = strlen(type);
    const struct paddle_kind *kind = NULL;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes) && !kind; i++) {
        size_t cut = strlen(suffixes[i]);
        if (n > cut && strcmp(type + n - cut, suffixes[i]) == 0)
            kind = find_cut(type, n - cut);
    }
    return kind;
}

/* ---- memory and names ---- */

void *paddle_alloc(struct paddle_reader *r, size_t count, size_t size)
{
    void *p = count < SIZE_MAX / size ? arena_alloc(&r->arena, (count + 1) * size, r->b.err) : NULL;
    build_check(&r->b, p != NULL);
    return p;
}

const char *paddle_keep(struct paddle_reader *r, const char *text)
{
    const char *kept = arena_strdup(&r->arena, text, r->b.err);
    build_check(&r->b, kept != NULL);
    return kept;
}

struct paddle_operand *paddle_operand(struct paddle_reader *r, const char *name)
{
    struct paddle_operand *o = lookup_find(&r->operands, name);
    if (o || !(o = paddle_alloc(r, 1, sizeof(*o))))
        return o;
    o->rank = -1;
    o->name = paddle_keep(r, name);
    build_check(&r->b, o->name && lookup_add(&r->operands, o->name, o, r->b.err) == 0);
    return r->b.failed ? NULL : o;
}

int paddle_add_parameter(struct paddle_reader *r, struct paddle_operand *o)
{
    if (o->is_parameter)
        return 0;
    build_check(&r->b, mem_grow(&r->parameters, &r->parameter_cap, r->parameter_count + 1,
                                sizeof(struct paddle_operand *), r->b.err) == 0);
    if (r->b.failed)
        return -1;
    o->is_parameter = true;
    r->parameters[r->parameter_count++] = o;
    return 0;
}

/* ---- inputs and outputs ---- */

/* Sizes that are open: the first is the batch, which all inputs share. */
static int input_dims(struct paddle_reader *r, const struct paddle_operand *o, const char *name, int64_t *dims)
{
    char symbol[300];
    for (int i = 0; i < o->rank && !r->b.failed; i++) {
        snprintf(symbol, sizeof(symbol), i ? "%.250s_%d" : "batch", name, i);
        dims[i] = o->dims[i] >= 0 ? o->dims[i] : graph_symbol(r->b.graph, symbol, r->b.err);
        build_check(&r->b, dims[i] != 0 || o->dims[i] == 0);
    }
    return o->rank;
}

void paddle_read_feed(struct paddle_node *o)
{
    struct paddle_operand *to = o->op->out_count && o->op->out[0].count == 1 ? o->op->out[0].all[0] : NULL;
    int64_t dims[TENSOR_MAX_RANK];
    if (o->r->depth > 1)
        build_fail(o->b, "an input within a block");
    if (!to || to->dtype == DTYPE_NONE) {
        build_fail(o->b, "an input without a type that is read");
        return;
    }
    const char *name = arena_strdup(&o->b->graph->arena, paddle_text(o, "name", to->name), o->b->err);
    int rank = name ? input_dims(o->r, to, name, dims) : -1;
    build_check(o->b, name != NULL);
    if (!o->b->failed)
        to->value = build_input(o->b, name, to->dtype, rank, dims);
}

/* What goes round in a loop may be called as an input is. */
void paddle_read_fetch(struct paddle_node *o)
{
    char text[300];
    struct value *v = paddle_in(o, 0);
    if (o->r->depth > 1)
        build_fail(o->b, "an output within a block");
    if (o->b->failed)
        return;
    snprintf(text, sizeof(text), "%.280s", paddle_text(o, "name", paddle_in_name(o, 0)));
    const struct value *other = graph_find_local(o->b->graph, text);
    if (other && other->is_input)
        strcat(text, ".out");
    const char *name = arena_strdup(&o->b->graph->arena, text, o->b->err);
    build_check(o->b, name != NULL);
    if (o->b->failed)
        return;
    build_layer(o->b, name);
    build_graph_output(o->b, v, name);
}

/* ---- operators ---- */

/* One that is not known, with its numbers and texts. */
static void read_opaque(struct paddle_node *o)
{
    struct value *in[64], *v;
    char op[200];
    int count = 0;
    snprintf(op, sizeof(op), "paddle.%.150s", o->op->type);
    if (strchr(o->op->type, '.'))
        build_fail(o->b, "an operator with a dot in its name");
    for (int i = 0; i < o->op->in_count; i++)
        for (int k = 0; k < o->op->in[i].count && count < 64; k++)
            if (o->op->in[i].all[k] && o->op->in[i].all[k]->value)
                in[count++] = o->op->in[i].all[k]->value;
    v = build_node(o->b, op, count, in);
    for (int i = 0; i < o->op->attr_count && !o->b->failed; i++) {
        const struct paddle_attr *a = &o->op->attrs[i];
        if (a->is_list || a->count != 1)
            continue;
        if (a->kind == PADDLE_INTS)
            build_int(o->b, v, a->name, a->ints[0]);
        else if (a->kind == PADDLE_FLOATS)
            build_float(o->b, v, a->name, (float)a->floats[0]);
        else if (a->kind == PADDLE_TEXTS)
            build_string(o->b, v, a->name, a->texts[0]);
    }
    int made = 0;
    for (int i = 0; i < o->op->out_count; i++)
        for (int k = 0; k < o->op->out[i].count && !o->b->failed; k++)
            if (o->op->out[i].all[k])
                o->op->out[i].all[k]->value = build_output(o->b, v, made++);
}

/* The file's word where inference knows less; and one element, where that says no axes and the file says one. */
static void settle(struct paddle_node *o, struct paddle_operand *to, const char *name)
{
    struct value *v = to->value;
    const struct type *type = v ? build_type(o->b, v) : NULL;
    if (!type || type->kind > TYPE_TENSOR || v->is_input || v->constant)
        return;
    if (to->rank == 1 && type->rank == 0)
        v = to->value = build_reshape(o->b, v, 1, (int64_t[]){1});
    build_infer(o->b);
    if (o->b->failed)
        return;
    if (v->type.rank < 0 && to->rank >= 0) {
        v->type.kind = TYPE_TENSOR;
        v->type.rank = to->rank;
        for (int i = 0; i < to->rank; i++)
            v->type.dims[i] = to->dims[i] >= 0 ? to->dims[i] : DIM_UNKNOWN;
    }
    if (v->type.dtype == DTYPE_NONE)
        v->type.dtype = to->dtype;
    if (name && v->graph == o->b->graph && v->producer && !v->is_output)
        build_name(o->b, v, name);
}

/* Values that the operator made, those behind the first `before`, are called as the program calls them; what it passes
 * on keeps its name. */
static void settle_all(struct paddle_node *o, size_t before)
{
    for (int i = 0; i < o->op->out_count; i++)
        for (int k = 0; k < o->op->out[i].count && !o->b->failed; k++) {
            struct paddle_operand *to = o->op->out[i].all[k];
            struct value *v = to ? to->value : NULL;
            bool is_new = v && v->graph == o->b->graph && v->index >= before;
            if (v)
                settle(o, to, is_new && !o->r->is_pir ? to->name : NULL);
        }
}

/* A layer is called as its first result, or, in PIR, which has no names, as its operator. */
static const char *layer_name(struct paddle_node *o)
{
    const struct paddle_operand *first = o->op->out_count && o->op->out[0].count ? o->op->out[0].all[0] : NULL;
    char name[300];
    if (o->r->is_pir)
        snprintf(name, sizeof(name), "%.200s_%ld", o->op->type, o->r->ops);
    else
        snprintf(name, sizeof(name), "%.290s", first ? first->name : o->op->type);
    const char *kept = arena_strdup(&o->b->graph->root->arena, name, o->b->err);
    build_check(o->b, kept != NULL);
    return kept;
}

static void read_op(struct paddle_reader *r, const struct paddle_op *op)
{
    struct paddle_node o = {.r = r, .b = &r->b, .op = op, .kind = paddle_find_kind(op->type)};
    const char *name = layer_name(&o);
    if (++r->ops > PADDLE_OPS)
        build_fail(&r->b, "more than %d operators are read", PADDLE_OPS);
    if (r->b.failed)
        return;
    build_layer(&r->b, name);
    size_t before = r->b.graph->value_count;
    (o.kind ? o.kind->read : read_opaque)(&o);
    build_infer(&r->b);
    settle_all(&o, before);
    struct paddle_operand *written = r->is_pir && op->out_count && op->out[0].count ? paddle_written(op) : NULL;
    if (written && op->out[0].all[0])
        written->value = op->out[0].all[0]->value;
    if (r->b.failed && !strstr(r->b.err->text, "operator '"))
        error_prefix(r->b.err, "operator '%.200s' (%.60s)", name, op->type);
}

int paddle_read_block(struct paddle_reader *r, const struct paddle_block *block)
{
    if (!block || ++r->depth > PADDLE_DEPTH) {
        build_fail(&r->b, block ? "blocks lie within each other more than %d deep" : "a block is missing",
                   PADDLE_DEPTH);
        return -1;
    }
    for (size_t i = 0; i < block->count && !r->b.failed; i++)
        read_op(r, &block->ops[i]);
    r->depth--;
    return r->b.failed ? -1 : 0;
}

/* ---- the whole ---- */

static bool is_feed(const struct paddle_op *op)
{
    return strcmp(op->type, "feed") == 0 || strcmp(op->type, "data") == 0;
}

static int64_t column(const struct paddle_op *op)
{
    return paddle_int(&(struct paddle_node){.op = op}, "col", 0);
}

/* Inputs stand first, but in any order: their columns tell it. */
static void sort_inputs(struct paddle_reader *r)
{
    struct paddle_op *ops = r->main->ops;
    for (size_t i = 1; i < r->main->count && is_feed(&ops[i]); i++) {
        struct paddle_op moved = ops[i];
        size_t at = i;
        for (; at > 0 && column(&ops[at - 1]) > column(&moved); at--)
            ops[at] = ops[at - 1];
        ops[at] = moved;
        if (i > MOST_INPUTS)
            build_fail(&r->b, "more than %d inputs", MOST_INPUTS);
        if (r->b.failed)
            return;
    }
}

/* The program of a folder, under the names that Paddle's own tools give it. */
static struct blob *program_of(const struct source *s, struct error *err)
{
    static const char *const names[] = {"inference.json", "inference.pdmodel", "__model__", "model.pdmodel", "model"};
    struct error ignored;
    if (!s->is_folder)
        return blob_ref(s->blob);
    struct blob *blob = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !blob; i++)
        blob = source_member(s, names[i], &ignored);
    if (!blob)
        error_set(err, "the folder holds none of inference.json, inference.pdmodel, __model__ and model.pdmodel");
    return blob;
}

static int read_whole(struct paddle_reader *r, const struct blob *blob)
{
    r->is_pir = paddle_is_pir(blob);
    if (!r->is_pir && !paddle_is_program(blob))
        build_fail(&r->b, "it begins neither as a program of Paddle's nor as PIR's JSON");
    if (r->is_pir)
        paddle_list_pir(r, blob);
    else if (!r->b.failed)
        paddle_list_program(r, blob);
    if (!r->b.failed)
        sort_inputs(r);
    if (r->b.failed || paddle_read_parameters(r) != 0)
        return -1;
    paddle_read_block(r, r->main);
    build_remove_unused(&r->b);
    if (!r->b.failed && r->b.graph->output_count == 0)
        build_fail(&r->b, "the program fetches nothing");
    build_check(&r->b, !r->b.failed && graph_set_property(r->b.graph, "producer", "PaddlePaddle", 12, r->b.err) == 0);
    return build_graph_end(&r->b);
}

static struct graph *paddle_read(const struct source *s, struct error *err)
{
    struct paddle_reader r = {.source = s, .b = {.graph = graph_new(err), .err = err}};
    struct blob *blob = program_of(s, err);
    int result = blob && r.b.graph ? read_whole(&r, blob) : -1;
    lookup_release(&r.operands);
    torch_formula_end(r.formulas);
    free(r.parameters);
    arena_release(&r.arena);
    blob_unref(blob);
    return graph_if(result == 0, r.b.graph);
}

static int sniff(const struct source *s)
{
    struct error ignored;
    struct blob *blob = program_of(s, &ignored);
    int sure = !blob ? 0 : paddle_is_program(blob) ? 95 : paddle_is_pir(blob) ? 90 : 0;
    blob_unref(blob);
    return sure;
}

const struct format format_paddle = {
    .name = "paddle",
    .suffixes = ".pdmodel .json",
    .twins = ".pdiparams",
    .what = "PaddlePaddle: programs (.pdmodel, __model__) and PIR (.json)",
    .sniff = sniff,
    .read = paddle_read,
    .operator_at = operator_at,
};
