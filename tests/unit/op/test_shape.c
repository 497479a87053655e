/* Shape, Size, Reshape, Flatten, Squeeze, Unsqueeze, Expand, Identity, Dropout. */
#include "one.h"

#include "op/util.h"

static struct tensor *ints(int n, const double *values)
{
    return one_tensor(DTYPE_I64, 1, &(int64_t){n}, values);
}

static struct tensor *iota(int rank, const int64_t *dims)
{
    struct tensor *t = one_tensor(DTYPE_F32, rank, dims, NULL);
    for (int64_t i = 0; t && i < t->count; i++)
        tensor_set_f64(t, i, (double)i);
    return t;
}

/* Reshape of dims with symbols: the inferred type as text. */
static const char *reshaped(struct one *o, int rank, const int64_t *dims, int n, const double *shape)
{
    one_typed(o, DTYPE_F32, rank, dims);
    one_constant(o, ints(n, shape));
    CHECK_MSG(one_infer(o) == 0, "%s", o->err.text);
    return one_type(o, 0);
}

static void test_shape(void)
{
    static const struct {
        int64_t start, end;
        bool has_end;
        int n;
        double want[3];
    } rows[] = {
        {0, 0, false, 3, {2, 3, 4}}, {1, 0, false, 2, {3, 4}}, {-1, 0, false, 1, {4}},
        {0, -1, true, 2, {2, 3}},    {2, 1, true, 0, {0}},     {-9, 9, true, 3, {2, 3, 4}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct one o;
        one_start(&o, "", "Shape", 1);
        node_set_int(o.n, "start", rows[i].start, &o.err);
        if (rows[i].has_end)
            node_set_int(o.n, "end", rows[i].end, &o.err);
        one_in(&o, iota(DIMS(2, 3, 4)));
        CHECK_MSG(one_gives(&o, 0, DTYPE_I64, 1, (int64_t[]){rows[i].n}, rows[i].want), "row %zu", i);
        one_end(&o);
    }
    struct one o;
    one_start(&o, "", "Size", 1);
    one_in(&o, iota(DIMS(2, 0, 4)));
    CHECK(one_gives(&o, 0, DTYPE_I64, SCALAR, VALUES(0)));
    one_end(&o);
}

static void test_reshape(void)
{
    struct one o;
    one_start(&o, "", "Reshape", 1);
    one_in(&o, iota(DIMS(2, 3, 4)));
    one_in(&o, ints(3, VALUES(0, -1, 2)));
    CHECK(one_run(&o) == 0 && o.out[0]->tensor->dims[1] == 6);
    one_end(&o);

    one_start(&o, "", "Reshape", 1);
    node_set_int(o.n, "allowzero", 1, &o.err);
    one_in(&o, one_tensor(DTYPE_I4, DIMS(0, 3), NULL));
    one_in(&o, ints(3, VALUES(7, 0, 2)));
    CHECK(one_gives(&o, 0, DTYPE_I4, DIMS(7, 0, 2), NULL));
    one_end(&o);

    one_start(&o, "", "Reshape", 1); /* to a scalar */
    one_in(&o, iota(DIMS(1, 1)));
    one_in(&o, ints(0, NULL));
    CHECK(one_gives(&o, 0, DTYPE_F32, SCALAR, VALUES(0)));
    one_end(&o);
}

static void test_reshape_errors(void)
{
    static const struct {
        int n;
        double shape[4];
        bool allow_zero;
        const char *words;
    } rows[] = {
        {2, {-1, -1}, false, "entries 0 and 1 are both -1"},
        {2, {5, -1}, false, "24 / 5"},
        {2, {5, 5}, false, "25 elements"},
        {1, {-2}, false, "entry 0 is -2"},
        {4, {2, 3, 4, 0}, false, "entry 3 is 0"},
        {2, {0, -1}, true, "both 0 and -1"},
        {3, {4611686018427387904.0, 4, 2}, false, "elements"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int constant = 0; constant < 2; constant++) {
            struct one o;
            one_start(&o, "", "Reshape", 1);
            node_set_int(o.n, "allowzero", rows[i].allow_zero, &o.err);
            one_in(&o, iota(DIMS(2, 3, 4)));
            struct tensor *shape = ints(rows[i].n, rows[i].shape);
            if (constant)
                one_constant(&o, shape);
            else
                one_in(&o, shape);
            CHECK_MSG(one_fails(&o, rows[i].words), "row %zu", i);
            one_end(&o);
        }
}

static void test_reshape_symbols(void)
{
    struct one o;
    one_start(&o, "", "Reshape", 1);
    int64_t n = one_symbol(&o, "N"), h;
    CHECK_STR(reshaped(&o, DIMS(n, 512, 7, 7), 2, VALUES(0, -1)), "f32 Nx25088");
    one_end(&o);

    one_start(&o, "", "Reshape", 1);
    n = one_symbol(&o, "N");
    h = one_symbol(&o, "H");
    reshaped(&o, DIMS(n, 4, h), 2, VALUES(-1, 4));
    CHECK(node_out(o.n, 0)->type.dims[0] == graph_dim_mul(o.g, n, h));
    one_end(&o);

    one_start(&o, "", "Reshape", 1);
    n = one_symbol(&o, "N");
    reshaped(&o, DIMS(n, 6, n), 3, VALUES(0, 2, -1));
    CHECK(node_out(o.n, 0)->type.dims[2] == graph_dim_mul(o.g, n, 3));
    one_end(&o);

    one_start(&o, "", "Reshape", 1); /* nothing known of the data */
    one_typed(&o, DTYPE_F32, -1, NULL);
    one_constant(&o, ints(3, VALUES(2, 0, -1)));
    CHECK(one_infer(&o) == 0);
    CHECK(node_out(o.n, 0)->type.rank == 3 && node_out(o.n, 0)->type.dims[0] == 2);
    CHECK(node_out(o.n, 0)->type.dims[1] == DIM_UNKNOWN && node_out(o.n, 0)->type.dims[2] == DIM_UNKNOWN);
    one_end(&o);
}

static void test_flatten(void)
{
    static const struct {
        int64_t axis, rows, columns;
    } rows[] = {{0, 1, 24}, {1, 2, 12}, {3, 24, 1}, {-1, 6, 4}, {-3, 1, 24}};
    struct one o;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        one_start(&o, "", "Flatten", 1);
        node_set_int(o.n, "axis", rows[i].axis, &o.err);
        one_in(&o, iota(DIMS(2, 3, 4)));
        CHECK(one_run(&o) == 0 && o.out[0]->tensor->dims[0] == rows[i].rows &&
              o.out[0]->tensor->dims[1] == rows[i].columns);
        one_end(&o);
    }
    one_start(&o, "", "Flatten", 1);
    node_set_int(o.n, "axis", 4, &o.err);
    one_in(&o, iota(DIMS(2, 3, 4)));
    CHECK(one_fails(&o, "attribute axis is 4, want -3 to 3"));
    one_end(&o);
    one_start(&o, "", "Flatten", 1);
    int64_t n = one_symbol(&o, "N");
    one_typed(&o, DTYPE_F32, DIMS(n, 3, 2));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 Nx6");
    one_end(&o);
}

static void test_squeeze(void)
{
    struct one o;
    one_start(&o, "", "Squeeze", 1);
    one_in(&o, iota(DIMS(1, 2, 1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(0, 1)));
    one_end(&o);
    one_start(&o, "", "Squeeze", 1);
    one_in(&o, iota(DIMS(1, 2, 1)));
    one_in(&o, ints(1, VALUES(-1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2), VALUES(0, 1)));
    one_end(&o);
    one_start(&o, "", "Squeeze", 1);
    one_in(&o, iota(DIMS(1, 2, 1)));
    one_constant(&o, ints(1, VALUES(1)));
    CHECK(one_fails(&o, "axis 1 to squeeze is 2 long"));
    one_end(&o);
    one_start(&o, "", "Squeeze", 1); /* a symbol may be 1: nothing is known */
    int64_t n = one_symbol(&o, "N");
    one_typed(&o, DTYPE_F32, DIMS(n, 1));
    CHECK(one_infer(&o) == 0 && node_out(o.n, 0)->type.rank == -1);
    one_end(&o);
}

static void test_unsqueeze(void)
{
    struct one o;
    one_start(&o, "", "Unsqueeze", 1);
    one_in(&o, iota(DIMS(2)));
    one_in(&o, ints(2, VALUES(-1, 0)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 1), VALUES(0, 1)));
    one_end(&o);
    one_start(&o, "", "Unsqueeze", 1);
    one_in(&o, iota(DIMS(2)));
    one_in(&o, ints(2, VALUES(0, -3)));
    CHECK(one_fails(&o, "axes names axis 0 twice"));
    one_end(&o);
    one_start(&o, "", "Unsqueeze", 1);
    one_in(&o, iota(DIMS(2)));
    one_constant(&o, ints(1, VALUES(2)));
    CHECK(one_fails(&o, "axes[0] is 2, want -2 to 1"));
    one_end(&o);
    one_start(&o, "", "Unsqueeze", 1);
    one_in(&o, iota(DIMS(1, 1, 1, 1, 1, 1, 1, 1)));
    one_in(&o, ints(5, VALUES(0, 1, 2, 3, 4)));
    CHECK(one_fails(&o, "more than 12"));
    one_end(&o);
}

static void test_expand(void)
{
    struct one o;
    one_start(&o, "", "Expand", 1);
    one_in(&o, iota(DIMS(2, 1)));
    one_in(&o, ints(3, VALUES(2, 1, 3)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2, 3), VALUES(0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1)));
    one_end(&o);
    one_start(&o, "", "Expand", 1);
    one_in(&o, iota(DIMS(2)));
    one_in(&o, ints(1, VALUES(3)));
    CHECK(one_fails(&o, "cannot be broadcast"));
    one_end(&o);
    one_start(&o, "", "Expand", 1);
    one_in(&o, iota(DIMS(1)));
    one_in(&o, ints(2, VALUES(1 << 20, 1 << 20)));
    CHECK(one_fails(&o, "beyond the limit"));
    one_end(&o);
    one_start(&o, "", "Expand", 1);
    one_in(&o, iota(DIMS(1)));
    one_in(&o, ints(1, VALUES(-1)));
    CHECK(one_fails(&o, "entry 0 is -1"));
    one_end(&o);
}

static void test_dropout(void)
{
    struct one o;
    one_start(&o, "", "Dropout", 2);
    one_in(&o, iota(DIMS(3)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(3), VALUES(0, 1, 2)));
    CHECK(one_gives(&o, 1, DTYPE_BOOL, DIMS(3), VALUES(1, 1, 1)));
    one_end(&o);
    one_start(&o, "", "Dropout",
              2); /* numpy.random.seed(0): uniform() gives 0.549, 0.715, 0.603, 0.545, 0.424, 0.646, 0.438 */
    node_set_int(o.n, "seed", 0, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(7), VALUES(1, 1, 1, 1, 1, 1, 1)));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(0.5)));
    one_in(&o, one_tensor(DTYPE_BOOL, SCALAR, VALUES(1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(7), VALUES(2, 2, 2, 2, 0, 2, 0)));
    CHECK(one_gives(&o, 1, DTYPE_BOOL, DIMS(7), VALUES(1, 1, 1, 1, 0, 1, 0)));
    one_end(&o);
    one_start(&o, "", "Dropout", 1);
    one_in(&o, iota(DIMS(3)));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(1.5)));
    CHECK(one_fails(&o, "input ratio is 1.5"));
    one_end(&o);
}

int main(void)
{
    RUN(test_shape);
    RUN(test_reshape);
    RUN(test_reshape_errors);
    RUN(test_reshape_symbols);
    RUN(test_flatten);
    RUN(test_squeeze);
    RUN(test_unsqueeze);
    RUN(test_expand);
    RUN(test_dropout);
    return TEST_END();
}
