/* Writing an operator that was kept as it is: the opposite of opaque.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/mnn/writers.h"

#define MAX_DEPTH 4
#define MAX_ITEMS 64

static uint32_t put_table(struct mnn_writer *w, const struct mnn_schema *schema, const char *prefix, int depth,
                          bool *found);

/* ---- one field ---- */

static const struct mnn_schema *schema_of(const struct mnn_field *f)
{
    char name[64];
    size_t size = f->table ? strcspn(f->table, " ") : 0;
    snprintf(name, sizeof(name), "%.*s", (int)size, f->table ? f->table : "");
    return mnn_schema_find(name);
}

static uint32_t put_strings(struct mnn_writer *w, const struct attr *a)
{
    uint32_t refs[MAX_ITEMS];
    char text[1024];
    size_t count = a->n < MAX_ITEMS ? a->n : MAX_ITEMS;
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "%.*s", (int)a->strings[i].size, a->strings[i].data);
        refs[i] = flatbuf_put_string(&w->out, text);
    }
    return flatbuf_put_refs(&w->out, refs, count);
}

static uint32_t put_tables(struct mnn_writer *w, const struct mnn_schema *schema, const char *name, int depth)
{
    uint32_t refs[MAX_ITEMS];
    size_t count = 0;
    char prefix[256];
    for (bool found = true; found && count < MAX_ITEMS; count += found) {
        snprintf(prefix, sizeof(prefix), "%.200s.%zu.", name, count);
        refs[count] = put_table(w, schema, prefix, depth + 1, &found);
    }
    return count ? flatbuf_put_refs(&w->out, refs, count) : 0;
}

/* The vector, string or table of a field; 0 when the node has none. */
static uint32_t put_reference(struct mnn_writer *w, const struct mnn_field *f, const char *name, int depth)
{
    const struct attr *a = node_attr(w->node, name);
    char text[1024], prefix[256];
    bool found = false;
    if (f->kind == 't' && f->table && f->table[0] != '?') {
        snprintf(prefix, sizeof(prefix), "%.200s.", name);
        uint32_t ref = put_table(w, schema_of(f), prefix, depth + 1, &found);
        return found ? ref : 0;
    }
    if (f->kind == 'T')
        return put_tables(w, schema_of(f), name, depth);
    if (!a)
        return 0;
    if (a->kind == ATTR_STRING) {
        snprintf(text, sizeof(text), "%.*s", (int)a->s.size, a->s.data);
        return flatbuf_put_string(&w->out, text);
    }
    if (a->kind == ATTR_STRINGS)
        return put_strings(w, a);
    if (a->kind == ATTR_FLOATS)
        return flatbuf_put_vector(&w->out, a->floats, a->n, 4, 4);
    if (a->kind == ATTR_INTS && f->kind == 'L')
        return flatbuf_put_vector(&w->out, a->ints, a->n, 8, 8);
    if (a->kind == ATTR_INTS)
        return mnn_put_ints(w, a->ints, a->n);
    return a->kind == ATTR_TENSOR ? flatbuf_put_vector(&w->out, a->tensor->data, (size_t)a->tensor->count,
                                                       dtype_info(a->tensor->dtype)->bits / 8, 4)
                                  : 0;
}

static void put_scalar(struct mnn_writer *w, const char *field, const struct attr *a)
{
    if (a && a->kind == ATTR_INT)
        mnn_put_int(w, field, a->i);
    else if (a && a->kind == ATTR_FLOAT)
        mnn_put_float(w, field, a->f);
}

/* ---- tables ---- */

static uint32_t put_table(struct mnn_writer *w, const struct mnn_schema *schema, const char *prefix, int depth,
                          bool *found)
{
    struct mnn_field f;
    uint32_t refs[32] = {0};
    char name[256], field[64];
    *found = false;
    for (int slot = 0; depth < MAX_DEPTH && slot < 32 && mnn_schema_field(schema, slot, &f); slot++) {
        snprintf(name, sizeof(name), "%.150s%.*s", prefix, f.name_size, f.name);
        refs[slot] = put_reference(w, &f, name, depth);
        *found = *found || refs[slot] || node_attr(w->node, name);
    }
    if (!*found && depth > 0)
        return 0;
    mnn_begin(w, schema->name);
    for (int slot = 0; slot < 32 && mnn_schema_field(schema, slot, &f); slot++) {
        snprintf(name, sizeof(name), "%.150s%.*s", prefix, f.name_size, f.name);
        snprintf(field, sizeof(field), "%.*s", f.name_size, f.name);
        if (refs[slot])
            mnn_put_ref(w, field, refs[slot]);
        else
            put_scalar(w, field, node_attr(w->node, name));
    }
    return mnn_end(w);
}

/* ---- the operator ---- */

static int type_of(const char *op)
{
    const struct mnn_kind *kind = mnn_kind_named(op);
    return kind ? kind->number : strncmp(op, "Op", 2) == 0 ? (int)strtol(op + 2, NULL, 10) : -1;
}

void mnn_write_opaque(struct mnn_writer *w, struct node *n)
{
    const struct attr *main = node_attr(n, "main");
    int type = strcmp(n->domain, "mnn") == 0 ? type_of(n->op) : -1;
    bool found;
    if (type < 0) {
        mnn_cannot(w, "MNN has no such operator");
        return;
    }
    char table[64] = "";
    if (main && main->kind == ATTR_STRING)
        snprintf(table, sizeof(table), "%.*s", (int)main->s.size, main->s.data);
    const struct mnn_schema *schema = mnn_schema_find(table);
    if (schema) {
        w->param = put_table(w, schema, "", 0, &found);
        w->param_number = schema->number;
    }
    mnn_emit_plain(w, type);
}
