/* What a static plan cannot hold: sequences, strings, shapes that the data decide, random numbers. */
#include <stdlib.h>

#include "../../test.h"
#include "exec/exec.h"
#include "op/op.h"

static struct error err;
static struct graph *graph;

static struct value *input(const char *name, enum type_kind kind, enum dtype dtype, int64_t size)
{
    struct value *v = graph_add_value(graph, name, &err);
    v->type = (struct type){.kind = kind, .dtype = dtype, .rank = kind == TYPE_TENSOR ? 1 : -1, .dims = {size}};
    graph_add_input(graph, v, &err);
    return v;
}

static struct node *add_node(const char *op, struct value *a, struct value *b, struct value *c)
{
    struct node *n = graph_add_node(graph, "", op, NULL, &err);
    struct value *in[] = {a, b, c};
    for (int i = 0; i < 3 && in[i]; i++)
        node_add_input(n, in[i], &err);
    node_new_output(n, NULL, &err);
    return n;
}

static struct item *floats(int64_t n, float first)
{
    struct tensor *t = tensor_new(DTYPE_F32, 1, &n, &err);
    for (int64_t i = 0; i < n; i++)
        tensor_set_f64(t, i, first + (double)i);
    return item_of_tensor(t, &err);
}

/* Runs the graph twice: with a new plan, and with one that has run. Takes over in[]. */
static int run(size_t memory, struct item **in, struct item **out)
{
    struct exec_options options = {.memory = memory};
    struct exec *e = exec_new(graph, &options, &err);
    int result = e ? 0 : -1;
    for (int i = 0; result == 0 && i < 2; i++) {
        for (size_t o = 0; o < graph->output_count; o++) {
            item_unref(out[o]);
            out[o] = NULL;
        }
        result = exec_run(e, in, out, &err);
    }
    exec_free(e);
    for (size_t i = 0; i < graph->input_count; i++)
        item_unref(in[i]);
    return result;
}

static void end(struct item **out)
{
    for (size_t o = 0; o < graph->output_count; o++)
        item_unref(out[o]);
    graph_free(graph);
}

/* A sequence and a text that are only handed on, beside a node that a static plan holds. */
static void handed_on(void)
{
    struct str word = {"word", 4};
    struct item *x = floats(3, -1), *in[3] = {x, NULL, NULL}, *out[4] = {NULL};
    graph = graph_new(&err);
    struct value *a = input("x", TYPE_TENSOR, DTYPE_F32, 3), *s = input("s", TYPE_SEQUENCE, DTYPE_NONE, 0);
    struct value *w = input("w", TYPE_TENSOR, DTYPE_STRING, 1);
    graph_add_output(graph, s, &err);
    graph_add_output(graph, add_node("Relu", a, NULL, NULL)->out[0], &err);
    graph_add_output(graph, w, &err);
    graph_add_output(graph, a, &err);
    in[1] = item_sequence(DTYPE_F32, &x, 1, &err);
    in[2] = item_of_tensor(tensor_of_strings(1, (const int64_t[]){1}, &word, &err), &err);
    CHECK_MSG(run(1 << 20, in, out) == 0, "%s", err.text);
    CHECK(out[0] && out[0]->kind == ITEM_SEQUENCE && out[0]->n == 1);
    CHECK(out[1] && tensor_get_f64(out[1]->tensor, 0) == 0 && tensor_get_f64(out[1]->tensor, 2) == 1);
    CHECK(out[2] && out[2]->tensor->dtype == DTYPE_STRING && out[2]->tensor->count == 1);
    CHECK(out[3] && tensor_get_f64(out[3]->tensor, 0) == -1);
    end(out);
}

/* A static part, a sequence made of it and of an input, and a static part again. */
static void through_a_sequence(void)
{
    struct item *in[2] = {floats(3, -1), floats(2, 5)}, *out[2] = {NULL};
    graph = graph_new(&err);
    struct value *a = input("a", TYPE_TENSOR, DTYPE_F32, 3), *b = input("b", TYPE_TENSOR, DTYPE_F32, 2);
    struct value *r = add_node("Relu", a, NULL, NULL)->out[0];
    struct value *s = add_node("SequenceConstruct", r, b, NULL)->out[0];
    struct node *joined = add_node("ConcatFromSequence", s, NULL, NULL);
    node_set_int(joined, "axis", 0, &err);
    graph_add_output(graph, add_node("Neg", joined->out[0], NULL, NULL)->out[0], &err);
    graph_add_output(graph, s, &err);
    CHECK_MSG(run(1 << 20, in, out) == 0, "%s", err.text);
    static const double want[] = {0, 0, -1, -5, -6};
    for (int i = 0; out[0] && i < 5; i++)
        CHECK(out[0]->tensor->count == 5 && tensor_get_f64(out[0]->tensor, i) == want[i]);
    CHECK(out[1] && out[1]->n == 2);
    end(out);
}

/* Forty values of 1 MiB, of sizes that only the data tell, each made of the one before; `keep`: all in a sequence. */
static int forty_values(bool keep)
{
    const int64_t n = 1 << 18;
    struct item *in[2] = {floats(n, 0), NULL}, *out[1] = {NULL};
    struct tensor *all = tensor_new(DTYPE_BOOL, 1, &n, &err);
    memset(all->data, 1, all->size);
    in[1] = item_of_tensor(all, &err);
    graph = graph_new(&err);
    struct value *v = input("x", TYPE_TENSOR, DTYPE_F32, n), *which = input("which", TYPE_TENSOR, DTYPE_BOOL, n);
    struct node *sequence = NULL;
    if (keep)
        sequence = add_node("SequenceConstruct", NULL, NULL, NULL);
    for (int i = 0; i < 40; i++) {
        v = add_node("Compress", v, which, NULL)->out[0];
        if (keep)
            node_add_input(sequence, v, &err);
    }
    if (keep)
        graph_move_node(sequence, NULL);
    graph_add_output(graph, keep ? sequence->out[0] : v, &err);
    int result = run(16 << 20, in, out);
    CHECK(keep || (out[0] && out[0]->tensor->count == n));
    end(out);
    return result;
}

/* Values whose sizes only the data tell count together; those that nobody needs any more do not. */
static void memory_of_dynamic_values(void)
{
    CHECK_MSG(forty_values(false) == 0, "%s", err.text);
    CHECK(forty_values(true) != 0 && strstr(err.text, "beyond the limit of"));
}

/* A Dropout that trains drops: on average its ratio, and scales the rest. */
static void training_dropout(void)
{
    const int64_t n = 10000;
    struct item *in[2] = {floats(n, 1), NULL}, *out[1] = {NULL};
    struct tensor *on = tensor_new(DTYPE_BOOL, 0, NULL, &err);
    int zeros = 0, wrong = 0;
    memset(on->data, 1, on->size);
    in[1] = item_of_tensor(on, &err);
    graph = graph_new(&err);
    struct value *x = input("x", TYPE_TENSOR, DTYPE_F32, n), *training = input("training", TYPE_TENSOR, DTYPE_BOOL, 1);
    training->type.rank = 0;
    struct value *ratio = graph_add_constant(graph, NULL, tensor_scalar_f32(0.25f, &err), &err);
    graph_add_output(graph, add_node("Dropout", x, ratio, training)->out[0], &err);
    CHECK_MSG(run(1 << 20, in, out) == 0, "%s", err.text);
    for (int64_t i = 0; out[0] && i < n; i++) {
        double y = tensor_get_f64(out[0]->tensor, i);
        zeros += y == 0;
        wrong += y != 0 && fabs(y * 0.75 - (double)(i + 1)) > 1e-3;
    }
    CHECK_MSG(zeros > 2300 && zeros < 2700 && wrong == 0, "%d of 10000 are dropped, %d wrong", zeros, wrong);
    end(out);
}

/* A graph of one input of floats, the int64 input "shape", and y = Reshape(op(x), shape), of rank 2. */
static struct value *reshaped(const char *op, int64_t n)
{
    graph = graph_new(&err);
    struct value *x = input("x", TYPE_TENSOR, DTYPE_F32, n), *shape = input("shape", TYPE_TENSOR, DTYPE_I64, 2);
    return add_node("Reshape", add_node(op, x, NULL, NULL)->out[0], shape, NULL)->out[0];
}

/* A result that the caller keeps stays as it is when the same plan runs again, also where it shares the bytes of what a
 * static part made. */
static void results_are_kept(void)
{
    struct exec_options options = {0};
    struct item *shape = item_of_tensor(tensor_ints(2, (const int64_t[]){1, 4}, &err), &err), *out[2] = {NULL};
    struct value *y = reshaped("Neg", 4); /* makes the graph */
    graph_add_output(graph, y, &err);
    struct exec *e = exec_new(graph, &options, &err);
    for (int i = 0; i < 2; i++) {
        struct item *in[2] = {floats(4, 10 * i), shape};
        CHECK_MSG(exec_run(e, in, &out[i], &err) == 0, "%s", err.text);
        item_unref(in[0]);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_MSG(tensor_get_f64(out[i]->tensor, 1) == -10 * i - 1, "run %d: %g", i, tensor_get_f64(out[i]->tensor, 1));
        item_unref(out[i]);
    }
    item_unref(shape);
    exec_free(e);
    graph_free(graph);
}

/* What is evaluated node by node treats denormals as kernels do: as zeros. */
static void denormals(void)
{
    struct item *in[2] = {floats(2, 1), item_of_tensor(tensor_ints(2, (const int64_t[]){1, 2}, &err), &err)};
    struct item *out[2] = {NULL};
    struct value *y = reshaped("Neg", 2),
                 *tiny = graph_add_constant(graph, NULL, tensor_scalar_f32(1e-20f, &err), &err);
    graph_add_output(graph, add_node("Mul", add_node("Mul", y, tiny, NULL)->out[0], tiny, NULL)->out[0], &err);
    struct value *x = add_node("Mul", graph->inputs[0], tiny, NULL)->out[0];
    graph_add_output(graph, add_node("Mul", x, tiny, NULL)->out[0], &err);
    CHECK_MSG(run(1 << 20, in, out) == 0, "%s", err.text);
    for (int i = 0; i < 2; i++)
        CHECK_MSG(tensor_get_f64(out[i]->tensor, 1) == 0, "%g", tensor_get_f64(out[i]->tensor, 1));
    end(out);
}

int main(void)
{
    RUN(results_are_kept);
    RUN(denormals);
    RUN(handed_on);
    RUN(through_a_sequence);
    RUN(memory_of_dynamic_values);
    RUN(training_dropout);
    return TEST_END();
}
