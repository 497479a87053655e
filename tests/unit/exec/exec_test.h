/* Builds small graphs and compares the executor, on every usable level and several thread counts, with the reference
 * interpreter. LEVELS=best: on the best level alone, for emulation, which takes twenty times as long, and the
 * sanitizers. */
#ifndef TESTS_EXEC_TEST_H
#define TESTS_EXEC_TEST_H

#include <stdlib.h>

#include "../../test.h"
#include "base/cpu.h"
#include "base/hash.h"
#include "exec/exec.h"
#include "op/op.h"

#define DIMS(...)                                                                                                      \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[])                                       \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
#define INTS(...) (const int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)
#define MEMORY    ((size_t)1 << 28)

static struct error error;
static struct graph *graph;
static uint64_t seed;

static void begin(void)
{
    graph = graph_new(&error);
    seed = 1;
}

static struct value *input(const char *name, int rank, const int64_t *dims)
{
    struct value *v = graph_add_value(graph, name, &error);
    v->type = (struct type){.kind = TYPE_TENSOR, .dtype = DTYPE_F32, .rank = rank};
    memcpy(v->type.dims, dims, sizeof *dims * (size_t)rank);
    graph_add_input(graph, v, &error);
    return v;
}

/* Nearly normal, of variance one: four numbers of 16 bits. No logarithm, in which emulation spent most of its time. */
static double random_number(void)
{
    uint64_t r = hash_random(&seed);
    int sum = (int)(r & 0xffff) + (int)(r >> 16 & 0xffff) + (int)(r >> 32 & 0xffff) + (int)(r >> 48);
    return (sum - 131070) * (1.7320508075688772 / 65536);
}

static struct tensor *random_tensor(enum dtype dtype, int rank, const int64_t *dims, double deviation)
{
    struct tensor *t = tensor_new(dtype, rank, dims, &error);
    for (int64_t i = 0; i < t->count; i++)
        tensor_set_f64(t, i, deviation * random_number());
    return t;
}

/* A constant, small enough that sums stay near one: rounding is compared, not cancellation. */
static inline struct value *weight(int rank, const int64_t *dims)
{
    return graph_add_constant(graph, NULL, random_tensor(DTYPE_F32, rank, dims, 0.25), &error);
}

static inline struct value *ints(const int64_t *values, size_t n)
{
    return graph_add_constant(graph, NULL, tensor_ints((int64_t)n, values, &error), &error);
}

/* Inputs end with an entry that equals `none`; a NULL is an absent one. */
static struct value none;
static struct node *node(const char *domain, const char *op, struct value *const *in)
{
    struct node *n = graph_add_node(graph, domain, op, NULL, &error);
    for (; *in != &none; in++)
        node_add_input(n, *in, &error);
    node_new_output(n, NULL, &error);
    return n;
}
#define NODE(op, ...)  node("", op, (struct value *[]){__VA_ARGS__, &none})
#define FUSED(op, ...) node("nn", op, (struct value *[]){__VA_ARGS__, &none})

#define OUTPUTS 8 /* of a graph that is compared */

static void output(struct value *v)
{
    graph_add_output(graph, v, &error);
}

/* Nodes that are left to the reference evaluation: what is tested here should have kernels. And a kernel that must be
 * among those chosen, and one that must not, or NULL. */
static int reference_allowed;
static const char *kernel_wanted, *kernel_barred;
static void check_kernels(const struct exec *e)
{
    size_t count;
    int references = 0;
    bool found = !kernel_wanted;
    struct exec_layer *layers = exec_layers(e, &count, &error);
    for (size_t i = 0; i < count; i++) {
        found = found || strcmp(layers[i].kernel, kernel_wanted) == 0;
        CHECK_MSG(!kernel_barred || strcmp(layers[i].kernel, kernel_barred) != 0, "a step is %s", kernel_barred);
        if (strcmp(layers[i].kernel, "reference") == 0 && references++ >= reference_allowed)
            CHECK_MSG(false, "%s has no kernel", layers[i].op);
    }
    CHECK_MSG(found, "no step is %s", kernel_wanted);
    free(layers);
}

/* Whether results must be the reference's to the bit; what levels that can do so multiply weights as. */
static bool exact_wanted;
static enum kernel_type weights_wanted = KERNEL_F32;

/* Whether a first run's results are the second's, NaN as well; they are given back. */
static void check_first(struct item **first, struct item *const *out, const char *isa)
{
    for (size_t i = 0; i < graph->output_count; i++) {
        const struct tensor *a = first[i] ? first[i]->tensor : NULL, *b = out[i] ? out[i]->tensor : NULL;
        if (a && b)
            CHECK_MSG(tensor_equal(a, b), "%s: the first run gives other bits than the second", isa);
        item_unref(first[i]);
    }
}

static bool best_alone(void)
{
    const char *levels = getenv("LEVELS");
    return levels && strcmp(levels, "best") == 0;
}

static bool is_emulated(void)
{
    return getenv("WRAPPER") != NULL;
}

/* The step of a loop over variants, of which one in n is tried in emulation. */
static inline size_t one_of(size_t n)
{
    return is_emulated() ? n : 1;
}

/* The second run, which meets a finished plan and used memory; the same on all levels, and left out in emulation. */
static int run_again(struct exec *e, struct item **in, struct item **out, const char *isa)
{
    struct item *first[OUTPUTS] = {NULL};
    memcpy(first, out, sizeof *out * graph->output_count);
    memset(out, 0, sizeof *out * graph->output_count);
    int status = exec_run(e, in, out, &error);
    check_first(first, out, isa);
    return status;
}

/* Runs the executor twice and puts its results into out. */
static int run_exec(const struct kernels *k, int threads, struct item **in, struct item **out)
{
    struct pool *pool = pool_new(threads, &error);
    struct exec_options options = {.kernels = k,
                                   .pool = pool,
                                   .memory = MEMORY,
                                   .weights = kernel_gemm_16(k, weights_wanted) ? weights_wanted : KERNEL_F32};
    struct exec *e = exec_new(graph, &options, &error);
    int status = e ? exec_run(e, in, out, &error) : -1;
    if (status == 0 && !is_emulated())
        status = run_again(e, in, out, k->isa);
    if (status == 0)
        check_kernels(e);
    exec_free(e);
    pool_free(pool);
    return status;
}

static void compare_items(const struct item *got, const struct item *want, const char *isa, bool exact)
{
    const struct tensor *g = got->tensor, *w = want->tensor;
    double most = 0, worst = 0;
    CHECK_MSG(g->dtype == w->dtype && g->rank == w->rank &&
                  memcmp(g->dims, w->dims, sizeof(int64_t) * (size_t)w->rank) == 0,
              "%s: another type", isa);
    if (g->count != w->count)
        return;
    if (exact) {
        CHECK_MSG(tensor_equal(g, w), "%s: other bits", isa);
        return;
    }
    for (int64_t i = 0; i < w->count; i++) {
        double a = tensor_get_f64(g, i), b = tensor_get_f64(w, i);
        CHECK_MSG(isnan(a) == isnan(b), "%s: element %lld: %g, want %g", isa, (long long)i, a, b);
        if (isnan(a) || a == b)
            continue;
        most = fmax(most, fabs(b));
        worst = fmax(worst, fabs(a - b));
    }
    CHECK_MSG(worst <= (weights_wanted != KERNEL_F32 ? 2e-2 : 1e-5) * most, "%s: differs by %g of %g", isa, worst,
              most);
}

static void compare_level(const struct kernels *k, struct item **in, struct item **want)
{
    struct item *one[OUTPUTS] = {NULL}, *three[OUTPUTS] = {NULL};
    CHECK_MSG(run_exec(k, 1, in, one) == 0, "%s: %s", k->isa, error.text);
    CHECK_MSG(run_exec(k, 3, in, three) == 0, "%s: %s", k->isa, error.text);
    for (size_t i = 0; i < graph->output_count; i++) {
        if (one[i])
            compare_items(one[i], want[i], k->isa, exact_wanted);
        if (one[i] && three[i])
            compare_items(three[i], one[i], k->isa, true);
        item_unref(one[i]);
        item_unref(three[i]);
    }
}

/* A level of this processor, with products of the weights that are wanted. */
static bool has_wanted(const struct kernels *k)
{
    return (k->needs & ~cpu_features()) == 0 && (weights_wanted == KERNEL_F32 || kernel_gemm_16(k, weights_wanted));
}

/* Whether a value of the graph is of bytes. */
static bool holds_bytes(const struct graph *g)
{
    for (size_t i = 0; i < g->value_count; i++) {
        const struct value *v = g->values[i];
        if (v && (v->type.dtype == DTYPE_U8 || v->type.dtype == DTYPE_I8))
            return true;
    }
    return false;
}

/* Whether two levels run a graph without bytes by the same code: some differ in products of bytes alone. */
static bool same_floats(const struct kernels *a, const struct kernels *b)
{
    return a->gemm_f32 == b->gemm_f32 && a->depthwise_f32 == b->depthwise_f32 &&
           kernel_gemm_16(a, weights_wanted) == kernel_gemm_16(b, weights_wanted);
}

/* Compares with random inputs (or those given) and frees the graph. */
static void check_with(struct item **in)
{
    struct item *want[OUTPUTS] = {NULL};
    if (graph->output_count > OUTPUTS)
        abort();
    op_resolve(graph);
    CHECK_MSG(op_infer_graph(graph, &error) == 0 && graph_check(graph, &error) == 0, "%s", error.text);
    CHECK_MSG(op_run(graph, in, want, MEMORY, 0, &error) == 0, "%s", error.text);
    const struct kernels *last = NULL;
    bool bytes = holds_bytes(graph) || graph->owned;
    for (const struct kernels *const *k = kernel_levels(); want[0] && *k; k++) {
        if (!has_wanted(*k) || (last && !bytes && same_floats(*k, last)))
            continue;
        compare_level(*k, in, want);
        last = *k;
        if (best_alone())
            break;
    }
    for (size_t i = 0; i < graph->output_count; i++)
        item_unref(want[i]);
    for (size_t i = 0; i < graph->input_count; i++)
        item_unref(in[i]);
    graph_free(graph);
    reference_allowed = 0;
    kernel_wanted = kernel_barred = NULL;
}

static inline void check(void)
{
    struct item *in[8];
    for (size_t i = 0; i < graph->input_count; i++)
        in[i] = item_of_tensor(random_tensor(DTYPE_F32, graph->inputs[i]->type.rank, graph->inputs[i]->type.dims, 1),
                               &error);
    check_with(in);
}

/* The same, of what must not run: the message has `why` in it. */
static inline void check_refused(const char *why)
{
    struct item *in[8], *out[OUTPUTS] = {NULL};
    struct exec_options options = {.kernels = kernel_select(NULL, &error), .memory = MEMORY};
    op_resolve(graph);
    CHECK_MSG(op_infer_graph(graph, &error) == 0, "%s", error.text);
    struct exec *e = exec_new(graph, &options, &error);
    for (size_t i = 0; i < graph->input_count; i++)
        in[i] = item_of_tensor(random_tensor(DTYPE_F32, graph->inputs[i]->type.rank, graph->inputs[i]->type.dims, 1),
                               &error);
    CHECK(!e || exec_run(e, in, out, &error) < 0);
    CHECK_MSG(strstr(error.text, why), "%s", error.text);
    for (size_t i = 0; i < graph->input_count; i++)
        item_unref(in[i]);
    exec_free(e);
    graph_free(graph);
}

#endif
