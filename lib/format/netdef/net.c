/* The blobs of a net, and its operators one by one. */
#include <stdio.h>
#include <string.h>

#include "format/netdef/netdef.h"

const struct netdef_kind *netdef_find(const struct netdef_reader *r, const char *type)
{
    return packed_find(r->kinds, type);
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
    blob->is_result = r->computes && !value->is_input && !value->constant;
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

#define MOST_INPUTS 65536 /* of one operator: rewriting the graph takes their square */

static void find_inputs(struct netdef_op *o)
{
    size_t count = protobuf_count(o->message, "input");
    if (count > MOST_INPUTS) {
        build_fail(o->b, "it has %zu inputs, want at most %d", count, MOST_INPUTS);
        return;
    }
    o->in = arena_alloc(&o->r->arena, (count + 1) * sizeof(*o->in), o->b->err);
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
    if (!r->b.failed && r->after)
        r->after(&o);
    build_infer(&r->b);
    give_outputs(&o);
    if (r->b.failed)
        error_prefix(r->b.err, "operator '%.200s' (%.100s)", *name ? name : protobuf_text(message, "output", ""),
                     o.type);
}

/* ---- what is not known ---- */

#define MOST_KEPT 256 /* arguments, and numbers of one: more are left out */

static void keep_arg(struct netdef_op *o, struct value *v, const struct protobuf *arg)
{
    int64_t ints[MOST_KEPT];
    float floats[MOST_KEPT];
    const char *name = protobuf_text(arg, "name", "");
    const struct protobuf *text = protobuf_find(arg, "s");
    int count = netdef_arg_ints(arg, ints, MOST_KEPT);
    if (count > 0 && count <= MOST_KEPT)
        build_ints(o->b, v, name, count, ints);
    else if ((count = netdef_arg_floats(arg, floats, MOST_KEPT)) > 0 && count <= MOST_KEPT)
        build_floats(o->b, v, name, count, floats);
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

/* ---- inputs and outputs ---- */

/* Lists, under their names, the blobs that operators take before any gives them. */
static void list_wanted(struct netdef_reader *r, const struct protobuf *net, struct lookup *wanted)
{
    struct lookup made = {0};
    for (const struct protobuf *p = protobuf_first(net, "op"); p && !r->b.failed; p = protobuf_more(p)) {
        for (const struct protobuf *i = protobuf_first(p, "input"); i && !r->b.failed; i = protobuf_more(i)) {
            const char *name = protobuf_as_text(i, "");
            if (!lookup_find(&made, name) && !lookup_find(wanted, name) && !lookup_find(&r->blobs, name))
                build_check(&r->b, lookup_add(wanted, name, r, r->b.err) == 0);
        }
        for (const struct protobuf *o = protobuf_first(p, "output"); o && !r->b.failed; o = protobuf_more(o))
            if (!lookup_find(&made, protobuf_as_text(o, "")))
                build_check(&r->b, lookup_add(&made, protobuf_as_text(o, ""), r, r->b.err) == 0);
    }
    lookup_release(&made);
}

/* Inputs of the graph for those of the message's names that are wanted. */
static void add_named(struct netdef_reader *r, const struct protobuf *message, const char *field,
                      const struct lookup *wanted)
{
    for (const struct protobuf *p = protobuf_first(message, field); p && !r->b.failed; p = protobuf_more(p)) {
        const char *name = protobuf_as_text(p, "");
        if (*name && lookup_find(wanted, name) && !lookup_find(&r->blobs, name))
            netdef_set(r, name, build_input(&r->b, name, DTYPE_F32, -1, NULL));
    }
}

void netdef_add_inputs(struct netdef_reader *r, const struct protobuf *net, const char *list)
{
    struct lookup wanted = {0};
    list_wanted(r, net, &wanted);
    add_named(r, net, list, &wanted);
    for (const struct protobuf *p = protobuf_first(net, "op"); p && !r->b.failed; p = protobuf_more(p))
        add_named(r, p, "input", &wanted);
    lookup_release(&wanted);
}

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
        if (!blob->is_used && blob->is_result)
            netdef_add_output(r, blob->name);
}
