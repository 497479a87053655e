/* Functions of a model: each call becomes the nodes of the function's body. */
#include <string.h>

#include "format/onnx/onnx.h"

static char *function_key(struct arena *arena, const char *domain, const char *name, const char *overload,
                          struct error *err)
{
    size_t d = strlen(domain), n = strlen(name), o = strlen(overload);
    char *key = arena_alloc(arena, d + n + o + 3, err);
    if (!key)
        return NULL;
    memcpy(key, domain, d);
    key[d] = ':';
    memcpy(key + d + 1, name, n);
    key[d + n + 1] = ':';
    memcpy(key + d + n + 2, overload, o);
    return key;
}

int onnx_list_functions(struct onnx_reader *r, struct error *err)
{
    for (size_t i = 0; i < r->model->n_functions; i++) {
        struct onnx_function *f = r->model->functions[i];
        const char *key =
            function_key(&r->arena, onnx_domain(f->domain), onnx_text(f->name), onnx_text(f->overload), err);
        if (!key || lookup_add(&r->functions, key, f, err) != 0)
            return error_prefix(err, "function '%.100s'", onnx_text(f->name));
    }
    return 0;
}

const struct onnx_function *onnx_function_of(const struct onnx_reader *r, const struct onnx_node *p, struct error *err)
{
    struct arena arena;
    const struct onnx_function *f = NULL;
    if (r->functions.count == 0)
        return NULL;
    arena_init(&arena);
    const char *key = function_key(&arena, onnx_domain(p->domain), onnx_text(p->op_type), onnx_text(p->overload), err);
    if (key)
        f = lookup_find(&r->functions, key);
    arena_release(&arena);
    return f;
}

/* ---- a call ---- */

/* The attributes that the call gives, with references to those of an outer call resolved. */
static int collect_given(struct onnx_scope *s, const struct onnx_node *p, struct onnx_call *call, struct error *err)
{
    call->given = arena_alloc(&s->reader->arena, p->n_attribute * sizeof(*call->given), err);
    if (!call->given)
        return -1;
    for (size_t i = 0; i < p->n_attribute; i++) {
        struct onnx_scope *from;
        const struct onnx_attribute *a = onnx_attr_given(s, p->attribute[i], &from);
        if (a)
            call->given[call->given_count++] = (struct onnx_given){onnx_text(p->attribute[i]->name), a, from};
    }
    return 0;
}

static int bind_inputs(struct onnx_scope *s, struct onnx_scope *inner, const struct onnx_node *p,
                       const struct onnx_function *f, struct error *err)
{
    if (p->n_input > f->n_input || p->n_output > f->n_output)
        return error_set(err, "%zu inputs and %zu outputs, the function has %zu and %zu", p->n_input, p->n_output,
                         f->n_input, f->n_output);
    for (size_t i = 0; i < p->n_input; i++) {
        struct value *v = *p->input[i] ? onnx_find(s, p->input[i]) : NULL;
        if (*p->input[i] && !v && !onnx_is_absent(s, p->input[i]))
            return error_set(err, "input %zu, '%.200s': nothing makes a value of that name", i, p->input[i]);
        if (v && *f->input[i] && lookup_add(&inner->names, f->input[i], v, err) != 0)
            return -1;
    }
    return 0;
}

static int bind_outputs(const struct onnx_scope *s, struct onnx_call *call, const struct onnx_node *p,
                        struct error *err)
{
    for (size_t i = 0; i < p->n_output; i++) {
        struct value *v = *p->output[i] ? lookup_find(&s->names, p->output[i]) : NULL;
        if (v && lookup_add(&call->outputs, call->function->output[i], v, err) != 0)
            return -1;
    }
    return 0;
}

/* An output that no node of the body makes, being one of its inputs. */
static int pass_through(const struct onnx_scope *inner, const struct onnx_function *f, size_t i, struct value *to,
                        struct error *err)
{
    struct value *v = lookup_find(&inner->names, f->output[i]);
    if (v == to)
        return 0;
    if (!v)
        return error_set(err, "the function makes no '%.200s'", f->output[i]);
    struct node *n = graph_add_node(inner->graph, "", "Identity", NULL, err);
    if (!n || node_add_input(n, v, err) != 0 || node_add_output(n, to, err) != 0)
        return -1;
    n->since = OP_OPSET;
    return 0;
}

static int read_body(struct onnx_scope *s, struct onnx_scope *inner, const struct onnx_node *p, struct onnx_call *call,
                     struct error *err)
{
    const struct onnx_function *f = call->function;
    if (collect_given(s, p, call, err) != 0 || bind_inputs(s, inner, p, f, err) != 0 ||
        bind_outputs(s, call, p, err) != 0 || onnx_read_nodes(inner, f->node, f->n_node, err) != 0)
        return -1;
    for (size_t i = 0; i < p->n_output; i++)
        if (*p->output[i] && pass_through(inner, f, i, lookup_find(&s->names, p->output[i]), err) != 0)
            return -1;
    return 0;
}

/* Optional inputs that the call leaves out are names that mean nothing. */
static bool is_formal(const struct onnx_function *f, const char *name)
{
    for (size_t i = 0; i < f->n_input; i++)
        if (strcmp(f->input[i], name) == 0)
            return true;
    return false;
}

bool onnx_is_absent(const struct onnx_scope *s, const char *name)
{
    return s->call && !onnx_find(s, name) && is_formal(s->call->function, name);
}

int onnx_inline(struct onnx_scope *s, const struct onnx_node *p, const struct onnx_function *f, struct error *err)
{
    struct onnx_call call = {.function = f, .outer = s->call};
    struct onnx_scope inner = {.reader = s->reader, .graph = s->graph, .call = &call};
    int depth = 0;
    for (const struct onnx_call *c = s->call; c; c = c->outer, depth++)
        if (c->function == f)
            return error_set(err, "the function calls itself");
    if (depth >= ONNX_MAX_CALLS)
        return error_set(err, "functions call each other more than %d deep", ONNX_MAX_CALLS);
    s->reader->inlined += f->n_node + 1;
    if (s->reader->inlined > ONNX_MAX_INLINED)
        return error_set(err, "the file's functions make more than %d nodes", ONNX_MAX_INLINED);
    inner.opsets = f->n_opset_import ? f->opset_import : s->reader->model->opset_import;
    inner.opset_count = f->n_opset_import ? f->n_opset_import : s->reader->model->n_opset_import;
    int result = read_body(s, &inner, p, &call, err);
    lookup_release(&inner.names);
    lookup_release(&call.outputs);
    return result;
}
