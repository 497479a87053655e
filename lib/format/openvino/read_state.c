/* Variables, which keep their value from run to run: each is an input, with its first value as default where that is
 * known, and an output.
 */
#include <stdio.h>
#include <string.h>

#include "format/openvino/openvino.h"
#include "op/build_filled.h"

struct openvino_variable {
    const char *name;
    struct value *first, *now;
    struct openvino_variable *next;
};

static struct openvino_variable *find(struct openvino_read *l, const char *name)
{
    struct openvino_variable *v = l->body->reader->variables;
    while (v && strcmp(v->name, name) != 0)
        v = v->next;
    return v;
}

/* The input that it is: with its first value, a constant or zeros of a known shape; what has open sizes, as the keys
 * and values of a decoder, must be given. */
static struct value *state_input(struct openvino_read *l, const char *name)
{
    int64_t dims[TENSOR_MAX_RANK];
    const struct tensor *given = openvino_has(l, 0) ? openvino_constant(l, 0) : NULL;
    const struct type *type = openvino_has(l, 0) ? build_type(l->b, l->in[0]) : NULL;
    enum dtype dtype = type ? type->dtype : openvino_element_type(openvino_text(l, "variable_type", "f32"));
    int rank = openvino_stated_dims(l, "variable_shape", dims);
    if (rank < 0 && type) { /* the older operator says nothing of its own */
        rank = type->rank;
        memcpy(dims, type->dims, (size_t)(rank > 0 ? rank : 0) * sizeof(*dims));
    }
    int64_t count = rank < 0 ? -1 : tensor_count(rank, dims);
    if (rank < 0 || dtype == DTYPE_NONE)
        build_fail(l->b, "the first value of its variable must be a constant, or its rank known");
    struct value *in = build_input(l->b, name, dtype, rank, dims);
    if (!in || (count < 0 && !given))
        return in;
    struct tensor *first = given ? tensor_ref((struct tensor *)given) : build_zeros(l->b, dtype, rank, dims);
    const struct type stated = in->type;
    build_check(l->b, first && graph_make_constant(in, first, l->b->err) == 0);
    if (given && given->rank == rank) /* which may be of other sizes than what follows */
        in->type = stated;
    return in;
}

static void add_variable(struct openvino_read *l, const char *name)
{
    struct graph *root = l->body->reader->root;
    struct openvino_variable *v = arena_alloc(&l->body->reader->arena, sizeof(*v), l->b->err);
    if (l->b->graph != root)
        build_fail(l->b, "a variable that is read within a loop or branch");
    build_check(l->b, v != NULL);
    name = l->b->failed ? NULL : openvino_keep(l, name);
    struct value *in =
        l->b->failed ? NULL
                     : state_input(l, graph_find_local(root, name) ? graph_fresh_name(root, name, l->b->err) : name);
    if (l->b->failed)
        return;
    *v = (struct openvino_variable){name, in, in, l->body->reader->variables};
    l->body->reader->variables = v;
}

void openvino_read_read_value(struct openvino_read *l)
{
    const char *name = openvino_text(l, "variable_id", "variable");
    if (!find(l, name))
        add_variable(l, name);
    if (!l->b->failed)
        l->out[0] = find(l, name)->first;
}

/* Its reader may stand behind: then the value is still to be made one. */
void openvino_read_assign(struct openvino_read *l)
{
    const char *name = openvino_text(l, "variable_id", "variable");
    struct openvino_variable *v = find(l, name);
    if (!v)
        build_fail(l->b, "variable '%.100s' is written before it is read", name);
    if (l->b->graph != l->body->reader->root)
        build_fail(l->b, "a variable that a loop or branch changes, which is not read");
    struct value *now = openvino_in(l, 0);
    if (!l->b->failed)
        v->now = now;
    for (int o = 0; o < l->layer->out_count; o++)
        l->out[o] = now;
}

void openvino_give_variables(struct openvino_body *body)
{
    char name[300];
    for (struct openvino_variable *v = body->reader->variables; v && !body->b.failed; v = v->next) {
        if (v->now == v->first)
            continue;
        snprintf(name, sizeof(name), "%.290s_out", v->first->name);
        build_graph_output(&body->b, v->now, name);
    }
}
