/* Layers that nothing here means: nodes of the domain ncnn, with all that the file says of them, for inspection and for
 * writing them again. Parameter 3 is the attribute p3. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/ncnn/read.h"

static void set_list(struct reader *r, struct value *v, const char *name, const struct ncnn_param *p)
{
    struct build *b = &r->b;
    int64_t *ints = mem_calloc(p->count, sizeof(*ints), b->err);
    float *floats = mem_calloc(p->count, sizeof(*floats), b->err);
    build_check(b, ints && floats);
    for (size_t i = 0; !b->failed && i < p->count; i++) {
        ints[i] = ncnn_int_at(r->l, p->id, i);
        floats[i] = ncnn_float_at(r->l, p->id, i);
    }
    if (!b->failed && p->kind == NCNN_FLOAT)
        build_floats(b, v, name, (int)p->count, floats);
    else if (!b->failed)
        build_ints(b, v, name, (int)p->count, ints);
    free(ints);
    free(floats);
}

static void set_attribute(struct reader *r, struct value *v, const struct ncnn_param *p)
{
    struct build *b = &r->b;
    char name[8];
    snprintf(name, sizeof(name), "p%d", p->id);
    if (p->kind == NCNN_STRING)
        build_string(b, v, name, p->string);
    else if (p->is_array)
        set_list(r, v, name, p);
    else if (p->kind == NCNN_FLOAT)
        build_float(b, v, name, ncnn_float(r->l, p->id, 0));
    else
        build_int(b, v, name, ncnn_int(r->l, p->id, 0));
}

struct value *ncnn_opaque(struct reader *r)
{
    struct build *b = &r->b;
    struct value *in[64];
    char op[300];
    int n = r->l->in_count;
    if (n > 64 || r->l->out_count < 1 || strchr(r->l->type, '.'))
        build_fail(b, "is of an unknown type, with %d inputs and %d outputs", r->l->in_count, r->l->out_count);
    for (int i = 0; i < n && !b->failed; i++)
        in[i] = ncnn_in(r, i);
    snprintf(op, sizeof(op), "ncnn.%.200s", r->l->type);
    struct value *v = build_node(b, op, b->failed ? 0 : n, in);
    for (const struct ncnn_param *p = r->l->params; p && !b->failed; p = p->next)
        set_attribute(r, v, p);
    for (int o = 1; o < r->l->out_count && !b->failed; o++)
        ncnn_give(r, o, build_output(b, v, o));
    return v;
}
