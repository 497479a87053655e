/* Constants, variables and calls. */
#include <string.h>

#include "format/tensorflow/tensorflow.h"

void tensorflow_read_const(struct tensorflow_op *o)
{
    struct tensor *t = tensorflow_constant(o->scope->r, o->node->message);
    const char *name = arena_strdup(&o->b->graph->root->arena, o->node->name, o->b->err);
    build_check(o->b, name != NULL);
    tensorflow_give(o, 0, build_constant(o->b, name, t));
}

void tensorflow_read_placeholder(struct tensorflow_op *o)
{
    build_fail(o->b, "an input that the signature does not name");
}

/* Decoding a picture is not the network's part: where the text of a file would come in, rows of pixels do (read.c). */
void tensorflow_read_decode(struct tensorflow_op *o)
{
    struct value *v = tensorflow_in(o, 0);
    if (v && v->constant && v->constant->dtype == DTYPE_STRING)
        v = tensorflow_add_picture(o);
    if (v && tensorflow_dtype_of(o, 0) == DTYPE_STRING && v == o->in[0])
        build_fail(o->b, "a picture that is no input of the network is not decoded");
    enum dtype dtype = tensorflow_type(o, "dtype", DTYPE_U8);
    if (dtype != DTYPE_U8 && dtype != DTYPE_F32)
        build_fail(o->b, "a picture of other than bytes is not read");
    tensorflow_give(
        o, 0, dtype == DTYPE_U8 ? v : BUILD(o->b, "Div", build_cast(o->b, v, dtype), build_number(o->b, dtype, 255)));
}

void tensorflow_read_same(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, tensorflow_in(o, 0));
}

void tensorflow_read_identity_n(struct tensorflow_op *o)
{
    for (int i = 0; i < o->in_count && i < TENSORFLOW_OUTPUTS; i++)
        tensorflow_give(o, i, o->in[i]);
}

void tensorflow_read_nothing(struct tensorflow_op *o)
{
    (void)o;
}

/* The value in the checkpoint: not what the network itself has just written there. */
void tensorflow_read_read_variable(struct tensorflow_op *o)
{
    int output;
    for (const struct protobuf *p = protobuf_first(o->node->message, "input"); p; p = protobuf_more(p)) {
        const char *name = protobuf_as_text(p, "");
        const struct tensorflow_node *n = *name == '^' ? tensorflow_scope_find(o->scope, name + 1, &output) : NULL;
        if (n && strncmp(n->op, "Assign", 6) == 0)
            build_fail(o->b, "it reads a variable that the network has written: states are not read");
    }
    tensorflow_read_same(o);
}

/* A variable is its value in the checkpoint; nothing writes it while the network is used. */
void tensorflow_read_variable(struct tensorflow_op *o)
{
    struct tensorflow_reader *r = o->scope->r;
    const char *shared = tensorflow_text(o, "shared_name", ""), *name = *shared ? shared : o->node->name;
    struct value *v = lookup_find(&r->variables, name);
    if (!v && !r->bundle && !(r->bundle = tensorflow_bundle_open(r->source, o->b->err)))
        build_check(o->b, false);
    if (!v && !o->b->failed) {
        const char *key = lookup_find(&r->keys, name);
        struct tensor *t = tensorflow_bundle_read(r->bundle, key ? key : name, o->b->err);
        const char *kept = arena_strdup(&r->b.graph->arena, name, o->b->err);
        build_check(o->b, kept != NULL);
        v = build_constant(o->b, kept, t);
        build_check(o->b, !o->b->failed && lookup_add(&r->variables, kept, v, o->b->err) == 0);
    }
    tensorflow_give(o, 0, v);
}

const char *tensorflow_function(const struct tensorflow_op *o, const char *attr)
{
    return protobuf_text(protobuf_message(tensorflow_attr(o->node->message, attr), "func"), "name", "");
}

void tensorflow_read_call(struct tensorflow_op *o)
{
    struct value *out[TENSORFLOW_OUTPUTS];
    int count = tensorflow_call(o->scope->r, tensorflow_function(o, "f"), o->in, o->in_count, out, TENSORFLOW_OUTPUTS);
    for (int i = 0; i < count; i++)
        tensorflow_give(o, i, out[i]);
}
