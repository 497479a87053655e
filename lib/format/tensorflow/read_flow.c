/* Constants, variables, calls and control flow. */
#include <string.h>

#include "format/tensorflow/tensorflow.h"

void tensorflow_read_const(struct tensorflow_op *o)
{
    const struct protobuf *value = protobuf_message(tensorflow_attr(o->node->message, "value"), "tensor");
    struct tensor *t = value ? tensorflow_tensor(o->scope->r, value) : NULL;
    if (!value)
        build_fail(o->b, "it has no value");
    const char *name = arena_strdup(&o->b->graph->root->arena, o->node->name, o->b->err);
    build_check(o->b, name != NULL);
    tensorflow_give(o, 0, build_constant(o->b, name, t));
}

void tensorflow_read_placeholder(struct tensorflow_op *o)
{
    build_fail(o->b, "an input that the signature does not name");
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

static const char *function_name(const struct tensorflow_op *o, const char *attr)
{
    return protobuf_text(protobuf_message(tensorflow_attr(o->node->message, attr), "func"), "name", "");
}

void tensorflow_read_call(struct tensorflow_op *o)
{
    struct value *out[TENSORFLOW_OUTPUTS];
    int count = tensorflow_call(o->scope->r, function_name(o, "f"), o->in, o->in_count, out, TENSORFLOW_OUTPUTS);
    for (int i = 0; i < count; i++)
        tensorflow_give(o, i, out[i]);
}

/* ---- branches and loops: functions as subgraphs ---- */

static struct graph *branch(struct tensorflow_op *o, const char *attr, int *outputs)
{
    struct value *out[TENSORFLOW_OUTPUTS];
    struct build outer = build_enter(o->b, NULL);
    *outputs = o->b->failed ? -1
                            : tensorflow_call(o->scope->r, function_name(o, attr), o->in + 1, o->in_count - 1, out,
                                              TENSORFLOW_OUTPUTS);
    for (int i = 0; i < *outputs; i++)
        build_body_output(o->b, out[i]);
    return build_leave(o->b, outer);
}

void tensorflow_read_if(struct tensorflow_op *o)
{
    int yes_count, no_count = -1;
    struct value *condition = tensorflow_in(o, 0);
    struct graph *yes = branch(o, "then_branch", &yes_count);
    struct graph *no = o->b->failed ? NULL : branch(o, "else_branch", &no_count);
    if (!o->b->failed && yes_count != no_count)
        build_fail(o->b, "branches of %d and %d outputs", yes_count, no_count);
    struct value *v = BUILD(o->b, "If", build_reshape(o->b, condition, 0, NULL));
    build_check(o->b, v && node_set_graph(v->producer, "then_branch", yes, o->b->err) == 0 &&
                          node_set_graph(v->producer, "else_branch", no, o->b->err) == 0);
    for (int i = 0; i < yes_count && !o->b->failed; i++)
        tensorflow_give(o, i, build_output(o->b, v, i));
}

static struct value *condition(struct tensorflow_op *o, struct value *const *in)
{
    struct value *out[1];
    int count = tensorflow_call(o->scope->r, function_name(o, "cond"), in, o->in_count, out, 1);
    return count == 1 ? build_reshape(o->b, out[0], 0, NULL) : NULL;
}

static struct graph *loop_body(struct tensorflow_op *o)
{
    struct value *in[TENSORFLOW_OUTPUTS], *out[TENSORFLOW_OUTPUTS];
    struct build outer = build_enter(o->b, NULL);
    build_input(o->b, NULL, DTYPE_I64, 0, NULL);
    build_input(o->b, NULL, DTYPE_BOOL, 0, NULL);
    for (int i = 0; i < o->in_count && !o->b->failed; i++)
        in[i] = build_input(o->b, NULL, o->in[i]->type.dtype, -1, NULL);
    int count = o->b->failed
                    ? -1
                    : tensorflow_call(o->scope->r, function_name(o, "body"), in, o->in_count, out, TENSORFLOW_OUTPUTS);
    if (count >= 0 && count != o->in_count)
        build_fail(o->b, "a loop over %d values makes %d", o->in_count, count);
    struct value *again = o->b->failed ? NULL : condition(o, out);
    if (!o->b->failed)
        build_body_output(o->b, again);
    for (int i = 0; i < count && !o->b->failed; i++)
        build_body_output(o->b, out[i]);
    return build_leave(o->b, outer);
}

/* ONNX asks for the condition of the first round before it, and for the next one's in the body. */
void tensorflow_read_while(struct tensorflow_op *o)
{
    struct value *in[TENSORFLOW_OUTPUTS + 2] = {NULL};
    if (o->in_count > TENSORFLOW_OUTPUTS)
        build_fail(o->b, "a loop over %d values, want at most %d", o->in_count, TENSORFLOW_OUTPUTS);
    for (int i = 0; i < o->in_count && !o->b->failed; i++)
        in[2 + i] = tensorflow_in(o, i);
    in[1] = o->b->failed ? NULL : condition(o, o->in);
    struct graph *body = o->b->failed ? NULL : loop_body(o);
    struct value *v = build_node(o->b, "Loop", o->in_count + 2, in);
    build_check(o->b, v && node_set_graph(v->producer, "body", body, o->b->err) == 0);
    for (int i = 0; i < o->in_count && !o->b->failed; i++)
        build_output(o->b, v, i);
    for (int i = 0; i < o->in_count && !o->b->failed; i++)
        tensorflow_give(o, i, build_output(o->b, v, i));
}
