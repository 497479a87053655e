/* The blobs of a net, and its operators one by one. */
#include <stdio.h>
#include <string.h>

#include "format/netdef/netdef.h"

const struct netdef_kind *netdef_find(const struct netdef_reader *r, const char *type)
{
    for (size_t i = 0; i < r->kind_count; i++)
        if (strcmp(r->kinds[i].type, type) == 0)
            return &r->kinds[i];
    return NULL;
}

/* ---- blobs ---- */

void netdef_set(struct netdef_reader *r, const char *name, struct value *value)
{
    struct netdef_blob *blob = r->b.failed ? NULL : lookup_find(&r->blobs, name);
    if (r->b.failed || !value)
        return;
    if (!blob) {
        blob = arena_alloc(&r->arena, sizeof(*blob), r->b.err);
        build_check(&r->b, blob && lookup_add(&r->blobs, name, blob, r->b.err) == 0);
        if (r->b.failed)
            return;
        blob->name = name;
        *(r->last ? &r->last->next : &r->first) = blob;
        r->last = blob;
    }
    blob->value = value;
    blob->is_used = false;
    blob->is_constant = value->is_input || value->constant;
}

struct value *netdef_get(struct netdef_reader *r, const char *name)
{
    struct netdef_blob *blob = lookup_find(&r->blobs, name);
    if (blob)
        blob->is_used = true;
    return blob ? blob->value : NULL;
}

void netdef_release(struct netdef_reader *r)
{
    lookup_release(&r->blobs);
    arena_release(&r->arena);
}

/* ---- operators ---- */

static void find_inputs(struct netdef_op *o)
{
    o->in = arena_alloc(&o->r->arena, (protobuf_count(o->message, "input") + 1) * sizeof(*o->in), o->b->err);
    o->out_count = (int)protobuf_count(o->message, "output");
    o->out = arena_alloc(&o->r->arena, ((size_t)o->out_count + 1) * sizeof(*o->out), o->b->err);
    build_check(o->b, o->in && o->out);
    for (const struct protobuf *p = protobuf_first(o->message, "input"); p && !o->b->failed; p = protobuf_more(p)) {
        const char *name = protobuf_as_text(p, "");
        struct value *v = netdef_get(o->r, name);
        if (!v && *name)
            build_fail(o->b, "its input '%.200s' is made by no operator before it", name);
        o->in[o->in_count++] = v;
    }
}

/* A new value is called as the blob; where the blob had a value before, as the operator. */
static void give_outputs(struct netdef_op *o)
{
    int k = 0;
    for (const struct protobuf *p = protobuf_first(o->message, "output"); p && !o->b->failed; p = protobuf_more(p)) {
        struct value *v = o->out[k++];
        const char *name = protobuf_as_text(p, "");
        bool fresh = v && !v->is_input && v->producer && (!v->name || !lookup_find(&o->r->blobs, v->name));
        if (fresh && !graph_find_local(o->b->graph, name))
            build_name(o->b, v, name);
        if (v)
            netdef_set(o->r, name, v);
    }
}

void netdef_read(struct netdef_reader *r, const struct protobuf *message, const struct netdef_kind *kind)
{
    struct netdef_op o = {.r = r, .b = &r->b, .message = message, .kind = kind};
    const char *name = protobuf_text(message, "name", "");
    o.type = protobuf_text(message, "type", "");
    if (r->b.failed)
        return;
    build_layer(&r->b, *name ? name : protobuf_text(message, "output", ""));
    find_inputs(&o);
    if (!r->b.failed)
        (kind ? kind->read : netdef_keep)(&o);
    build_infer(&r->b);
    give_outputs(&o);
    if (r->b.failed)
        error_prefix(r->b.err, "operator '%.200s' (%.100s)", *name ? name : protobuf_text(message, "output", ""),
                     o.type);
}

/* ---- what is not known ---- */

#define MOST_KEPT 256 /* arguments, and numbers of one: more are left out */

static void keep_floats(struct netdef_op *o, struct value *v, const char *name, const struct protobuf_span *span)
{
    float floats[MOST_KEPT];
    for (size_t i = 0; i < span->count; i++)
        memcpy(&floats[i], span->data + i * span->step, sizeof(*floats));
    build_floats(o->b, v, name, (int)span->count, floats);
}

static void keep_arg(struct netdef_op *o, struct value *v, const struct protobuf *arg)
{
    int64_t ints[MOST_KEPT];
    const char *name = protobuf_text(arg, "name", "");
    const struct protobuf *floats = protobuf_find(arg, "floats"), *text = protobuf_find(arg, "s");
    int count = netdef_arg_ints(arg, ints, MOST_KEPT);
    if (count > 0 && count <= MOST_KEPT)
        build_ints(o->b, v, name, count, ints);
    else if (floats && floats->span.count <= MOST_KEPT)
        keep_floats(o, v, name, &floats->span);
    else if (protobuf_find(arg, "f"))
        build_float(o->b, v, name, (float)protobuf_float(arg, "f", 0));
    else if (protobuf_find(arg, "i"))
        build_int(o->b, v, name, protobuf_int(arg, "i", 0));
    else if (text)
        build_string(o->b, v, name, netdef_arg_text(o, arg, ""));
}

void netdef_keep(struct netdef_op *o)
{
    char op[200];
    snprintf(op, sizeof(op), "%s.%.150s", o->r->domain, o->type);
    struct value *v = build_node(o->b, op, o->in_count, o->in);
    int args = 0;
    for (const struct protobuf *a = protobuf_first(o->message, "arg"); a && args++ < MOST_KEPT; a = protobuf_more(a))
        if (*protobuf_text(a, "name", ""))
            keep_arg(o, v, a);
    for (int k = 0; k < o->out_count && !o->b->failed; k++)
        o->out[k] = k ? build_output(o->b, v, k) : v;
}

/* ---- outputs ---- */

void netdef_add_output(struct netdef_reader *r, const char *name)
{
    struct value *v = netdef_get(r, name), *same = graph_find_local(r->b.graph, name);
    if (!v)
        build_fail(&r->b, "the output '%.200s' is made by no operator", name);
    if (r->b.failed)
        return;
    build_layer(&r->b, name);
    build_graph_output(&r->b, v, same && same->is_input ? NULL : name);
}

void netdef_add_unused(struct netdef_reader *r)
{
    for (struct netdef_blob *blob = r->first; blob && !r->b.failed; blob = blob->next)
        if (!blob->is_used && !blob->is_constant)
            netdef_add_output(r, blob->name);
}
