/* Weights put into a graph: by name, by order, by shape; and what is not guessed. */
#include <stdlib.h>

#include "op/build.h"
#include "pair/weights.h"
#include "../../test.h"

static struct error err;

/* Element i is base + i. */
static struct tensor *ramp(float base, int rank, const int64_t *dims)
{
    struct tensor *t = tensor_new(DTYPE_F32, rank, dims, &err);
    for (int64_t i = 0; t && i < t->count; i++)
        ((float *)t->data)[i] = base + (float)i;
    return t;
}

static struct value *put(struct build *b, const char *name, float base, int rank, const int64_t *dims)
{
    return build_constant(b, name, ramp(base, rank, dims));
}

#define PUT(b, name, base, ...)                                                                                        \
    put(b, name, base, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

struct pairing {
    struct build net, file;
};

static void start(struct pairing *p)
{
    p->net = (struct build){.graph = graph_new(&err), .err = &err};
    p->file = (struct build){.graph = graph_new(&err), .err = &err};
}

/* The number of misfits; `why` must be what the first one says, if there is any. */
static int count(struct pairing *p, struct value *result, const char *why)
{
    struct pair_misfit *list;
    size_t n = 0;
    build_graph_output(&p->net, result, "y");
    CHECK(build_graph_end(&p->net) == 0 && !p->file.failed);
    CHECK(pair_take_weights(p->net.graph, p->file.graph, &list, &n, &err) == 0);
    if (n)
        CHECK_MSG(strstr(list[0].why, why), "%s", list[0].why);
    free(list);
    return (int)n;
}

static float first(struct pairing *p, const char *name, int64_t i)
{
    const struct value *v = graph_find_local(p->net.graph, name);
    return v && v->constant ? ((const float *)v->constant->data)[i] : -1;
}

static void end(struct pairing *p)
{
    graph_free(p->net.graph);
    graph_free(p->file.graph);
}

static struct value *image(struct build *b)
{
    return build_input(b, "x", DTYPE_F32, 4, (int64_t[]){1, 2, 5, 5});
}

static struct value *conv(struct build *b, struct value *x, const char *w, const char *bias)
{
    struct value *weight = PUT(b, w, 0, 2, 2, 3, 1), *more = PUT(b, bias, 0, 2);
    return BUILD(b, "Conv", x, weight, more);
}

static void by_name(void)
{
    struct pairing p;
    start(&p);
    struct value *y = conv(&p.net, conv(&p.net, image(&p.net), "a.weight", "a.bias"), "net/b.weight", "net/b.bias");
    PUT(&p.file, "state_dict.b.weight", 100, 2, 2, 3, 1);
    PUT(&p.file, "state_dict.b.bias", 200, 2);
    PUT(&p.file, "state_dict.a.weight", 300, 3, 1, 2, 2); /* [h, w, in, out] */
    PUT(&p.file, "state_dict.a.bias", 400, 2, 1);
    build_constant(&p.file, "state_dict.a.num_batches_tracked", tensor_scalar_i64(7, &err));
    CHECK(count(&p, y, "") == 0);
    CHECK(first(&p, "net/b.weight", 1) == 101 && first(&p, "net/b.bias", 0) == 200);
    CHECK(first(&p, "a.weight", 1) == 304 && first(&p, "a.bias", 1) == 401); /* out 0, in 0, h 1 */
    end(&p);
}

static void by_order(void)
{
    struct pairing p;
    start(&p);
    struct value *y = conv(&p.net, conv(&p.net, image(&p.net), "t1", "t2"), "t3", "t4");
    PUT(&p.file, "z.weight", 100, 2, 2, 3, 1);
    PUT(&p.file, "z.bias", 200, 2);
    PUT(&p.file, "a.weight", 300, 2, 2, 3, 1);
    PUT(&p.file, "a.bias", 400, 2);
    CHECK(count(&p, y, "") == 0);
    CHECK(first(&p, "t1", 0) == 100 && first(&p, "t2", 0) == 200 && first(&p, "t3", 0) == 300);
    end(&p);
}

/* Safetensors sort names: a bias before its weight, 10 before 2. */
static void sorted_names(void)
{
    struct pairing p;
    start(&p);
    struct value *y = conv(&p.net, conv(&p.net, image(&p.net), "t1", "t2"), "t3", "t4");
    PUT(&p.file, "layer.10.bias", 200, 2);
    PUT(&p.file, "layer.10.weight", 100, 2, 2, 3, 1);
    PUT(&p.file, "layer.2.bias", 400, 2);
    PUT(&p.file, "layer.2.weight", 300, 2, 2, 3, 1);
    CHECK(count(&p, y, "") == 0);
    CHECK(first(&p, "t1", 0) == 300 && first(&p, "t2", 0) == 400 && first(&p, "t3", 0) == 100);
    end(&p);
}

/* In another order than the graph uses them nothing tells one from the other, and nothing is changed. */
static void another_order(void)
{
    struct pairing p;
    start(&p);
    struct value *y = conv(&p.net, conv(&p.net, image(&p.net), "t1", "t2"), "t3", "t4");
    PUT(&p.file, "z.weight", 100, 2, 2, 3, 1);
    PUT(&p.file, "y.weight", 200, 2, 2, 3, 1);
    PUT(&p.file, "z.bias", 300, 2);
    PUT(&p.file, "y.bias", 400, 2);
    CHECK(count(&p, y, "which is which cannot be told") == 8);
    CHECK(first(&p, "t1", 1) == 1);
    end(&p);
}

/* A shape that each side has once finds its place in any order. */
static void by_shape(void)
{
    struct pairing p;
    start(&p);
    struct value *y = conv(&p.net, image(&p.net), "t1", "t2");
    PUT(&p.file, "z.shift", 200, 2);
    PUT(&p.file, "a.filter", 100, 2, 2, 3, 1);
    CHECK(count(&p, y, "") == 0);
    CHECK(first(&p, "t1", 0) == 100 && first(&p, "t2", 0) == 200);
    end(&p);
}

/* What belongs to one module would go to two nodes. */
static void split_modules(void)
{
    struct pairing p;
    start(&p);
    struct value *scale = PUT(&p.net, "t1", 0, 2, 1, 1), *other = PUT(&p.net, "t2", 0, 2, 1, 1);
    struct value *y = BUILD(&p.net, "PRelu", BUILD(&p.net, "PRelu", image(&p.net), scale), other);
    PUT(&p.file, "m.weight", 100, 2, 1, 1);
    PUT(&p.file, "m.bias", 200, 2, 1, 1);
    CHECK(count(&p, y, "which is which cannot be told") == 4);
    end(&p);
}

static struct value *matmul(struct build *b, struct value *x, const char *name, int64_t in, int64_t out)
{
    return BUILD(b, "MatMul", x, PUT(b, name, 0, in, out));
}

/* A square matrix is transposed as the others are; alone it is not guessed. */
static void matrices(void)
{
    struct pairing p;
    start(&p);
    struct value *x = build_input(&p.net, "x", DTYPE_F32, 3, (int64_t[]){1, 4, 3});
    struct value *y = matmul(&p.net, matmul(&p.net, x, "t1", 3, 2), "t2", 2, 2);
    PUT(&p.file, "a.weight", 100, 2, 3);
    PUT(&p.file, "b.weight", 200, 2, 2);
    CHECK(count(&p, y, "") == 0);
    CHECK(first(&p, "t1", 1) == 103 && first(&p, "t2", 1) == 202);
    end(&p);
    start(&p);
    x = build_input(&p.net, "x", DTYPE_F32, 3, (int64_t[]){1, 4, 2});
    y = matmul(&p.net, x, "t1", 2, 2);
    PUT(&p.file, "a.weight", 100, 2, 2);
    CHECK(count(&p, y, "transposed cannot be told") == 2);
    end(&p);
}

static void too_few_and_too_many(void)
{
    struct pairing p;
    start(&p);
    struct value *y = conv(&p.net, image(&p.net), "a.weight", "a.bias");
    PUT(&p.file, "a.weight", 100, 2, 2, 3, 3);
    PUT(&p.file, "b.weight", 200, 7);
    CHECK(count(&p, y, "has another shape or type") == 4);
    CHECK(first(&p, "a.weight", 1) == 1);
    end(&p);
}

int main(void)
{
    RUN(by_name);
    RUN(by_order);
    RUN(sorted_names);
    RUN(another_order);
    RUN(by_shape);
    RUN(split_modules);
    RUN(matrices);
    RUN(too_few_and_too_many);
    return TEST_END();
}
