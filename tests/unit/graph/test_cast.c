/* Casts between all dtypes. */
#include "../../test.h"
#include "base/text.h"
#include "graph/tensor.h"

static struct tensor *doubles(int64_t n, const double *values)
{
    struct error err;
    struct tensor *t = tensor_new(DTYPE_F64, 1, &n, &err);

    tensor_store_f64(t, 0, n, values);
    return t;
}

static bool is_number(enum dtype dtype)
{
    return dtype_info(dtype)->class != DTYPE_CLASS_STRING;
}

/* Runs longer than one buffer, all pairs: 0 and 1 survive everywhere (the smallest number stands for 0 in E8M0). */
static void all_pairs(void)
{
    struct error err;

    for (int a = 1; a < DTYPE_COUNT; a++)
        for (int b = 1; b < DTYPE_COUNT; b++) {
            struct tensor *t, *u;
            int wrong = 0;

            if (!is_number((enum dtype)a) || !is_number((enum dtype)b))
                continue;
            t = tensor_new((enum dtype)a, 1, (int64_t[]){1031}, &err);
            for (int i = 0; i < 1031; i++)
                tensor_set_i64(t, i, i % 3 == 0);
            u = tensor_cast(t, (enum dtype)b, true, &err);
            CHECK(u && u->dtype == (enum dtype)b && u->count == 1031);
            for (int i = 0; i < 1031; i++)
                wrong += tensor_get_i64(u, i) != (i % 3 == 0) && !(a == DTYPE_F8E8M0 && b == DTYPE_BOOL);
            CHECK_MSG(wrong == 0, "%s to %s", dtype_info((enum dtype)a)->name, dtype_info((enum dtype)b)->name);
            tensor_unref(t);
            tensor_unref(u);
        }
}

static void integers(void)
{
    struct error err;
    struct tensor *t = tensor_ints(4, (int64_t[]){200, -1, INT64_MAX, INT64_MIN}, &err);
    struct tensor *i8 = tensor_cast(t, DTYPE_I8, true, &err), *u64 = tensor_cast(t, DTYPE_U64, true, &err);
    struct tensor *back = tensor_cast(u64, DTYPE_I64, true, &err), *b = tensor_cast(t, DTYPE_BOOL, true, &err);
    struct tensor *u4 = tensor_cast(u64, DTYPE_U4, true, &err);

    CHECK(tensor_get_i64(i8, 0) == -56 && tensor_get_i64(i8, 1) == -1 && tensor_get_i64(i8, 2) == -1);
    CHECK(((uint64_t *)u64->data)[1] == UINT64_MAX && tensor_equal(t, back));
    CHECK(tensor_get_i64(b, 0) == 1 && ((uint8_t *)b->data)[0] == 1);
    CHECK(tensor_get_i64(u4, 0) == 8 && tensor_get_i64(u4, 1) == 15);
    tensor_unref(t);
    tensor_unref(i8);
    tensor_unref(u64);
    tensor_unref(back);
    tensor_unref(b);
    tensor_unref(u4);
}

/* Where rounding twice would go wrong. */
static void rounding(void)
{
    struct error err;
    int64_t large = ((int64_t)1 << 60) + ((int64_t)1 << 36) + 1;
    struct tensor *i = tensor_ints(2, (int64_t[]){large, -large}, &err);
    struct tensor *f = tensor_cast(i, DTYPE_F32, true, &err), *u = tensor_cast(i, DTYPE_U64, true, &err), *g;
    struct tensor *h;
    struct tensor *d =
        doubles(4, (double[]){1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11, 1 + 0x1p-8 + 0x1p-45, 0x1p-25 + 0x1p-60});

    CHECK(((float *)f->data)[0] == (float)large);
    CHECK(((float *)f->data)[0] == 0x1p60f + 0x1p37f && ((float *)f->data)[1] == -(0x1p60f + 0x1p37f));
    g = tensor_cast(u, DTYPE_F32, true, &err);
    CHECK(((float *)g->data)[0] == 0x1p60f + 0x1p37f);
    tensor_unref(g);
    h = tensor_cast(d, DTYPE_F16, true, &err);
    CHECK(tensor_get_f64(h, 0) == 1 + 0x1p-10 && tensor_get_f64(h, 1) == 1 && tensor_get_f64(h, 3) == 0x1p-24);
    g = tensor_cast(d, DTYPE_BF16, true, &err);
    CHECK(tensor_get_f64(g, 2) == 1 + 0x1p-7);
    tensor_unref(i);
    tensor_unref(f);
    tensor_unref(u);
    tensor_unref(d);
    tensor_unref(h);
    tensor_unref(g);
}

static void special_values(void)
{
    struct error err;
    struct tensor *t = doubles(6, (double[]){NAN, INFINITY, -INFINITY, 1e300, -0.0, 0.4});
    struct tensor *f = tensor_cast(t, DTYPE_F32, true, &err), *b = tensor_cast(t, DTYPE_BOOL, true, &err);
    struct tensor *s = tensor_cast(t, DTYPE_F8E5M2, true, &err), *n = tensor_cast(t, DTYPE_F8E5M2, false, &err);
    struct tensor *fn = tensor_cast(t, DTYPE_F8E4M3FN, false, &err), *e = tensor_cast(t, DTYPE_F4E2M1, false, &err);

    CHECK(isnan(tensor_get_f64(f, 0)) && tensor_get_f64(f, 1) == INFINITY && tensor_get_f64(f, 3) == INFINITY);
    CHECK(signbit(tensor_get_f64(f, 4)));
    CHECK(tensor_get_i64(b, 0) == 1 && tensor_get_i64(b, 4) == 0 && tensor_get_i64(b, 5) == 1);
    CHECK(isnan(tensor_get_f64(s, 0)) && tensor_get_f64(s, 1) == 57344 && tensor_get_f64(s, 3) == 57344);
    CHECK(tensor_get_f64(n, 2) == -INFINITY && tensor_get_f64(n, 3) == INFINITY);
    CHECK(isnan(tensor_get_f64(fn, 1)) && isnan(tensor_get_f64(fn, 3)));
    CHECK(tensor_get_f64(e, 1) == 6 && tensor_get_f64(e, 2) == -6 && tensor_get_f64(e, 5) == 0.5);
    tensor_unref(t);
    tensor_unref(f);
    tensor_unref(b);
    tensor_unref(s);
    tensor_unref(n);
    tensor_unref(fn);
    tensor_unref(e);
}

static void powers_of_two(void)
{
    struct error err;
    struct tensor *t = doubles(3, (double[]){1.2, 1.5, 1.9});
    struct tensor *up = tensor_cast(t, DTYPE_F8E8M0, true, &err);
    struct tensor *down = tensor_cast_round(t, DTYPE_F8E8M0, true, HALF_DOWN, &err);
    struct tensor *near = tensor_cast_round(t, DTYPE_F8E8M0, true, HALF_NEAREST, &err);

    CHECK(tensor_get_f64(up, 0) == 2 && tensor_get_f64(down, 2) == 1);
    CHECK(tensor_get_f64(near, 0) == 1 && tensor_get_f64(near, 1) == 2 && tensor_get_f64(near, 2) == 2);
    tensor_unref(t);
    tensor_unref(up);
    tensor_unref(down);
    tensor_unref(near);
}

static void complex_numbers(void)
{
    struct error err;
    struct tensor *t = tensor_new(DTYPE_C64, 1, (int64_t[]){2}, &err), *w, *r;

    memcpy(t->data, (float[]){1.5f, -2.5f, 3, 4}, 16);
    w = tensor_cast(t, DTYPE_C128, true, &err);
    r = tensor_cast(w, DTYPE_F32, true, &err);
    CHECK(((double *)w->data)[1] == -2.5 && ((double *)w->data)[3] == 4);
    CHECK(tensor_get_f64(r, 0) == 1.5 && tensor_get_f64(r, 1) == 3);
    tensor_unref(t);
    tensor_unref(w);
    tensor_unref(r);
}

static bool is_string(const struct tensor *t, int64_t i, const char *want)
{
    const struct str *s = (const struct str *)t->data + i;

    return s->size == strlen(want) && memcmp(s->data, want, s->size) == 0;
}

static void to_strings(void)
{
    struct error err;
    struct tensor *t = doubles(3, (double[]){0.1, -3, 1e300}), *f = tensor_cast(t, DTYPE_F32, true, &err);
    struct tensor *u = tensor_new(DTYPE_U64, 1, (int64_t[]){2}, &err), *a, *b, *c, *e;
    struct tensor *none = tensor_new(DTYPE_F32, 1, (int64_t[]){0}, &err);

    ((uint64_t *)u->data)[1] = UINT64_MAX;
    a = tensor_cast(t, DTYPE_STRING, true, &err);
    b = tensor_cast(f, DTYPE_STRING, true, &err);
    c = tensor_cast(u, DTYPE_STRING, true, &err);
    e = tensor_cast(none, DTYPE_STRING, true, &err);
    CHECK(is_string(a, 0, "0.1") && is_string(a, 1, "-3") && is_string(b, 0, "0.1"));
    CHECK(is_string(c, 0, "0") && is_string(c, 1, "18446744073709551615") && e->count == 0);
    tensor_unref(t);
    tensor_unref(f);
    tensor_unref(u);
    tensor_unref(a);
    tensor_unref(b);
    tensor_unref(c);
    tensor_unref(e);
    tensor_unref(none);
}

static struct tensor *parsed(const char *text, enum dtype to)
{
    struct error err = {""};
    struct tensor *t = tensor_of_strings(0, NULL, &(struct str){text, strlen(text)}, &err);
    struct tensor *u = tensor_cast(t, to, true, &err);

    tensor_unref(t);
    if (!u && !strstr(err.text, "is not a number"))
        CHECK_STR(err.text, "… is not a number");
    return u;
}

/* NaN is written as itself. */
static void check_parsed(const char *text, enum dtype to, double want)
{
    struct tensor *u = parsed(text, to);
    double x = u ? tensor_get_f64(u, 0) : 0;

    CHECK_MSG(u && (x == want || (isnan(x) && isnan(want))), "%s: %g, want %g", text, x, want);
    tensor_unref(u);
}

static void of_strings(void)
{
    struct tensor *u;
    static const char *const bad[] = {"", "Hello", "1x", " 1", "+-inf", "in", "0x10", "--1"};

    check_parsed("3.14", DTYPE_F64, 3.14);
    check_parsed("3.14", DTYPE_F32, 3.14f);
    check_parsed("1e-5", DTYPE_F32, 1e-5f);
    check_parsed("1E8", DTYPE_F16, INFINITY);
    check_parsed("+INF", DTYPE_F32, INFINITY);
    check_parsed("InF", DTYPE_F32, INFINITY);
    check_parsed("-INF", DTYPE_BF16, -INFINITY);
    check_parsed("NaN", DTYPE_F32, NAN);
    check_parsed("100.5", DTYPE_I32, 100);
    check_parsed("-7", DTYPE_I8, -7);
    check_parsed("true", DTYPE_BOOL, 1);
    check_parsed("0", DTYPE_BOOL, 0);
    u = parsed("18446744073709551615", DTYPE_U64);
    CHECK(u && *(uint64_t *)u->data == UINT64_MAX);
    tensor_unref(u);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(!parsed(bad[i], DTYPE_F32), "%s", bad[i]);
}

static void same_type(void)
{
    struct error err;
    struct tensor *t = tensor_ints(2, (int64_t[]){1, 2}, &err), *u = tensor_cast(t, DTYPE_I64, true, &err);

    CHECK(u && u != t && u->data == t->data);
    tensor_unref(t);
    CHECK(tensor_get_i64(u, 1) == 2);
    CHECK(!tensor_cast(u, DTYPE_NONE, true, &err) && !tensor_cast(u, (enum dtype)77, true, &err));
    tensor_unref(u);
}

int main(void)
{
    RUN(all_pairs);
    RUN(integers);
    RUN(rounding);
    RUN(special_values);
    RUN(powers_of_two);
    RUN(complex_numbers);
    RUN(to_strings);
    RUN(of_strings);
    RUN(same_type);
    return TEST_END();
}
