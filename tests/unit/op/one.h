/* Graphs of one node, for the tests of operators: build it, run it, compare the outputs with numbers written down.
 *
 *     struct one o;
 *     one_start(&o, "", "Add", 1);
 *     one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(1, 2)));
 *     one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(10)));
 *     CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(11, 12)));
 *     one_end(&o);
 */
#ifndef TESTS_UNIT_OP_ONE_H
#define TESTS_UNIT_OP_ONE_H

#include <stdlib.h>

#include "../../test.h"
#include "op/op.h"

#define DIMS(...)                                                                                                      \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[])                                       \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
#define SCALAR 0, NULL
#define VALUES(...)                                                                                                    \
    (const double[])                                                                                                   \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
#define ONE_MAX    12
#define ONE_UNUSED __attribute__((unused))

struct one {
    struct graph *g;
    struct node *n;
    struct item *in[ONE_MAX], *out[ONE_MAX];
    size_t in_count;
    size_t memory;
    bool ran;
    int result;
    struct error err;
};

/* A node with `outputs` outputs, no inputs and no attributes; attributes are set on o->n. */
ONE_UNUSED static void one_start(struct one *o, const char *domain, const char *op, int outputs)
{
    memset(o, 0, sizeof(*o));
    o->memory = 1 << 20;
    o->g = graph_new(&o->err);
    o->n = graph_add_node(o->g, domain, op, NULL, &o->err);
    node_set_name(o->n, "it", &o->err);
    for (int i = 0; i < outputs; i++)
        graph_add_output(o->g, node_new_output(o->n, NULL, &o->err), &o->err);
}

/* values NULL: zeros. */
ONE_UNUSED static struct tensor *one_tensor(enum dtype dtype, int rank, const int64_t *dims, const double *values)
{
    struct error err;
    struct tensor *t = tensor_new(dtype, rank, dims, &err);
    for (int64_t i = 0; t && values && i < t->count; i++)
        tensor_set_f64(t, i, values[i]);
    return t;
}

ONE_UNUSED static struct tensor *one_strings(int rank, const int64_t *dims, const char *const *strings)
{
    struct error err;
    struct str s[64];
    int64_t count = tensor_count(rank, dims);
    for (int64_t i = 0; i < count; i++)
        s[i] = (struct str){strings[i], strlen(strings[i])};
    return tensor_of_strings(rank, dims, s, &err);
}

/* The next input, of the item's kind; NULL: absent. Takes over the reference. */
ONE_UNUSED static struct value *one_item(struct one *o, struct item *item)
{
    struct value *v = NULL;
    if (item) {
        v = graph_add_value(o->g, NULL, &o->err);
        graph_add_input(o->g, v, &o->err);
        v->type.kind = item->kind == ITEM_TENSOR     ? TYPE_TENSOR
                       : item->kind == ITEM_SEQUENCE ? TYPE_SEQUENCE
                                                     : TYPE_OPTIONAL;
        if (item->kind == ITEM_TENSOR) {
            v->type.dtype = item->tensor->dtype;
            v->type.rank = item->tensor->rank;
            memcpy(v->type.dims, item->tensor->dims, sizeof(v->type.dims));
        }
        o->in[o->in_count++] = item;
    }
    node_add_input(o->n, v, &o->err);
    return v;
}

ONE_UNUSED static struct value *one_in(struct one *o, struct tensor *t)
{
    return one_item(o, item_of_tensor(t, &o->err));
}

/* The next input as a constant. */
ONE_UNUSED static struct value *one_constant(struct one *o, struct tensor *t)
{
    struct value *v = graph_add_constant(o->g, NULL, t, &o->err);
    node_add_input(o->n, v, &o->err);
    return v;
}

/* The next input as a value that has a type alone; dims are numbers, or symbols and unknowns. For inference only. */
ONE_UNUSED static struct value *one_typed(struct one *o, enum dtype dtype, int rank, const int64_t *dims)
{
    struct value *v = graph_add_value(o->g, NULL, &o->err);
    graph_add_input(o->g, v, &o->err);
    v->type = (struct type){.kind = TYPE_TENSOR, .dtype = dtype, .rank = rank};
    for (int i = 0; i < rank; i++)
        v->type.dims[i] = dims[i];
    node_add_input(o->n, v, &o->err);
    return v;
}

ONE_UNUSED static int64_t one_symbol(struct one *o, const char *name)
{
    return graph_symbol(o->g, name, &o->err);
}

ONE_UNUSED static int one_infer(struct one *o)
{
    op_resolve(o->g);
    for (const struct node *n = o->g->first; n; n = n->next)
        if (op_check(n, &o->err))
            return -1;
    return op_infer_graph(o->g, &o->err);
}

/* Without inference and the static check, so that what eval itself refuses is seen. */
ONE_UNUSED static int one_eval(struct one *o)
{
    op_resolve(o->g);
    return op_run(o->g, o->in, o->out, o->memory, 1, &o->err);
}

ONE_UNUSED static int one_run(struct one *o)
{
    if (!o->ran)
        o->result = one_infer(o) || one_eval(o) ? -1 : 0;
    o->ran = true;
    return o->result;
}

/* The inferred type of output i: "f32 1x3xHxW". The text is static. */
ONE_UNUSED static const char *one_type(struct one *o, int i)
{
    static char text[300];
    return type_text(o->g, &node_out(o->n, i)->type, text, sizeof(text));
}

/* Whether output i, as the type that was inferred has it, is these numbers, floats to a relative `relative` and an
 * absolute `absolute`, integers exactly; NaN equals NaN. */
ONE_UNUSED static bool one_within(struct one *o, int i, enum dtype dtype, int rank, const int64_t *dims,
                                  const double *values, double relative, double absolute)
{
    if (one_run(o)) {
        printf("  %s\n", o->err.text);
        return false;
    }
    const struct tensor *t = o->out[i]->tensor;
    if (t->dtype != dtype || t->rank != rank || (rank && memcmp(t->dims, dims, (size_t)rank * sizeof(*dims)) != 0)) {
        printf("  output %d has other dims or dtype (%s, rank %d)\n", i, dtype_info(t->dtype)->name, t->rank);
        return false;
    }
    const struct type *type = &o->g->outputs[i]->type;
    for (int d = 0; type->kind == TYPE_TENSOR && d < type->rank; d++)
        if (type->rank != rank || type->dtype != dtype || (type->dims[d] >= 0 && type->dims[d] != dims[d])) {
            printf("  output %d was inferred otherwise: %s\n", i, one_type(o, i));
            return false;
        }
    for (int64_t k = 0; k < t->count; k++) {
        double got = tensor_get_f64(t, k), want = values[k];
        double slack = dtype_info(dtype)->class == DTYPE_CLASS_FLOAT ? relative * fabs(want) + absolute : 0;
        if (dtype_info(dtype)->bits < 32)
            slack *= 2000;
        if (isnan(want) ? !isnan(got) : got != want && !(fabs(got - want) <= slack)) {
            printf("  output %d[%lld] is %.9g, want %.9g\n", i, (long long)k, got, want);
            return false;
        }
    }
    return true;
}

/* Floats to a relative 1e-6. */
ONE_UNUSED static bool one_gives(struct one *o, int i, enum dtype dtype, int rank, const int64_t *dims,
                                 const double *values)
{
    return one_within(o, i, dtype, rank, dims, values, 1e-6, 1e-30);
}

/* f32, near a number as another runtime rounds it. */
ONE_UNUSED static bool one_near(struct one *o, int i, int rank, const int64_t *dims, const double *values, double slack)
{
    return one_within(o, i, DTYPE_F32, rank, dims, values, slack, slack);
}

/* Whether inference or evaluation fails with a message that has these words. */
ONE_UNUSED static bool one_fails(struct one *o, const char *words)
{
    bool fails = one_run(o) != 0 && strstr(o->err.text, words) && !strchr(o->err.text, '\n');
    if (!fails)
        printf("  %s\n", o->result ? o->err.text : "succeeds");
    return fails;
}

ONE_UNUSED static void one_end(struct one *o)
{
    for (size_t i = 0; i < ONE_MAX; i++) {
        item_unref(o->in[i]);
        item_unref(o->out[i]);
    }
    graph_free(o->g);
}

#endif
