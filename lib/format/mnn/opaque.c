/* An operator that is not known, or has no meaning here, becomes a node of the domain "mnn": its parameters are
 * attributes, those of nested tables with the names joined by dots, so that it can be looked at and written again. */
#include <stdio.h>
#include <string.h>

#include "format/mnn/handlers.h"

#define MAX_DEPTH 4
#define MAX_ITEMS 64   /* of a vector of tables */
#define MAX_LIST  4096 /* numbers of an attribute; more are a tensor */

static void add_table(struct mnn_op *o, struct node *n, const struct mnn_table *t, const char *prefix, int depth);

/* ---- one field ---- */

static void add_tensor(struct mnn_op *o, struct node *n, const char *name, struct flatbuf_vector v, enum dtype dtype)
{
    int64_t count = (int64_t)v.count;
    struct tensor *t = mnn_tensor(o, v, dtype, 1, &count);
    build_check(o->b, t && node_set_tensor(n, name, t, o->b->err) == 0);
}

static void add_list(struct mnn_op *o, struct node *n, const char *name, struct flatbuf_vector v, bool floats)
{
    int64_t ints[MAX_LIST];
    float numbers[MAX_LIST];
    if (v.count > MAX_LIST) {
        add_tensor(o, n, name, v, floats ? DTYPE_F32 : v.width == 8 ? DTYPE_I64 : DTYPE_I32);
        return;
    }
    for (size_t i = 0; i < v.count; i++) {
        if (floats)
            numbers[i] = flatbuf_vector_float(v, i);
        else
            ints[i] = flatbuf_vector_int(v, i);
    }
    build_check(o->b, (floats ? node_set_floats(n, name, numbers, v.count, o->b->err)
                              : node_set_ints(n, name, ints, v.count, o->b->err)) == 0);
}

static void add_strings(struct mnn_op *o, struct node *n, const char *name, struct flatbuf_vector v)
{
    struct str strings[MAX_ITEMS];
    size_t count = v.count < MAX_ITEMS ? v.count : MAX_ITEMS;
    for (size_t i = 0; i < count; i++) {
        struct flatbuf_vector s = flatbuf_vector_string(o->param.raw.file, v, i);
        strings[i] = (struct str){(const char *)s.data, s.count};
    }
    build_check(o->b, node_set_strings(n, name, strings, count, o->b->err) == 0);
}

static void add_items(struct mnn_op *o, struct node *n, const struct mnn_table *t, const char *field, size_t count,
                      const char *name, int depth)
{
    char each[256];
    for (size_t i = 0; i < count && i < MAX_ITEMS; i++) {
        struct mnn_table item = mnn_item(t, field, i);
        snprintf(each, sizeof(each), "%.200s.%zu.", name, i);
        add_table(o, n, &item, each, depth + 1);
    }
}

static void add_sub(struct mnn_op *o, struct node *n, const struct mnn_table *t, const char *field, const char *name,
                    int depth)
{
    char prefix[256];
    struct mnn_table sub = mnn_sub(t, field);
    snprintf(prefix, sizeof(prefix), "%.200s.", name);
    add_table(o, n, &sub, prefix, depth + 1);
}

static void add_field(struct mnn_op *o, struct node *n, const struct mnn_table *t, const struct mnn_field *f,
                      const char *name, int depth)
{
    char field[64];
    snprintf(field, sizeof(field), "%.*s", f->name_size, f->name);
    struct flatbuf_vector v = strchr("IFBYHLSTs", f->kind) ? mnn_vector(t, field) : (struct flatbuf_vector){0};
    if (f->kind == 'f')
        build_check(o->b, node_set_float(n, name, mnn_float(t, field), o->b->err) == 0);
    else if (f->kind == 's')
        build_check(o->b, node_set_string(n, name, (const char *)v.data, v.count, o->b->err) == 0);
    else if (f->kind == 'S')
        add_strings(o, n, name, v);
    else if (f->kind == 't')
        add_sub(o, n, t, field, name, depth);
    else if (f->kind == 'T')
        add_items(o, n, t, field, v.count, name, depth);
    else if (f->kind == 'Y' || f->kind == 'B')
        add_tensor(o, n, name, v, DTYPE_U8);
    else if (strchr("IFHL", f->kind))
        add_list(o, n, name, v, f->kind == 'F');
    else
        build_check(o->b, node_set_int(n, name, mnn_int(t, field), o->b->err) == 0);
}

static void add_table(struct mnn_op *o, struct node *n, const struct mnn_table *t, const char *prefix, int depth)
{
    struct mnn_field f;
    char name[256];
    for (int slot = 0; depth < MAX_DEPTH && !o->b->failed && mnn_schema_field(t->schema, slot, &f); slot++) {
        if (!flatbuf_has(t->raw, slot))
            continue;
        snprintf(name, sizeof(name), "%s%.*s", prefix, f.name_size, f.name);
        add_field(o, n, t, &f, name, depth);
    }
}

/* ---- the node ---- */

#define MAX_INPUTS 256

void mnn_read_opaque(struct mnn_op *o)
{
    struct value *in[MAX_INPUTS];
    char op[64];
    int number = (int)mnn_int(&o->table, "type");
    if (o->in.count > MAX_INPUTS || o->out.count == 0 || o->out.count > MAX_INPUTS) {
        build_fail(o->b, "%u inputs, %u outputs", o->in.count, o->out.count);
        return;
    }
    for (size_t i = 0; i < o->in.count; i++)
        in[i] = mnn_in_any(o, i);
    if (o->kind->number < 0)
        snprintf(op, sizeof(op), "mnn.Op%d", number);
    else
        snprintf(op, sizeof(op), "mnn.%s", o->kind->name);
    struct value *y = build_node(o->b, op, (int)o->in.count, in);
    build_output(o->b, y, (int)o->out.count - 1);
    if (o->b->failed)
        return;
    struct node *n = y->producer;
    if (o->param.schema && o->param.raw.file)
        build_check(o->b,
                    node_set_string(n, "main", o->param.schema->name, strlen(o->param.schema->name), o->b->err) == 0);
    add_table(o, n, &o->param, "", 0);
    for (size_t i = 0; i < o->out.count && !o->b->failed; i++)
        mnn_give(o, i, build_output(o->b, y, (int)i));
}
