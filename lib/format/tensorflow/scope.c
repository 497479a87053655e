/* Nodes by name, and tensors that are read when they are asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/tensorflow/tensorflow.h"

#define MOST_PENDING (1 << 20)

int tensorflow_scope_open(struct tensorflow_scope *s, struct tensorflow_reader *r, const struct protobuf *message,
                          const char *nodes)
{
    size_t count = protobuf_count(message, nodes);
    *s = (struct tensorflow_scope){.r = r, .b = &r->b};
    s->nodes = mem_calloc(count + 1, sizeof(*s->nodes), r->b.err);
    build_check(s->b, s->nodes != NULL);
    for (const struct protobuf *n = protobuf_first(message, nodes); n && !s->b->failed; n = protobuf_more(n)) {
        struct tensorflow_node *node = &s->nodes[s->count++];
        *node = (struct tensorflow_node){
            .message = n, .name = protobuf_text(n, "name", ""), .op = protobuf_text(n, "op", "")};
        build_check(s->b, lookup_add(&s->names, node->name, node, r->b.err) == 0);
        if (s->b->failed)
            error_prefix(r->b.err, "node '%.200s'", node->name);
    }
    return s->b->failed ? -1 : 0;
}

void tensorflow_scope_close(struct tensorflow_scope *s)
{
    free(s->nodes);
    lookup_release(&s->names);
    lookup_release(&s->args);
}

void tensorflow_count_looks(struct tensorflow_scope *s, size_t nodes)
{
    s->r->nodes += (long)((nodes + 63) / 64);
    if (s->r->nodes > TENSORFLOW_NODES)
        build_fail(s->b, "branches, loops and windows that make more than %d nodes of work", TENSORFLOW_NODES);
}

int tensorflow_scope_again(struct tensorflow_scope *s, struct tensorflow_scope *outer, const char *boundary)
{
    *s = (struct tensorflow_scope){.r = outer->r, .b = outer->b, .outer = outer, .boundary = boundary};
    s->nodes = mem_calloc(outer->count + 1, sizeof(*s->nodes), s->b->err);
    build_check(s->b, s->nodes != NULL);
    tensorflow_count_looks(s, outer->count);
    for (; s->count < outer->count && !s->b->failed; s->count++) {
        struct tensorflow_node *node = &s->nodes[s->count], *of = &outer->nodes[s->count];
        *node = (struct tensorflow_node){.message = of->message, .name = of->name, .op = of->op};
        build_check(s->b, lookup_add(&s->names, node->name, node, s->b->err) == 0);
    }
    return s->b->failed ? -1 : 0;
}

/* ---- names of tensors ---- */

const char *tensorflow_input(const struct protobuf *node, size_t i)
{
    for (const struct protobuf *p = protobuf_first(node, "input"); p; p = protobuf_more(p))
        if (*protobuf_as_text(p, "") != '^' && i-- == 0)
            return protobuf_as_text(p, "");
    return "";
}

bool tensorflow_is_op(const struct protobuf *node, const char *op)
{
    return node && strcmp(protobuf_text(node, "op", ""), op) == 0;
}

/* Operators with several outputs whose names functions use; of others the first list is all there is. */
static const struct {
    const char *op, *output;
    int first;
} named[] = {
    {"TopKV2", "indices", 1},
    {"FusedBatchNormV3", "batch_mean", 1},
    {"FusedBatchNormV3", "batch_variance", 2},
    {"NonMaxSuppressionV5", "selected_scores", 1},
    {"NonMaxSuppressionV5", "valid_outputs", 2},
    {"NonMaxSuppressionV4", "valid_outputs", 1},
    {"CombinedNonMaxSuppression", "nmsed_scores", 1},
    {"CombinedNonMaxSuppression", "nmsed_classes", 2},
    {"CombinedNonMaxSuppression", "valid_detections", 3},
    {"Unique", "idx", 1},
    {"UniqueV2", "idx", 1},
    {"UniqueWithCounts", "idx", 1},
    {"UniqueWithCounts", "count", 2},
    {"ListDiff", "idx", 1},
    {"Qr", "r", 1},
    {"SoftmaxCrossEntropyWithLogits", "backprop", 1},
    {"MaxPoolWithArgmax", "argmax", 1},
    {"CTCGreedyDecoder", "decoded_values", 1},
    {"CTCGreedyDecoder", "decoded_shape", 2},
    {"CTCGreedyDecoder", "log_probability", 3},
    {"LSTMBlockCell", "cs", 1},
    {"LSTMBlockCell", "f", 2},
    {"LSTMBlockCell", "o", 3},
    {"LSTMBlockCell", "ci", 4},
    {"LSTMBlockCell", "co", 5},
    {"LSTMBlockCell", "h", 6},
    {"BlockLSTM", "h", 6},
    {"BlockLSTMV2", "h", 6},
    {"GRUBlockCell", "u", 1},
    {"GRUBlockCell", "c", 2},
    {"GRUBlockCell", "h", 3},
};

/* "node", "node:1" of a graph, "node:output:1" of a function: its node, and which output of it. */
struct tensorflow_node *tensorflow_scope_find(struct tensorflow_scope *s, const char *name, int *output)
{
    char text[1024];
    const char *colon = strchr(name, ':'), *last = strrchr(name, ':');
    int64_t i = 0;
    snprintf(text, sizeof(text), "%.*s", (int)(colon ? colon - name : (ptrdiff_t)strlen(name)), name);
    struct tensorflow_node *n = lookup_find(&s->names, text);
    if (last)
        text_to_i64(last + 1, strlen(last + 1), &i);
    for (size_t k = 0; n && colon && last != colon && k < sizeof(named) / sizeof(*named); k++)
        if (strcmp(named[k].op, n->op) == 0 && strncmp(named[k].output, colon + 1, (size_t)(last - colon - 1)) == 0)
            i += named[k].first;
    *output = i >= 0 && i < TENSORFLOW_OUTPUTS ? (int)i : 0;
    return n;
}

/* ---- reading ---- */

/* An operator that is not known, with its numbers and texts. */
static void read_opaque(struct tensorflow_op *o)
{
    char op[200];
    snprintf(op, sizeof(op), "tensorflow.%.150s", o->node->op);
    if (strchr(o->node->op, '.') || !*o->node->op)
        build_fail(o->b, "an operator without a name, or with a dot in it");
    struct value *v = o->b->failed ? NULL : build_node(o->b, op, o->in_count, o->in);
    for (const struct protobuf *a = protobuf_first(o->node->message, "attr"); a && !o->b->failed;
         a = protobuf_more(a)) {
        const char *key = protobuf_text(a, "key", "");
        const struct protobuf *value = protobuf_message(a, "value");
        if (protobuf_find(value, "i"))
            build_int(o->b, v, key, protobuf_int(value, "i", 0));
        else if (protobuf_find(value, "f"))
            build_float(o->b, v, key, (float)protobuf_float(value, "f", 0));
        else if (protobuf_find(value, "s"))
            build_string(o->b, v, key, tensorflow_span(o->scope->r, protobuf_find(value, "s"), ""));
        else if (protobuf_find(value, "b"))
            build_int(o->b, v, key, protobuf_int(value, "b", 0));
    }
    tensorflow_give(o, 0, v);
}

static void read_kind(struct tensorflow_op *o)
{
    if (!tensorflow_read_complex(o))
        (o->kind ? o->kind->read : read_opaque)(o);
}

static void read_node(struct tensorflow_scope *s, struct tensorflow_node *n)
{
    struct tensorflow_op o = {.scope = s, .b = s->b, .node = n, .kind = tensorflow_find_kind(n->op)};
    n->out = arena_alloc(&s->r->arena, TENSORFLOW_OUTPUTS * sizeof(*n->out), s->b->err);
    build_check(s->b, n->out != NULL);
    if (++s->r->nodes > TENSORFLOW_NODES)
        build_fail(s->b, "more than %d nodes are read", TENSORFLOW_NODES);
    o.in = arena_alloc(&s->r->arena, (protobuf_count(n->message, "input") + 1) * sizeof(*o.in), s->b->err);
    build_check(s->b, o.in != NULL);
    bool is_edge = tensorflow_is_edge(s, n);
    for (const struct protobuf *p = protobuf_first(n->message, "input"); p && !s->b->failed && !is_edge;
         p = protobuf_more(p)) {
        const char *name = protobuf_as_text(p, "");
        if (*name == '^') /* it only comes after that one */
            continue;
        o.in[o.in_count++] = tensorflow_scope_value(s, name);
    }
    const char *name = arena_strdup(&s->b->graph->root->arena, n->name, s->b->err);
    build_check(s->b, name != NULL);
    if (!s->b->failed) {
        build_layer(s->b, name);
        read_kind(&o);
        build_infer(s->b);
    }
    n->state = 2;
    if (s->b->failed && !strstr(s->b->err->text, "node '"))
        error_prefix(s->b->err, "node '%.200s' (%.60s)", n->name, n->op);
}

struct stack {
    struct tensorflow_node **nodes;
    size_t count, cap;
};

static bool push(struct tensorflow_scope *s, struct stack *stack, struct tensorflow_node *n)
{
    if (stack->count == MOST_PENDING ||
        mem_grow(&stack->nodes, &stack->cap, stack->count + 1, sizeof(struct tensorflow_node *), s->b->err) != 0) {
        build_fail(s->b, "nodes nest too deep");
        return false;
    }
    stack->nodes[stack->count++] = n;
    return true;
}

/* What is taken goes onto the stack; what is there already, and not read, needs itself. */
static void push_needed(struct tensorflow_scope *s, const char *name, void *data)
{
    int output;
    bool is_arg = *name == '^' || lookup_find(&s->args, name);
    struct tensorflow_node *from = is_arg ? NULL : tensorflow_scope_find(s, name, &output);
    if (from && from->state == 1)
        build_fail(s->b, "node '%.200s' needs itself", from->name);
    else if (from && from->state == 0)
        push(s, data, from);
}

static void push_inputs(struct tensorflow_scope *s, struct stack *stack, struct tensorflow_node *n)
{
    n->state = 1;
    if (tensorflow_is_edge(s, n)) {
        tensorflow_edge_needs(s, n, push_needed, stack);
        return;
    }
    for (const struct protobuf *p = protobuf_first(n->message, "input"); p && !s->b->failed; p = protobuf_more(p))
        push_needed(s, protobuf_as_text(p, ""), stack);
}

/* Reads a node and all that it needs, without recursion: graphs are thousands of nodes deep. */
static void read_all(struct tensorflow_scope *s, struct tensorflow_node *n)
{
    struct stack stack = {0};
    push(s, &stack, n);
    while (stack.count && !s->b->failed) {
        struct tensorflow_node *top = stack.nodes[stack.count - 1];
        if (top->state == 0) {
            push_inputs(s, &stack, top);
        } else {
            stack.count--;
            if (top->state == 1)
                read_node(s, top);
        }
    }
    free(stack.nodes);
}

struct value *tensorflow_scope_value(struct tensorflow_scope *s, const char *name)
{
    int output;
    struct value *arg = lookup_find(&s->args, name);
    struct tensorflow_node *n = arg ? NULL : tensorflow_scope_find(s, name, &output);
    if (arg || s->b->failed)
        return s->b->failed ? NULL : arg;
    if (!n) {
        build_fail(s->b, "it takes '%.200s', which no node makes", name);
        return NULL;
    }
    if (n->state == 0)
        read_all(s, n);
    if (!s->b->failed && n->state == 2 && !n->out[output] && !tensorflow_find_kind(n->op))
        n->out[output] = build_output(s->b, n->out[0], output); /* of what is not known */
    if (!s->b->failed && (n->state != 2 || !n->out[output]))
        build_fail(s->b, "output %d of '%.200s' (%.60s) is not made", output, n->name, n->op);
    return s->b->failed ? NULL : n->out[output];
}
