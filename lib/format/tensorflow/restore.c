/* Which variable has which key in the checkpoint, where their names do not tell: the function that restores them says
 * so, by RestoreV2's list of keys and the assignments of what it gives. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/tensorflow/tensorflow.h"

#define MOST_ARGS 65536

struct restore {
    struct tensorflow_scope *graph; /* whose node calls the function */
    const struct protobuf *call, *function;
    const char **keys;
    size_t key_count;
};

/* Whether "node:output:0" is of that node. */
static bool is_of(const char *tensor, const char *node)
{
    size_t n = strlen(node);
    return strncmp(tensor, node, n) == 0 && (tensor[n] == ':' || tensor[n] == 0);
}

const struct protobuf *tensorflow_function_node(const struct protobuf *function, const char *tensor)
{
    for (const struct protobuf *n = protobuf_first(function, "node_def"); n; n = protobuf_more(n))
        if (is_of(tensor, protobuf_text(n, "name", "")))
            return n;
    return NULL;
}

/* The keys are a constant of strings. */
static void list_keys(struct restore *x)
{
    struct tensorflow_reader *r = x->graph->r;
    for (const struct protobuf *n = protobuf_first(x->function, "node_def"); n && !r->b.failed; n = protobuf_more(n)) {
        if (!tensorflow_is_op(n, "RestoreV2"))
            continue;
        const struct protobuf *names = tensorflow_function_node(x->function, tensorflow_input(n, 1));
        const struct protobuf *tensor = protobuf_message(tensorflow_attr(names, "value"), "tensor");
        x->keys = arena_alloc(&r->arena, (protobuf_count(tensor, "string_val") + 1) * sizeof(*x->keys), r->b.err);
        build_check(&r->b, x->keys != NULL);
        for (const struct protobuf *p = protobuf_first(tensor, "string_val"); p && x->keys; p = protobuf_more(p))
            x->keys[x->key_count++] = tensorflow_span(r, p, "");
        return;
    }
}

int64_t tensorflow_argument(const struct protobuf *function, const char *tensor)
{
    int64_t i = 0;
    const struct protobuf *signature = protobuf_message(function, "signature");
    for (const struct protobuf *p = protobuf_first(signature, "input_arg"); p && i < MOST_ARGS;
         p = protobuf_more(p), i++)
        if (is_of(tensor, protobuf_text(p, "name", "")))
            return i;
    return -1;
}

/* "RestoreV2:tensors:12" through an Identity: 12. */
static int64_t restored(const struct restore *x, const char *tensor)
{
    int64_t i;
    const struct protobuf *n = tensorflow_function_node(x->function, tensor);
    const char *from = tensorflow_is_op(n, "Identity") ? tensorflow_input(n, 0) : tensor, *last = strrchr(from, ':');
    return tensorflow_is_op(tensorflow_function_node(x->function, from), "RestoreV2") && last &&
                   text_to_i64(last + 1, strlen(last + 1), &i)
               ? i
               : -1;
}

static void note_assignment(struct restore *x, const struct protobuf *assign)
{
    char name[1024];
    struct tensorflow_reader *r = x->graph->r;
    int64_t arg = tensorflow_argument(x->function, tensorflow_input(assign, 0)),
            key = restored(x, tensorflow_input(assign, 1));
    if (arg < 0 || key < 0 || (uint64_t)key >= x->key_count)
        return;
    snprintf(name, sizeof(name), "%.1000s", tensorflow_input(x->call, (size_t)arg));
    name[strcspn(name, ":")] = 0;
    struct tensorflow_node *variable = lookup_find(&x->graph->names, name);
    if (!variable)
        return;
    const struct protobuf *shared = protobuf_find(tensorflow_attr(variable->message, "shared_name"), "s");
    const char *text = tensorflow_span(r, shared, "");
    const char *known = *text ? text : variable->name;
    if (!lookup_find(&r->keys, known))
        build_check(&r->b, lookup_add(&r->keys, known, (void *)x->keys[key], r->b.err) == 0);
}

void tensorflow_trace_restore(struct tensorflow_scope *graph)
{
    struct tensorflow_reader *r = graph->r;
    for (size_t i = 0; i < graph->count && !r->b.failed; i++) {
        const struct protobuf *call = graph->nodes[i].message;
        const char *name = protobuf_text(protobuf_message(tensorflow_attr(call, "f"), "func"), "name", "");
        struct restore x = {.graph = graph, .call = call, .function = lookup_find(&r->functions, name)};
        if (!x.function || !strstr(name, "traced_restore"))
            continue;
        list_keys(&x);
        for (const struct protobuf *n = protobuf_first(x.function, "node_def"); n && !r->b.failed; n = protobuf_more(n))
            if (tensorflow_is_op(n, "AssignVariableOp"))
                note_assignment(&x, n);
        return;
    }
}
