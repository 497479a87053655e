/* Transpose, Concat, Split, Slice, Pad, Tile, DepthToSpace, SpaceToDepth, ReverseSequence, Trilu, Compress. */
#include "one.h"

static struct tensor *ints(int n, const double *values)
{
    return one_tensor(DTYPE_I64, 1, &(int64_t){n}, values);
}

static struct tensor *iota(enum dtype dtype, int rank, const int64_t *dims)
{
    struct tensor *t = one_tensor(dtype, rank, dims, NULL);
    for (int64_t i = 0; t && i < t->count; i++)
        tensor_set_f64(t, i, (double)i);
    return t;
}

static void test_transpose(void)
{
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_I4, DTYPE_U2, DTYPE_BF16, DTYPE_U8, DTYPE_F64, DTYPE_F8E5M2};
    struct one o;
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        one_start(&o, "", "Transpose", 1);
        one_in(&o, one_tensor(dtypes[i], DIMS(2, 3), VALUES(0, 1, 1, 0, 1, 0)));
        CHECK(one_gives(&o, 0, dtypes[i], DIMS(3, 2), VALUES(0, 0, 1, 1, 1, 0)));
        one_end(&o);
    }
    one_start(&o, "", "Transpose", 1);
    node_set_ints(o.n, "perm", (int64_t[]){1, 1}, 2, &o.err);
    one_in(&o, iota(DTYPE_F32, DIMS(2, 3)));
    CHECK(one_fails(&o, "attribute perm names axis 1 twice"));
    one_end(&o);
    one_start(&o, "", "Transpose", 1);
    node_set_ints(o.n, "perm", (int64_t[]){0}, 1, &o.err);
    one_in(&o, iota(DTYPE_F32, DIMS(2, 3)));
    CHECK(one_fails(&o, "attribute perm has 1 entries, input data 2 dims"));
    one_end(&o);
    one_start(&o, "", "Transpose", 1);
    node_set_ints(o.n, "perm", (int64_t[]){0, -1}, 2, &o.err);
    one_in(&o, iota(DTYPE_F32, DIMS(2, 3)));
    CHECK(one_fails(&o, "attribute perm has -1, want 0 to 1"));
    one_end(&o);
    one_start(&o, "", "Transpose", 1);
    const char *const words[] = {"a", "", "ccc", "d"};
    one_in(&o, one_strings(DIMS(2, 2), words));
    CHECK(one_run(&o) == 0);
    const struct str *s = o.out[0]->tensor->data;
    CHECK(s[1].size == 3 && memcmp(s[1].data, "ccc", 3) == 0 && s[2].size == 0);
    one_end(&o);
    one_start(&o, "", "Transpose", 1);
    node_set_ints(o.n, "perm", (int64_t[]){2, 0, 1}, 3, &o.err);
    one_typed(&o, DTYPE_F32, DIMS(one_symbol(&o, "N"), 3, one_symbol(&o, "W")));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 WxNx3");
    one_end(&o);
}

/* Larger than what is moved at a time. */
static void test_transpose_large(void)
{
    static const enum dtype dtypes[] = {DTYPE_U8, DTYPE_F64, DTYPE_U4, DTYPE_F16};
    for (int i = 0; i < 4; i++) {
        struct one o;
        one_start(&o, "", "Transpose", 1);
        node_set_ints(o.n, "perm", (int64_t[]){1, 3, 0, 2}, 4, &o.err);
        struct tensor *in = one_tensor(dtypes[i], DIMS(70, 2, 3, 130), NULL);
        for (int64_t j = 0; in && j < in->count; j++)
            tensor_set_f64(in, j, (double)(j * 31 % 16));
        tensor_ref(in);
        one_in(&o, in);
        CHECK(one_run(&o) == 0);
        const struct tensor *out = o.out[0]->tensor;
        int64_t wrong = 0;
        for (int64_t j = 0; j < out->count; j++) {
            int64_t c = j % 3, a = j / 3 % 70, d = j / 210 % 130, b = j / 27300;
            wrong += tensor_get_f64(out, j) != tensor_get_f64(in, ((a * 2 + b) * 3 + c) * 130 + d);
        }
        CHECK(out->count == 54600 && wrong == 0);
        tensor_unref(in);
        one_end(&o);
    }
}

static void test_concat(void)
{
    struct one o;
    one_start(&o, "", "Concat", 1);
    node_set_int(o.n, "axis", -1, &o.err);
    one_in(&o, one_tensor(DTYPE_I4, DIMS(2, 1), VALUES(-1, 2)));
    one_in(&o, one_tensor(DTYPE_I4, DIMS(2, 2), VALUES(3, 4, 5, -6)));
    one_in(&o, one_tensor(DTYPE_I4, DIMS(2, 0), NULL));
    CHECK(one_gives(&o, 0, DTYPE_I4, DIMS(2, 3), VALUES(-1, 3, 4, 2, 5, -6)));
    one_end(&o);
    one_start(&o, "", "Concat", 1);
    node_set_int(o.n, "axis", 0, &o.err);
    one_in(&o, iota(DTYPE_F32, DIMS(2, 1)));
    one_in(&o, iota(DTYPE_F32, DIMS(2, 2)));
    CHECK(one_fails(&o, "input 1: dim 1 is 2, others have 1"));
    CHECK(one_eval(&o) && strstr(o.err.text, "input 1: dim 1 is 2"));
    one_end(&o);
    one_start(&o, "", "Concat", 1);
    node_set_int(o.n, "axis", 2, &o.err);
    one_in(&o, iota(DTYPE_F32, DIMS(2, 1)));
    CHECK(one_fails(&o, "axis"));
    one_end(&o);
    one_start(&o, "", "Concat", 1);
    node_set_int(o.n, "axis", 1, &o.err);
    int64_t n = one_symbol(&o, "N"), w = one_symbol(&o, "W");
    one_typed(&o, DTYPE_F32, DIMS(n, w));
    one_typed(&o, DTYPE_F32, DIMS(DIM_UNKNOWN, 3));
    CHECK(one_infer(&o) == 0);
    CHECK(node_out(o.n, 0)->type.dims[0] == n && node_out(o.n, 0)->type.dims[1] == graph_dim_add(o.g, w, 3));
    one_end(&o);
}

static void test_split(void)
{
    struct one o;
    one_start(&o, "", "Split", 3);
    node_set_int(o.n, "num_outputs", 3, &o.err);
    one_in(&o, iota(DTYPE_I64, DIMS(4)));
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(2), VALUES(0, 1)));
    CHECK(one_gives(&o, 1, DTYPE_I64, DIMS(2), VALUES(2, 3)));
    CHECK(one_gives(&o, 2, DTYPE_I64, DIMS(0), NULL));
    one_end(&o);
    one_start(&o, "", "Split", 2);
    node_set_int(o.n, "axis", 1, &o.err);
    one_in(&o, iota(DTYPE_U4, DIMS(2, 3)));
    one_constant(&o, ints(2, VALUES(1, 2)));
    CHECK(one_gives(&o, 0, DTYPE_U4, DIMS(2, 1), VALUES(0, 3)));
    CHECK(one_gives(&o, 1, DTYPE_U4, DIMS(2, 2), VALUES(1, 2, 4, 5)));
    one_end(&o);
    static const struct {
        int n;
        double lengths[3];
        const char *words;
    } rows[] = {{2, {1, 1}, "sums to 2, the axis has 3"},
                {2, {-1, 4}, "entry 0 is -1"},
                {3, {1, 1, 1}, "3 entries, the node 2 outputs"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int constant = 0; constant < 2; constant++) {
            one_start(&o, "", "Split", 2);
            one_in(&o, iota(DTYPE_F32, DIMS(3)));
            struct tensor *lengths = ints(rows[i].n, rows[i].lengths);
            if (constant)
                one_constant(&o, lengths);
            else
                one_in(&o, lengths);
            CHECK(one_fails(&o, rows[i].words));
            one_end(&o);
        }
    one_start(&o, "", "Split", 2);
    node_set_int(o.n, "num_outputs", 3, &o.err);
    one_in(&o, iota(DTYPE_F32, DIMS(3)));
    CHECK(one_fails(&o, "attribute num_outputs is 3, the node has 2 outputs"));
    one_end(&o);
}

/* A slice of 0, 1, …, 9 along one axis. */
static void check_slice(int64_t start, int64_t end, int64_t step, int n, const double *want)
{
    for (int constant = 0; constant < 2; constant++) {
        struct one o;
        one_start(&o, "", "Slice", 1);
        one_in(&o, iota(DTYPE_F32, DIMS(10)));
        const int64_t lists[4] = {start, end, 0, step};
        for (int i = 0; i < 4; i++) {
            struct tensor *t = tensor_ints(1, &lists[i], &o.err);
            if (constant)
                one_constant(&o, t);
            else
                one_in(&o, t);
        }
        CHECK_MSG(one_gives(&o, 0, DTYPE_F32, 1, (int64_t[]){n}, want), "%lld %lld %lld", (long long)start,
                  (long long)end, (long long)step);
        one_end(&o);
    }
}

static void test_slice(void)
{
    check_slice(2, 5, 1, 3, VALUES(2, 3, 4));
    check_slice(-2, INT64_MAX, 1, 2, VALUES(8, 9));
    check_slice(0, -8, 1, 2, VALUES(0, 1));
    check_slice(8, 2, 1, 0, NULL);
    check_slice(100, INT64_MAX, 1, 0, NULL);
    check_slice(1, 10, 4, 3, VALUES(1, 5, 9));
    check_slice(-1, INT64_MIN, -4, 3, VALUES(9, 5, 1));
    check_slice(100, -100, -9, 2, VALUES(9, 0));
    check_slice(0, INT64_MIN, -1, 1, VALUES(0));
    check_slice(3, 3, INT64_MIN, 0, NULL);
    check_slice(3, 0, INT64_MIN, 1, VALUES(3));
    check_slice(INT64_MIN, INT64_MAX, INT64_MAX, 1, VALUES(0));
    check_slice(-10, -11, -1, 1, VALUES(0));
}

static void test_slice_empty_axis(void)
{
    struct one o;
    one_start(&o, "", "Slice", 1);
    one_in(&o, iota(DTYPE_F32, DIMS(0)));
    one_in(&o, ints(1, VALUES(-1)));
    one_in(&o, ints(1, VALUES(-100)));
    one_in(&o, ints(1, VALUES(0)));
    one_in(&o, ints(1, VALUES(-1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(0), NULL));
    one_end(&o);
}

static void test_slice_errors(void)
{
    static const struct {
        int n[4];
        double values[4][2];
        const char *words;
    } rows[] = {
        {{1, 1, 1, 1}, {{0}, {1}, {0}, {0}}, "0 is no step"},
        {{1, 2, 1, 1}, {{0}, {1, 1}, {0}, {1}}, "ends"},
        {{1, 1, 1, 1}, {{0}, {1}, {1}, {1}}, "axes[0] is 1"},
        {{2, 2, 2, 2}, {{0, 0}, {1, 1}, {0, 0}, {1, 1}}, "axes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int constant = 0; constant < 2; constant++) {
            struct one o;
            one_start(&o, "", "Slice", 1);
            one_in(&o, iota(DTYPE_F32, DIMS(4)));
            for (int k = 0; k < 4; k++) {
                struct tensor *t = ints(rows[i].n[k], rows[i].values[k]);
                if (constant)
                    one_constant(&o, t);
                else
                    one_in(&o, t);
            }
            CHECK_MSG(one_fails(&o, rows[i].words), "row %zu", i);
            one_end(&o);
        }
}

/* The dim that a slice of a dim H has. */
static int64_t slice_symbol(struct one *o, double start, double end, double step)
{
    one_start(o, "", "Slice", 1);
    one_typed(o, DTYPE_F32, DIMS(one_symbol(o, "H"), 3));
    one_constant(o, ints(1, &start));
    one_constant(o, ints(1, &end));
    one_constant(o, ints(1, VALUES(0)));
    one_constant(o, ints(1, &step));
    CHECK_MSG(one_infer(o) == 0, "%s", o->err.text);
    CHECK(node_out(o->n, 0)->type.rank == 2 && node_out(o->n, 0)->type.dims[1] == 3);
    return node_out(o->n, 0)->type.dims[0];
}

static void test_slice_symbols(void)
{
    struct one o;
    CHECK(slice_symbol(&o, 0, 9e18, 1) == one_symbol(&o, "H"));
    one_end(&o);
    CHECK(slice_symbol(&o, 1, 9e18, 1) == graph_dim_sub(o.g, one_symbol(&o, "H"), 1));
    one_end(&o);
    CHECK(slice_symbol(&o, 0, -2, 1) == graph_dim_sub(o.g, one_symbol(&o, "H"), 2));
    one_end(&o);
    CHECK(slice_symbol(&o, -1, -9e18, -1) == one_symbol(&o, "H"));
    one_end(&o);
    CHECK(slice_symbol(&o, 0, 5, 1) == DIM_UNKNOWN);
    one_end(&o);
    CHECK(slice_symbol(&o, 0, 9e18, 2) == graph_dim_div(o.g, graph_dim_add(o.g, one_symbol(&o, "H"), 1), 2));
    one_end(&o);
}

static void check_pad(const char *mode, double before, double after, int n, const double *want)
{
    struct one o;
    one_start(&o, "", "Pad", 1);
    node_set_string(o.n, "mode", mode, strlen(mode), &o.err);
    one_in(&o, one_tensor(DTYPE_I4, DIMS(3), VALUES(1, 2, 3)));
    one_constant(&o, ints(2, (double[]){before, after}));
    one_in(&o, one_tensor(DTYPE_I4, SCALAR, VALUES(7)));
    CHECK_MSG(one_gives(&o, 0, DTYPE_I4, 1, (int64_t[]){n}, want), "%s %g %g", mode, before, after);
    one_end(&o);
}

static void test_pad(void)
{
    check_pad("constant", 1, 2, 6, VALUES(7, 1, 2, 3, 7, 7));
    check_pad("constant", -1, 2, 4, VALUES(2, 3, 7, 7));
    check_pad("constant", -2, -1, 0, NULL);
    check_pad("reflect", 2, 2, 7, VALUES(3, 2, 1, 2, 3, 2, 1));
    check_pad("reflect", 5, 0, 8, VALUES(2, 1, 2, 3, 2, 1, 2, 3));
    check_pad("reflect", -1, 2, 4, VALUES(2, 3, 2, 3));
    check_pad("edge", 2, 1, 6, VALUES(1, 1, 1, 2, 3, 3));
    check_pad("wrap", 2, 4, 9, VALUES(2, 3, 1, 2, 3, 1, 2, 3, 1));
}

static void test_pad_axes(void)
{
    struct one o;
    one_start(&o, "", "Pad", 1);
    one_in(&o, iota(DTYPE_F32, DIMS(2, 2)));
    one_in(&o, ints(2, VALUES(0, 1)));
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_I32, DIMS(1), VALUES(-2)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(3, 2), VALUES(0, 1, 2, 3, 0, 0)));
    one_end(&o);
}

static void test_pad_errors(void)
{
    static const struct {
        const char *mode;
        int n;
        double pads[4];
        const char *words;
    } rows[] = {
        {"mirror", 2, {1, 1}, "attribute mode is 'mirror'"},
        {"constant", 3, {0, 0, 0}, "3 entries, want 2"},
        {"constant", 2, {-2, -2}, "axis 0"},
        {"edge", 2, {-3, 5}, "no element to pad with"},
        {"constant", 2, {9e18, 9e18}, "axis 0"},
        {"constant", 2, {1e15, 0}, "beyond the limit"},
        {"constant", 2, {-9223372036854775808.0, 9223372036854774784.0}, "axis 0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct one o;
        one_start(&o, "", "Pad", 1);
        node_set_string(o.n, "mode", rows[i].mode, strlen(rows[i].mode), &o.err);
        one_in(&o, iota(DTYPE_F32, DIMS(3)));
        one_in(&o, ints(rows[i].n, rows[i].pads));
        CHECK_MSG(one_fails(&o, rows[i].words), "row %zu", i);
        one_end(&o);
    }
    struct one o;
    one_start(&o, "", "Pad", 1);
    int64_t w = one_symbol(&o, "W");
    one_typed(&o, DTYPE_F32, DIMS(1, w));
    one_constant(&o, ints(4, VALUES(0, 1, 0, 2)));
    CHECK(one_infer(&o) == 0 && node_out(o.n, 0)->type.dims[1] == graph_dim_add(o.g, w, 3));
    one_end(&o);
}

static void test_tile(void)
{
    struct one o;
    one_start(&o, "", "Tile", 1);
    one_in(&o, iota(DTYPE_U2, DIMS(2, 2)));
    one_in(&o, ints(2, VALUES(2, 2)));
    CHECK(one_gives(&o, 0, DTYPE_U2, DIMS(4, 4), VALUES(0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3)));
    one_end(&o);
    one_start(&o, "", "Tile", 1);
    one_in(&o, iota(DTYPE_F32, DIMS(2)));
    one_in(&o, ints(1, VALUES(4e18)));
    CHECK(one_fails(&o, "it"));
    one_end(&o);
    one_start(&o, "", "Tile", 1);
    one_in(&o, iota(DTYPE_F32, DIMS(2)));
    one_constant(&o, ints(2, VALUES(1, 1)));
    CHECK(one_fails(&o, "input repeats has 2 entries, input 1 dims"));
    one_end(&o);
}

static void test_depth(void)
{
    struct one o;
    one_start(&o, "", "DepthToSpace", 1);
    node_set_int(o.n, "blocksize", 2, &o.err);
    one_in(&o, iota(DTYPE_F32, DIMS(1, 8, 1, 1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 2, 2), VALUES(0, 2, 4, 6, 1, 3, 5, 7)));
    one_end(&o);
    one_start(&o, "", "DepthToSpace", 1);
    node_set_int(o.n, "blocksize", 2, &o.err);
    node_set_string(o.n, "mode", "CRD", 3, &o.err);
    one_in(&o, iota(DTYPE_F32, DIMS(1, 8, 1, 1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 2, 2), VALUES(0, 1, 2, 3, 4, 5, 6, 7)));
    one_end(&o);
    one_start(&o, "", "SpaceToDepth", 1);
    node_set_int(o.n, "blocksize", 2, &o.err);
    one_in(&o, iota(DTYPE_F32, DIMS(1, 1, 2, 4)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 4, 1, 2), VALUES(0, 2, 1, 3, 4, 6, 5, 7)));
    one_end(&o);
    one_start(&o, "", "DepthToSpace", 1); /* kernels take the mode on trust */
    node_set_int(o.n, "blocksize", 2, &o.err);
    node_set_string(o.n, "mode", "x", 1, &o.err);
    one_in(&o, iota(DTYPE_F32, DIMS(1, 8, 1, 1)));
    CHECK(one_fails(&o, "attribute mode: 'x', want one of DCR, CRD"));
    one_end(&o);
    static const struct {
        const char *op;
        int64_t block, channels, height;
        const char *words;
    } rows[] = {{"DepthToSpace", 2, 6, 1, "dim 1 is 6, want a multiple of 4"},
                {"SpaceToDepth", 2, 1, 3, "dim 2 is 3, want a multiple of 2"},
                {"DepthToSpace", 0, 4, 1, "attribute blocksize is 0"},
                {"SpaceToDepth", INT64_MAX, 1, 1, "attribute blocksize"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        one_start(&o, "", rows[i].op, 1);
        node_set_int(o.n, "blocksize", rows[i].block, &o.err);
        one_in(&o, iota(DTYPE_F32, DIMS(1, rows[i].channels, rows[i].height, 2)));
        CHECK(one_fails(&o, rows[i].words));
        CHECK(one_eval(&o) && strstr(o.err.text, rows[i].words));
        one_end(&o);
    }
}

static void test_reverse_sequence(void)
{
    struct one o;
    one_start(&o, "", "ReverseSequence", 1);
    one_in(&o, iota(DTYPE_F32, DIMS(3, 2)));
    one_in(&o, ints(2, VALUES(2, 3)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(3, 2), VALUES(2, 5, 0, 3, 4, 1)));
    one_end(&o);
    one_start(&o, "", "ReverseSequence", 1);
    one_in(&o, iota(DTYPE_F32, DIMS(3, 2)));
    one_in(&o, ints(2, VALUES(2, 4)));
    CHECK(one_fails(&o, "entry 1 is 4, want 0 to 3"));
    one_end(&o);
    one_start(&o, "", "ReverseSequence", 1);
    node_set_int(o.n, "time_axis", 1, &o.err);
    one_in(&o, iota(DTYPE_F32, DIMS(3, 2)));
    one_in(&o, ints(2, VALUES(2, 2)));
    CHECK(one_fails(&o, "batch_axis and time_axis"));
    one_end(&o);
}

static void test_trilu(void)
{
    static const struct {
        int64_t upper, k;
        double want[6];
    } rows[] = {{1, 0, {1, 2, 3, 0, 5, 6}},  {1, 1, {0, 2, 3, 0, 0, 6}},         {0, 0, {1, 0, 0, 4, 5, 0}},
                {0, -1, {0, 0, 0, 4, 0, 0}}, {1, INT64_MIN, {1, 2, 3, 4, 5, 6}}, {1, INT64_MAX, {0, 0, 0, 0, 0, 0}}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct one o;
        one_start(&o, "", "Trilu", 1);
        node_set_int(o.n, "upper", rows[i].upper, &o.err);
        one_in(&o, one_tensor(DTYPE_U4, DIMS(2, 3), VALUES(1, 2, 3, 4, 5, 6)));
        one_in(&o, tensor_scalar_i64(rows[i].k, &o.err));
        CHECK_MSG(one_gives(&o, 0, DTYPE_U4, DIMS(2, 3), rows[i].want), "row %zu", i);
        one_end(&o);
    }
}

static void test_compress(void)
{
    struct one o;
    one_start(&o, "", "Compress", 1);
    node_set_int(o.n, "axis", 1, &o.err);
    one_in(&o, iota(DTYPE_F32, DIMS(2, 3)));
    one_in(&o, one_tensor(DTYPE_BOOL, DIMS(2), VALUES(0, 1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 1), VALUES(1, 4)));
    one_end(&o);
    one_start(&o, "", "Compress", 1);
    one_in(&o, iota(DTYPE_F32, DIMS(2, 2)));
    one_in(&o, one_tensor(DTYPE_BOOL, DIMS(5), VALUES(1, 0, 0, 1, 1)));
    CHECK(one_fails(&o, "true at 4, the axis has 4"));
    one_end(&o);
}

int main(void)
{
    RUN(test_transpose);
    RUN(test_transpose_large);
    RUN(test_concat);
    RUN(test_split);
    RUN(test_slice);
    RUN(test_slice_empty_axis);
    RUN(test_slice_errors);
    RUN(test_slice_symbols);
    RUN(test_pad);
    RUN(test_pad_axes);
    RUN(test_pad_errors);
    RUN(test_tile);
    RUN(test_depth);
    RUN(test_reverse_sequence);
    RUN(test_trilu);
    RUN(test_compress);
    return TEST_END();
}
