/* Symbolic dims: normal forms, names, binding. */
#include "../../test.h"
#include "graph/graph.h"

static struct graph *g;
static int64_t H, W;

static int64_t add(int64_t a, int64_t b) { return graph_dim_add(g, a, b); }
static int64_t sub(int64_t a, int64_t b) { return graph_dim_sub(g, a, b); }
static int64_t mul(int64_t a, int64_t b) { return graph_dim_mul(g, a, b); }
static int64_t quo(int64_t a, int64_t b) { return graph_dim_div(g, a, b); }
static const char *name(int64_t dim) { return graph_symbol_name(g, dim); }

static void begin(void)
{
    struct error err;

    g = graph_new(&err);
    H = graph_symbol(g, "H", &err);
    W = graph_symbol(g, "W", &err);
}

static void numbers(void)
{
    begin();
    CHECK(add(3, 4) == 7 && sub(9, 4) == 5 && mul(6, 7) == 42 && quo(7, 2) == 3);
    CHECK(sub(3, 4) == DIM_UNKNOWN); /* a negative number would be a symbol */
    CHECK(quo(7, 0) == DIM_UNKNOWN && quo(H, 0) == DIM_UNKNOWN);
    CHECK(add(INT64_MAX, 1) == DIM_UNKNOWN && mul(INT64_MAX, 2) == DIM_UNKNOWN);
    CHECK(mul(add(H, INT64_MAX), 2) == DIM_UNKNOWN && mul(mul(H, INT64_MAX), INT64_MAX) == DIM_UNKNOWN);
    CHECK(add(H, DIM_UNKNOWN) == DIM_UNKNOWN && mul(DIM_UNKNOWN, 0) == DIM_UNKNOWN);
    CHECK(add(-1000, 1) == DIM_UNKNOWN); /* no such symbol */
    CHECK(quo(DIM_UNKNOWN, 1) == DIM_UNKNOWN && quo(DIM_UNKNOWN, DIM_UNKNOWN) == DIM_UNKNOWN);
    graph_free(g);
}

static void names(void)
{
    struct error err;

    begin();
    CHECK(H < 0 && W < 0 && H != W && graph_symbol(g, "H", &err) == H);
    CHECK(graph_symbol(g, "", &err) == DIM_UNKNOWN && graph_symbol(g, "?", &err) == DIM_UNKNOWN);
    CHECK_STR(name(H), "H");
    CHECK_STR(name(DIM_UNKNOWN), "?");
    CHECK_STR(name(-99), "?");
    CHECK_STR(name(quo(add(H, 2), 2)), "(H+2)/2");
    CHECK_STR(name(sub(H, 2)), "H-2");
    CHECK_STR(name(sub(5, H)), "5-H");
    CHECK_STR(name(add(mul(H, 2), W)), "2*H+W");
    CHECK_STR(name(mul(add(H, 1), W)), "(H+1)*W");
    CHECK_STR(name(quo(mul(H, W), 2)), "(H*W)/2");
    CHECK_STR(name(mul(quo(H, 2), 3)), "3*(H/2)");
    CHECK_STR(name(add(quo(H, 2), quo(W, 2))), "H/2+W/2");
    CHECK_STR(name(quo(6, H)), "6/H");
    CHECK_STR(name(quo(H, W)), "H/W");
    graph_free(g);
}

static void normal_forms(void)
{
    begin();
    CHECK(add(H, 0) == H && add(0, H) == H && mul(H, 1) == H && quo(H, 1) == H && mul(H, 0) == 0);
    CHECK(add(add(H, 1), 2) == add(H, 3) && sub(add(H, 5), 5) == H && sub(H, H) == 0);
    CHECK(add(sub(H, 3), 5) == add(H, 2) && add(sub(H, 3), 3) == H);
    CHECK(add(H, W) == add(W, H) && add(add(H, W), 1) == add(add(W, 1), H) && sub(add(H, W), H) == W);
    CHECK(mul(H, W) == mul(W, H) && mul(mul(H, W), 3) == mul(H, mul(3, W)));
    CHECK(mul(add(H, 1), 2) == add(mul(H, 2), 2));
    CHECK(quo(mul(H, 6), 6) == H && quo(mul(H, 6), 3) == mul(H, 2) && quo(mul(H, 2), 4) == quo(H, 2));
    CHECK(quo(add(mul(H, 2), 3), 2) == add(H, 1) && quo(add(mul(H, 4), W), 4) == add(H, quo(W, 4)));
    CHECK(quo(H, H) == 1 && quo(mul(H, W), W) == H && quo(mul(mul(H, W), 6), mul(W, 2)) == mul(H, 3));
    CHECK(quo(mul(add(H, 1), W), add(H, 1)) == W && quo(add(mul(H, 2), 2), add(H, 1)) == 2);
    CHECK(quo(add(mul(H, W), mul(W, 3)), W) == add(H, 3));
    CHECK(quo(mul(H, 2), mul(W, 2)) == quo(H, W));
    CHECK(add(quo(H, 2), 1) == quo(add(H, 2), 2) && sub(quo(add(H, 2), 2), quo(H, 2)) == 1);
    CHECK(quo(quo(H, 2), 3) == quo(H, 6));
    CHECK(sub(sub(H, W), sub(H, W)) == 0 && add(sub(H, W), W) == H);
    graph_free(g);
}

/* A chain of stride-2 convolutions: kernel 3, padding 1. */
static void convolutions(void)
{
    int64_t d, e;

    begin();
    d = H;
    e = H;
    for (int i = 0; i < 5; i++) {
        d = add(quo(sub(add(d, 2), 3), 2), 1);
        e = quo(add(e, 1), 2);
    }
    CHECK_STR(name(d), "(H+31)/32");
    CHECK(d == e);
    graph_free(g);
}

static void long_expressions(void)
{
    struct error err;
    int64_t d;
    char text[40];

    begin();
    d = H;
    for (int i = 0; i < 100 && d != DIM_UNKNOWN; i++) {
        snprintf(text, sizeof text, "dimension_%d", i);
        d = add(d, graph_symbol(g, text, &err));
        CHECK(strlen(name(d)) <= 64);
    }
    CHECK(d == DIM_UNKNOWN);
    d = H;
    for (int i = 0; i < 100 && d != DIM_UNKNOWN; i++)
        d = mul(d, add(H, 1));
    CHECK(d == DIM_UNKNOWN);
    graph_free(g);
}

/* Names from outside that look like expressions must not be taken apart wrongly. */
static void odd_names(void)
{
    struct error err;
    int64_t opaque, sum;

    begin();
    opaque = graph_symbol(g, "A+B", &err);
    CHECK_STR(name(mul(opaque, 2)), "2*(A+B)");
    CHECK_STR(name(mul(graph_symbol(g, "7", &err), 2)), "2*(7)");
    sum = graph_symbol(g, "H+2", &err); /* read from a file before inference finds it */
    CHECK(add(H, 2) == sum);
    graph_free(g);
}

static struct value *typed(const char *title, int64_t a, int64_t b)
{
    struct error err;
    struct value *v = graph_add_value(g, title, &err);

    v->type.kind = TYPE_TENSOR;
    v->type.dtype = DTYPE_F32;
    v->type.rank = 2;
    v->type.dims[0] = a;
    v->type.dims[1] = b;
    return v;
}

static void binding(void)
{
    struct error err;
    struct value *x, *y, *z;
    int64_t n;

    begin();
    n = graph_symbol(g, "H+2", &err);
    x = typed("x", H, W);
    y = typed("y", quo(add(H, 2), 2), mul(H, W));
    z = typed("z", n, sub(H, 100));
    CHECK(value_set_known(z, 3, (struct known[]){{KNOWN_DIM, n}, {KNOWN_NUMBER, -7}, {KNOWN_DIM, quo(H, W)}}, &err) ==
          0);
    CHECK(graph_bind_symbol(g, H, 10, &err) == 0);
    CHECK(x->type.dims[0] == 10 && x->type.dims[1] == W);
    CHECK(y->type.dims[0] == 6);
    CHECK_STR(name(y->type.dims[1]), "10*W");
    CHECK(z->type.dims[0] == 12 && z->type.dims[1] == DIM_UNKNOWN); /* would be negative */
    CHECK(z->known[0].kind == KNOWN_NUMBER && z->known[0].value == 12 && z->known[1].value == -7);
    CHECK(z->known[2].kind == KNOWN_DIM && strcmp(name(z->known[2].value), "10/W") == 0);
    CHECK(graph_bind_symbol(g, W, 0, &err) == 0);
    CHECK(x->type.dims[1] == 0 && y->type.dims[1] == 0 && z->known[2].kind == KNOWN_NOT);
    CHECK(graph_bind_symbol(g, 5, 1, &err) == -1 && graph_bind_symbol(g, DIM_UNKNOWN, 1, &err) == -1);
    CHECK(graph_bind_symbol(g, W, -1, &err) == -1);
    CHECK(graph_check(g, &err) == 0);
    graph_free(g);
}

static int64_t size_of_name(const void *sizes, const struct graph *of, size_t input, int axis)
{
    return of == g && input == 0 && axis < 3 ? ((const int64_t *)sizes)[axis] : -1;
}

/* Random expressions, bound to sizes, one by one or together, give the numbers that integer arithmetic gives. */
static void random_expressions(void)
{
    struct error err;
    uint32_t seed = 12345;
    static const int64_t size[3] = {7, 12, 5};

    for (int round = 0; round < 2000; round++) {
        int64_t dims[12], values[12];
        int n = 3;
        struct value *v;

        g = graph_new(&err);
        for (int i = 0; i < 3; i++) {
            dims[i] = graph_symbol(g, (const char *[]){"a", "b", "c"}[i], &err);
            values[i] = size[i];
        }
        for (; n < 12; n++) {
            int i = (int)((seed = seed * 1664525 + 1013904223) >> 8) % n, op = (int)(seed >> 20 & 3);
            int k = (int)((seed = seed * 1664525 + 1013904223) >> 8) % n, small = (int)(seed >> 24 & 7) + 1;
            bool number = (seed >> 20 & 1) || (op == 3 && values[k] == 0);
            int64_t b = number ? small : dims[k], c = number ? small : values[k];

            dims[n] = (int64_t(*[])(int64_t, int64_t)){add, sub, mul, quo}[op](dims[i], b);
            values[n] = op == 0 ? values[i] + c : op == 1 ? values[i] - c : op == 2 ? values[i] * c : values[i] / c;
            if (values[n] < 0 || dims[n] == DIM_UNKNOWN || values[n] > 1000000000) {
                dims[n] = 3;
                values[n] = 3;
            }
        }
        v = graph_add_value(g, "v", &err);
        v->type.kind = TYPE_TENSOR;
        v->type.rank = n;
        memcpy(v->type.dims, dims, sizeof dims);
        graph_add_input(g, v, &err);
        if (round % 2)
            CHECK(graph_bind_inputs(g, size_of_name, size, &err) == 0);
        for (int i = 0; i < 3 && round % 2 == 0; i++)
            CHECK(graph_bind_symbol(g, dims[i], size[i], &err) == 0);
        for (int i = 0; i < n; i++)
            CHECK_MSG(v->type.dims[i] == values[i], "%s: %lld, want %lld", name(dims[i]), (long long)v->type.dims[i],
                      (long long)values[i]);
        graph_free(g);
    }
}

static void many_symbols(void)
{
    struct error err;
    char text[32];

    begin();
    for (int i = 0; i < 50000; i++) {
        snprintf(text, sizeof text, "s%d", i);
        if (strcmp(name(graph_symbol(g, text, &err)), text) != 0)
            CHECK(0);
    }
    CHECK(graph_symbol(g, "H", &err) == H);
    graph_free(g);
}

int main(void)
{
    RUN(numbers);
    RUN(names);
    RUN(normal_forms);
    RUN(convolutions);
    RUN(long_expressions);
    RUN(odd_names);
    RUN(binding);
    RUN(random_expressions);
    RUN(many_symbols);
    return TEST_END();
}
