/* Arguments and inputs of an operator. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "format/netdef/netdef.h"

#include "format/netdef/proto.inc"
PROTOBUF_SCHEMA(schema);

const struct protobuf_type *netdef_message(const char *name)
{
    return protobuf_type(&schema, name);
}

/* ---- arguments ---- */

const struct protobuf *netdef_arg(const struct netdef_op *o, const char *name)
{
    for (const struct protobuf *a = protobuf_first(o->message, "arg"); a; a = protobuf_more(a))
        if (strcmp(protobuf_text(a, "name", ""), name) == 0)
            return a;
    return NULL;
}

bool netdef_has(const struct netdef_op *o, const char *name)
{
    return netdef_arg(o, name) != NULL;
}

int64_t netdef_int(const struct netdef_op *o, const char *name, int64_t otherwise)
{
    return protobuf_int(netdef_arg(o, name), "i", otherwise);
}

float netdef_float(const struct netdef_op *o, const char *name, float otherwise)
{
    return (float)protobuf_float(netdef_arg(o, name), "f", (double)otherwise);
}

const char *netdef_arg_text(struct netdef_op *o, const struct protobuf *arg, const char *otherwise)
{
    const struct protobuf *s = protobuf_find(arg, "s");
    if (!s)
        return otherwise;
    const char *text = arena_strndup(&o->r->arena, (const char *)s->span.data, s->span.count, o->b->err);
    build_check(o->b, text != NULL);
    return text ? text : otherwise;
}

const char *netdef_text(struct netdef_op *o, const char *name, const char *otherwise)
{
    return netdef_arg_text(o, netdef_arg(o, name), otherwise);
}

int netdef_arg_ints(const struct protobuf *arg, int64_t *values, int max)
{
    int count = 0;
    for (const struct protobuf *p = protobuf_first(arg, "ints"); p; p = protobuf_more(p), count++)
        if (count < max)
            values[count] = protobuf_as_int(p, 0);
    return arg ? count : -1;
}

int netdef_ints(const struct netdef_op *o, const char *name, int64_t *values, int max)
{
    return netdef_arg_ints(netdef_arg(o, name), values, max);
}

int netdef_floats(const struct netdef_op *o, const char *name, float *values, int max)
{
    return netdef_arg_floats(netdef_arg(o, name), values, max);
}

int netdef_arg_floats(const struct protobuf *arg, float *values, int max)
{
    const struct protobuf *floats = protobuf_find(arg, "floats");
    size_t count = floats ? floats->span.count : 0;
    for (size_t i = 0; i < count && i < (size_t)max; i++)
        memcpy(&values[i], floats->span.data + i * floats->span.step, sizeof(*values));
    return !arg ? -1 : count < INT32_MAX ? (int)count : INT32_MAX;
}

void netdef_sizes(struct netdef_op *o, const char *name, const char *const *of_axis, int rank, int64_t *values)
{
    char list[40];
    snprintf(list, sizeof(list), "%ss", name);
    int count = netdef_ints(o, list, values, rank);
    for (int i = 0; i < rank && count < 0; i++)
        values[i] = netdef_int(o, of_axis[i], netdef_int(o, name, values[i]));
    if (count >= 0 && count != rank)
        build_fail(o->b, "%s has %d numbers, want %d", list, count, rank);
}

/* ---- inputs ---- */

struct value *netdef_in(struct netdef_op *o, int k)
{
    if (k >= o->in_count || !o->in[k])
        build_fail(o->b, "input %d is missing", k);
    return o->b->failed ? NULL : o->in[k];
}

int netdef_rank(struct netdef_op *o, int k)
{
    struct value *v = netdef_in(o, k);
    const struct type *type = build_type(o->b, v);
    if (type && type->kind == TYPE_TENSOR && type->rank >= 0)
        return type->rank;
    build_fail(o->b, "the rank of input %d must be known", k);
    return 0;
}

int64_t netdef_dim(struct netdef_op *o, int k, int axis)
{
    return build_dim_of(o->b, netdef_in(o, k), axis);
}

struct value *netdef_transposed(struct netdef_op *o, int k, const char *name)
{
    int64_t perm[TENSOR_MAX_RANK];
    struct value *v = netdef_in(o, k);
    int rank = netdef_int(o, name, 0) ? netdef_rank(o, k) : 0;
    for (int i = 0; i < rank; i++)
        perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    return rank < 2 ? v : build_transpose(o->b, v, rank, perm);
}

void netdef_give(struct netdef_op *o, int k, struct value *v)
{
    if (!o->b->failed && k < o->out_count)
        o->out[k] = v;
}

/* ---- recognising ---- */

static bool is_identifier(const struct protobuf_field *f)
{
    for (size_t i = 0; i < f->size; i++)
        if (!isalnum(f->data[i]) && f->data[i] != '_')
            return false;
    return f->size > 0;
}

bool netdef_is_operator(const struct protobuf_field *whole, unsigned arg)
{
    struct bytes in = bytes_of(whole->data, whole->size);
    struct protobuf_field f;
    bool has_type = false;
    while (bytes_left(&in)) {
        if (!protobuf_take(&in, &f) || (f.number <= 4 && f.wire != PROTOBUF_WIRE_BYTES) ||
            (f.number == arg && f.wire != PROTOBUF_WIRE_BYTES))
            return false;
        if (f.number == 4)
            has_type = is_identifier(&f);
    }
    return has_type;
}
