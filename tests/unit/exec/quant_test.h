/* What tests of operators of whole numbers are made from. */
#ifndef TESTS_QUANT_TEST_H
#define TESTS_QUANT_TEST_H

#include "exec_test.h"

static struct value *bytes(enum dtype dtype, int rank, const int64_t *dims, int low, int high)
{
    struct tensor *t = tensor_new(dtype, rank, dims, &error);
    for (int64_t i = 0; i < t->count; i++)
        tensor_set_i64(t, i, low + (int64_t)(hash_random(&seed) % (uint64_t)(high - low + 1)));
    return graph_add_constant(graph, NULL, t, &error);
}

static struct value *scalar(enum dtype dtype, double x)
{
    struct tensor *t = tensor_new(dtype, 0, NULL, &error);
    tensor_set_f64(t, 0, x);
    return graph_add_constant(graph, NULL, t, &error);
}

static struct value *byte_input(const char *name, enum dtype dtype, int rank, const int64_t *dims)
{
    struct value *v = input(name, rank, dims);
    v->type.dtype = dtype;
    return v;
}

/* Inputs of any bytes, or all of one that makes sums largest. */
static void check_filled(int extreme, bool exact)
{
    struct item *in[8];
    for (size_t i = 0; i < graph->input_count; i++) {
        const struct type *type = &graph->inputs[i]->type;
        struct tensor *t = tensor_new(type->dtype, type->rank, type->dims, &error);
        if (type->dtype == DTYPE_F32)
            for (int64_t j = 0; j < t->count; j++)
                tensor_set_f64(t, j, random_number());
        else
            for (size_t j = 0; j < t->size; j++)
                ((uint8_t *)t->data)[j] = (uint8_t)(extreme < 0 ? hash_random(&seed) : (unsigned)extreme);
        in[i] = item_of_tensor(t, &error);
    }
    exact_wanted = exact;
    check_with(in);
    exact_wanted = false;
}

static void check_bytes(int extreme)
{
    check_filled(extreme, true);
}

#endif
