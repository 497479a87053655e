/* ProgramDesc. Source: paddle/fluid/framework/framework.proto. */
#include <string.h>

#include "format/paddle/paddle.h"

#include "format/paddle/proto.inc"
PROTOBUF_SCHEMA(schema);

const struct protobuf_type *paddle_message(const char *name)
{
    return protobuf_type(&schema, name);
}

enum { KIND_DENSE = 7 };

/* The first block begins with its place, 0, and that of the block around it, -1. */
bool paddle_is_program(const struct blob *blob)
{
    struct bytes in = bytes_of(blob->data, blob->size), inside;
    struct protobuf_field f, g;
    if (!protobuf_take(&in, &f) || f.number != 1 || f.wire != PROTOBUF_WIRE_BYTES)
        return false;
    inside = bytes_of(f.data, f.size);
    return protobuf_take(&inside, &g) && g.number == 1 && g.wire == PROTOBUF_WIRE_VARINT && g.size == 1 &&
           g.data[0] == 0 && protobuf_take(&inside, &g) && g.number == 2 && g.wire == PROTOBUF_WIRE_VARINT &&
           g.size >= 5 && g.data[0] == 0xff;
}

enum dtype paddle_dtype(int64_t number)
{
    static const enum dtype low[] = {DTYPE_BOOL, DTYPE_I16, DTYPE_I32, DTYPE_I64, DTYPE_F16, DTYPE_F32, DTYPE_F64};
    static const enum dtype high[] = {DTYPE_U8,   DTYPE_I8,   DTYPE_BF16,     DTYPE_C64,   DTYPE_C128,
                                      DTYPE_NONE, DTYPE_NONE, DTYPE_NONE,     DTYPE_NONE,  DTYPE_NONE,
                                      DTYPE_NONE, DTYPE_NONE, DTYPE_F8E4M3FN, DTYPE_F8E5M2};
    if (number >= 0 && number < (int64_t)(sizeof(low) / sizeof(*low)))
        return low[number];
    return number >= 20 && number < 20 + (int64_t)(sizeof(high) / sizeof(*high)) ? high[number - 20] : DTYPE_NONE;
}

/* ---- variables ---- */

static void list_var(struct paddle_reader *r, const struct protobuf *var)
{
    const struct protobuf *type = protobuf_message(var, "type"),
                          *tensor = protobuf_message(protobuf_message(type, "dense"), "tensor");
    int64_t kind = protobuf_int(type, "type", 0);
    size_t rank = protobuf_count(tensor, "dims");
    struct paddle_operand *o = paddle_operand(r, protobuf_text(var, "name", ""));
    int64_t *dims = rank <= TENSOR_MAX_RANK ? paddle_alloc(r, rank, sizeof(*dims)) : NULL;
    if (!o || !dims || !tensor || kind != KIND_DENSE)
        return;
    o->dtype = paddle_dtype(protobuf_int(tensor, "data_type", -1));
    o->rank = (int)rank;
    o->dims = dims;
    for (const struct protobuf *d = protobuf_first(tensor, "dims"); d; d = protobuf_more(d))
        *dims++ = protobuf_as_int(d, 0);
    if (protobuf_int(var, "persistable", 0))
        paddle_add_parameter(r, o);
}

/* ---- attributes ---- */

static void fill_ints(struct paddle_reader *r, struct paddle_attr *a, const struct protobuf *m, const char *field)
{
    int64_t *values = paddle_alloc(r, protobuf_count(m, field), sizeof(*values));
    a->kind = PADDLE_INTS;
    a->ints = values;
    for (const struct protobuf *p = protobuf_first(m, field); p && values; p = protobuf_more(p))
        values[a->count++] = protobuf_as_int(p, 0);
}

static void fill_texts(struct paddle_reader *r, struct paddle_attr *a, const struct protobuf *m, const char *field)
{
    const char **values = paddle_alloc(r, protobuf_count(m, field), sizeof(*values));
    a->kind = PADDLE_TEXTS;
    a->texts = values;
    for (const struct protobuf *p = protobuf_first(m, field); p && values; p = protobuf_more(p))
        values[a->count++] = protobuf_as_text(p, "");
}

/* A number alone is one of a node; a list stays in the file, at any step. */
static void fill_floats(struct paddle_reader *r, struct paddle_attr *a, const struct protobuf *m, const char *field)
{
    const struct protobuf *p = protobuf_find(m, field);
    bool is_span = p && (p->kind == PROTOBUF_SPAN32 || p->kind == PROTOBUF_SPAN64);
    double *values = paddle_alloc(r, is_span ? p->span.count : 1, sizeof(*values));
    a->kind = PADDLE_FLOATS;
    a->floats = values;
    if (!values || !p)
        return;
    a->count = is_span ? (int)p->span.count : 1;
    values[0] = is_span ? values[0] : protobuf_as_float(p, 0);
    for (int i = 0; is_span && i < a->count; i++) {
        const uint8_t *at = p->span.data + (size_t)i * p->span.step;
        float f;
        memcpy(&f, at, sizeof(f));
        values[i] = (double)f;
        if (p->span.width == sizeof(double))
            memcpy(&values[i], at, sizeof(double));
    }
}

/* Scalars of any type: those that are whole stay so. */
static void fill_scalars(struct paddle_reader *r, struct paddle_attr *a, const struct protobuf *m, const char *field)
{
    size_t count = protobuf_count(m, field);
    double *floats = paddle_alloc(r, count, sizeof(*floats));
    int64_t *ints = paddle_alloc(r, count, sizeof(*ints));
    a->kind = PADDLE_INTS;
    for (const struct protobuf *p = protobuf_first(m, field); p && floats && ints; p = protobuf_more(p)) {
        const struct protobuf *s = p->kind == PROTOBUF_MESSAGE ? p : NULL, *real = protobuf_find(s, "r");
        ints[a->count] = protobuf_int(s, "i", protobuf_int(s, "b", 0));
        floats[a->count] = real ? protobuf_as_float(real, 0) : (double)ints[a->count];
        a->count++;
        a->kind = real ? PADDLE_FLOATS : a->kind;
    }
    if (a->kind == PADDLE_FLOATS)
        a->floats = floats;
    else
        a->ints = ints;
}

typedef void fill_fn(struct paddle_reader *r, struct paddle_attr *a, const struct protobuf *m, const char *field);

/* By the number of the attribute's type. */
static const struct {
    const char *field;
    bool is_list;
    fill_fn *fill;
} fills[] = {
    {"i", false, fill_ints},
    {"f", false, fill_floats},
    {"s", false, fill_texts},
    {"ints", true, fill_ints},
    {"floats", true, fill_floats},
    {"strings", true, fill_texts},
    {"b", false, fill_ints},
    {"bools", true, fill_ints},
    {NULL, false, NULL},
    {"l", false, fill_ints},
    {NULL, false, NULL},
    {"longs", true, fill_ints},
    {"float64s", true, fill_floats},
    {NULL, false, NULL},
    {NULL, false, NULL},
    {"float64", false, fill_floats},
    {"scalar", false, fill_scalars},
    {"scalars", true, fill_scalars},
};

enum { ATTR_BLOCK = 8 };

/* ---- operators ---- */

struct listing {
    struct paddle_reader *r;
    struct paddle_block *blocks;
    size_t count;
};

static struct paddle_slot *list_slots(struct paddle_reader *r, const struct protobuf *op, const char *field, int *count)
{
    struct paddle_slot *slots = paddle_alloc(r, protobuf_count(op, field), sizeof(*slots)), *s = slots;
    for (const struct protobuf *p = protobuf_first(op, field); p && s && !r->b.failed; p = protobuf_more(p), s++) {
        s->role = protobuf_text(p, "parameter", "");
        s->all = paddle_alloc(r, protobuf_count(p, "arguments"), sizeof(struct paddle_operand *));
        for (const struct protobuf *a = protobuf_first(p, "arguments"); a && !r->b.failed; a = protobuf_more(a))
            s->all[s->count++] = paddle_operand(r, protobuf_as_text(a, ""));
    }
    *count = s ? (int)(s - slots) : 0;
    return slots;
}

static void list_attr(struct listing *l, struct paddle_op *op, struct paddle_attr *to, const struct protobuf *p)
{
    int64_t type = protobuf_int(p, "type", -1), block = protobuf_int(p, "block_idx", -1);
    if (type == ATTR_BLOCK && op->block_count < 2 && block > 0 && block < (int64_t)l->count)
        op->blocks[op->block_count++] = &l->blocks[block];
    if (type < 0 || type >= (int64_t)(sizeof(fills) / sizeof(*fills)) || !fills[type].fill)
        return;
    to->name = protobuf_text(p, "name", "");
    to->is_list = fills[type].is_list;
    fills[type].fill(l->r, to, p, fills[type].field);
    op->attr_count++;
}

static void list_op(struct listing *l, struct paddle_op *op, const struct protobuf *p)
{
    struct paddle_reader *r = l->r;
    struct paddle_attr *attrs = paddle_alloc(r, protobuf_count(p, "attrs"), sizeof(*attrs));
    op->type = protobuf_text(p, "type", "");
    op->in = list_slots(r, p, "inputs", &op->in_count);
    op->out = list_slots(r, p, "outputs", &op->out_count);
    op->attrs = attrs;
    for (const struct protobuf *a = protobuf_first(p, "attrs"); a && !r->b.failed; a = protobuf_more(a))
        list_attr(l, op, &attrs[op->attr_count], a);
}

static void list_block(struct listing *l, struct paddle_block *block, const struct protobuf *p)
{
    struct paddle_reader *r = l->r;
    struct paddle_op *ops = paddle_alloc(r, protobuf_count(p, "ops"), sizeof(*ops));
    block->ops = ops;
    for (const struct protobuf *v = protobuf_first(p, "vars"); v && !r->b.failed; v = protobuf_more(v))
        list_var(r, v);
    for (const struct protobuf *o = protobuf_first(p, "ops"); o && !r->b.failed; o = protobuf_more(o))
        list_op(l, &ops[block->count++], o);
}

int paddle_list_program(struct paddle_reader *r, const struct blob *blob)
{
    const struct protobuf_type *type = paddle_message("ProgramDesc");
    const struct protobuf *program = protobuf_read(blob->data, blob->size, type, &r->arena, r->b.err);
    struct listing l = {.r = r, .count = protobuf_count(program, "blocks")};
    size_t i = 0;
    build_check(&r->b, program != NULL);
    l.blocks = paddle_alloc(r, l.count, sizeof(*l.blocks));
    for (const struct protobuf *p = protobuf_first(program, "blocks"); p && !r->b.failed; p = protobuf_more(p))
        list_block(&l, &l.blocks[i++], p);
    r->main = l.blocks;
    return r->b.failed ? -1 : 0;
}
