/* Tensors and items: sizes, sharing, equality, elements. */
#include <stdlib.h>
#include <unistd.h>

#include "../../test.h"
#include "base/file.h"
#include "graph/item.h"
#include "graph/tensor.h"

static void dtypes(void)
{
    for (int i = 1; i < DTYPE_COUNT; i++) {
        const struct dtype_info *info = dtype_info((enum dtype)i);

        CHECK_MSG(info->name && info->bits && info->class != DTYPE_CLASS_NONE, "dtype %d", i);
        CHECK(dtype_from_name(info->name, strlen(info->name)) == (enum dtype)i);
    }
    CHECK_STR(dtype_info(DTYPE_NONE)->name, "none");
    CHECK(dtype_info((enum dtype)99) == dtype_info(DTYPE_NONE) &&
          dtype_info((enum dtype) - 1) == dtype_info(DTYPE_NONE));
    CHECK(dtype_from_name("f32x", 3) == DTYPE_F32 && dtype_from_name("f3", 2) == DTYPE_NONE);
    CHECK(dtype_from_name("none", 4) == DTYPE_NONE && dtype_from_name("", 0) == DTYPE_NONE);
}

static void sizes(void)
{
    size_t size = 77;

    CHECK(tensor_bytes(DTYPE_F32, 3, &size) && size == 12);
    CHECK(tensor_bytes(DTYPE_I4, 3, &size) && size == 2);
    CHECK(tensor_bytes(DTYPE_U2, 5, &size) && size == 2);
    CHECK(tensor_bytes(DTYPE_C128, 1, &size) && size == 16);
    CHECK(tensor_bytes(DTYPE_U2, INT64_MAX, &size));
    CHECK(!tensor_bytes(DTYPE_F32, -1, &size) && !tensor_bytes(DTYPE_NONE, 1, &size));
    CHECK(!tensor_bytes(DTYPE_F64, INT64_MAX, &size));
    CHECK(tensor_count(0, NULL) == 1);
    CHECK(tensor_count(3, (int64_t[]){2, 3, 4}) == 24);
    CHECK(tensor_count(2, (int64_t[]){0, -1}) == -1);
    CHECK(tensor_count(3, (int64_t[]){(int64_t)1 << 40, 0, 5}) == 0);
    CHECK(tensor_count(3, (int64_t[]){0, (int64_t)1 << 40, (int64_t)1 << 40}) == -1);
    CHECK(tensor_count(2, (int64_t[]){(int64_t)1 << 32, (int64_t)1 << 32}) == -1);
}

static void making(void)
{
    struct error err;
    struct tensor *t = tensor_new(DTYPE_F32, 2, (int64_t[]){3, 5}, &err);
    struct tensor *r;

    CHECK(t && t->refs == 1 && t->count == 15 && t->size == 60 && (uintptr_t)t->data % 64 == 0);
    for (int i = 0; i < 15; i++)
        CHECK(tensor_get_f64(t, i) == 0);
    r = tensor_reshaped(t, 1, (int64_t[]){15}, &err);
    CHECK(r && r->data == t->data && !tensor_equal(t, r));
    CHECK(!tensor_reshaped(t, 1, (int64_t[]){16}, &err));
    tensor_unref(t);
    CHECK(tensor_get_f64(r, 14) == 0); /* still there */
    tensor_unref(r);
    t = tensor_new(DTYPE_F32, 1, (int64_t[]){0}, &err);
    CHECK(t && t->count == 0 && t->size == 0);
    tensor_unref(t);
    CHECK(!tensor_new(DTYPE_NONE, 0, NULL, &err) && !tensor_new((enum dtype)1000, 0, NULL, &err));
    CHECK(!tensor_new(DTYPE_F32, 13, (int64_t[13]){0}, &err) && !tensor_new(DTYPE_F32, -1, NULL, &err));
    CHECK(!tensor_new(DTYPE_U8, 1, (int64_t[]){((int64_t)1 << 40) + 1}, &err));
    CHECK(!tensor_new(DTYPE_U8, 1, (int64_t[]){-1}, &err) && err.text[0]);
    tensor_unref(NULL);
    CHECK(!tensor_ref(NULL));
}

/* A system brings in 64 KiB of a file around what is read: little of it is copied, so that no page stays for it. */
static void of_file(void)
{
    enum { SMALL = 1024, LARGE = 65536 };
    char path[] = "/tmp/test_tensor_XXXXXX";
    struct error err;
    int fd = mkstemp(path);
    CHECK(fd >= 0 && ftruncate(fd, SMALL + LARGE) == 0);
    struct blob *blob = file_read(path, &err);
    struct tensor *little = tensor_of_blob(DTYPE_F32, 1, (int64_t[]){SMALL / 4}, blob, 0, &err),
                  *much = tensor_of_blob(DTYPE_F32, 1, (int64_t[]){LARGE / 4}, blob, SMALL, &err);
    CHECK(little && (little->data < blob->data || (char *)little->data >= (char *)blob->data + blob->size));
    CHECK(much && much->data == (char *)blob->data + SMALL);
    tensor_unref(little);
    tensor_unref(much);
    blob_unref(blob);
    close(fd);
    unlink(path);
}

static void of_blob(void)
{
    struct error err;
    struct blob *blob = blob_new(41, &err);
    struct tensor *t, *u;

    for (int i = 0; i < 41; i++)
        ((uint8_t *)blob->data)[i] = (uint8_t)i;
    t = tensor_of_blob(DTYPE_I32, 1, (int64_t[]){10}, blob, 0, &err);
    u = tensor_of_blob(DTYPE_I32, 1, (int64_t[]){10}, blob, 1, &err);
    CHECK(t && t->data == blob->data && tensor_get_i64(t, 0) == 0x03020100);
    CHECK(u && (uintptr_t)u->data % 4 == 0 && tensor_get_i64(u, 0) == 0x04030201);
    CHECK(!tensor_of_blob(DTYPE_I32, 1, (int64_t[]){10}, blob, 2, &err));
    CHECK(!tensor_of_blob(DTYPE_I32, 1, (int64_t[]){0}, blob, 42, &err));
    CHECK(!tensor_of_blob(DTYPE_U8, 1, (int64_t[]){1}, blob, SIZE_MAX, &err));
    CHECK(!tensor_of_blob(DTYPE_STRING, 1, (int64_t[]){1}, blob, 0, &err));
    blob_unref(blob);
    CHECK(tensor_get_i64(t, 9) == 0x27262524);
    tensor_unref(t);
    t = u;
    tensor_unref(t);
}

static void strings(void)
{
    struct error err;
    struct str two[] = {{"abc", 3}, {NULL, 0}}, other[] = {{"abd", 3}, {NULL, 0}};
    struct tensor *a = tensor_of_strings(1, (int64_t[]){2}, two, &err);
    struct tensor *b = tensor_of_strings(1, (int64_t[]){2}, two, &err);
    struct tensor *c = tensor_of_strings(1, (int64_t[]){2}, other, &err);
    struct tensor *d = tensor_new(DTYPE_STRING, 1, (int64_t[]){2}, &err);

    CHECK(tensor_equal(a, b) && !tensor_equal(a, c) && !tensor_equal(a, d) && tensor_equal(d, d));
    CHECK(((struct str *)a->data)[0].data != two[0].data);
    CHECK(!tensor_of_strings(1, (int64_t[]){-2}, two, &err));
    tensor_unref(a);
    tensor_unref(b);
    tensor_unref(c);
    tensor_unref(d);
}

static void convenience(void)
{
    struct error err;
    struct tensor *a = tensor_scalar_i64(-5, &err), *b = tensor_scalar_f32(0.5f, &err);
    struct tensor *c = tensor_ints(3, (int64_t[]){1, 2, 3}, &err), *d = tensor_ints(0, NULL, &err);

    CHECK(a->rank == 0 && tensor_get_i64(a, 0) == -5 && b->rank == 0 && tensor_get_f64(b, 0) == 0.5);
    CHECK(c->rank == 1 && tensor_get_i64(c, 2) == 3 && d->count == 0);
    tensor_unref(a);
    tensor_unref(b);
    tensor_unref(c);
    tensor_unref(d);
}

static void equality_of_packed(void)
{
    struct error err;
    struct tensor *a = tensor_new(DTYPE_U4, 1, (int64_t[]){3}, &err);
    struct tensor *b = tensor_new(DTYPE_U4, 1, (int64_t[]){3}, &err);

    tensor_set_i64(a, 2, 9);
    tensor_set_i64(b, 2, 9);
    ((uint8_t *)b->data)[1] |= 0xf0; /* belongs to no element */
    CHECK(tensor_equal(a, b));
    tensor_set_i64(b, 2, 8);
    CHECK(!tensor_equal(a, b));
    tensor_unref(a);
    tensor_unref(b);
}

/* Every number dtype keeps small integers, whichever way they go in and out, and neighbours are left alone. */
static void elements(void)
{
    struct error err;

    for (int d = 1; d < DTYPE_COUNT; d++) {
        enum dtype_class class = dtype_info((enum dtype)d)->class;
        struct tensor *t;
        double run[7];
        int64_t ints[7];

        if (class == DTYPE_CLASS_STRING)
            continue;
        t = tensor_new((enum dtype)d, 1, (int64_t[]){7}, &err);
        for (int i = 0; i < 7; i++)
            tensor_set_i64(t, i, 1);
        tensor_set_f64(t, 3, d == DTYPE_F8E8M0 ? 0.5 : 0.0);
        for (int i = 0; i < 7; i++)
            CHECK_MSG(tensor_get_i64(t, i) == (i != 3), "%s", dtype_info((enum dtype)d)->name);
        tensor_load_f64(t, 0, 7, run);
        tensor_load_i64(t, 1, 6, ints + 1);
        CHECK(run[0] == 1 && run[3] < 1 && run[6] == 1 && ints[1] == 1 && ints[3] == 0);
        tensor_store_f64(t, 3, 4, run);
        CHECK(tensor_get_f64(t, 3) == 1 && tensor_get_i64(t, 6) == 0);
        tensor_unref(t);
    }
}

static void narrow_integers(void)
{
    struct error err;
    struct tensor *i4 = tensor_new(DTYPE_I4, 1, (int64_t[]){5}, &err);
    struct tensor *i2 = tensor_new(DTYPE_I2, 1, (int64_t[]){5}, &err);
    struct tensor *u8 = tensor_new(DTYPE_U8, 1, (int64_t[]){5}, &err);

    for (int v = -8; v < 8; v++) {
        tensor_set_i64(i4, 3, v);
        CHECK(tensor_get_i64(i4, 3) == v && tensor_get_i64(i4, 2) == 0 && tensor_get_i64(i4, 4) == 0);
    }
    for (int v = -2; v < 2; v++) {
        tensor_set_f64(i2, 3, v);
        CHECK(tensor_get_f64(i2, 3) == v && tensor_get_i64(i2, 2) == 0 && tensor_get_i64(i2, 4) == 0);
    }
    tensor_set_i64(i4, 0, 8); /* wraps */
    tensor_set_f64(u8, 0, 258.9);
    tensor_set_f64(u8, 1, -1.5);
    tensor_set_f64(u8, 2, NAN);
    tensor_set_f64(u8, 3, -INFINITY);
    CHECK(tensor_get_i64(i4, 0) == -8 && tensor_get_i64(u8, 0) == 2 && tensor_get_i64(u8, 1) == 255);
    CHECK(tensor_get_i64(u8, 2) == 0 && tensor_get_i64(u8, 3) == 0);
    tensor_unref(i4);
    tensor_unref(i2);
    tensor_unref(u8);
}

static void wide_numbers(void)
{
    struct error err;
    struct tensor *u = tensor_new(DTYPE_U64, 1, (int64_t[]){4}, &err);
    struct tensor *f = tensor_new(DTYPE_F64, 1, (int64_t[]){4}, &err);

    tensor_set_f64(u, 0, 18446744073709549568.0); /* the largest double below 2^64 */
    CHECK(((uint64_t *)u->data)[0] == 18446744073709549568u && tensor_get_f64(u, 0) == 18446744073709549568.0);
    CHECK(tensor_get_i64(u, 0) == INT64_MAX);
    tensor_set_f64(u, 1, 18446744073709551616.0 + 4096);
    CHECK(((uint64_t *)u->data)[1] == 4096);
    tensor_set_f64(f, 0, 1e300);
    tensor_set_f64(f, 1, -1e300);
    tensor_set_f64(f, 2, NAN);
    tensor_set_f64(f, 3, -2.9);
    CHECK(tensor_get_i64(f, 0) == INT64_MAX && tensor_get_i64(f, 1) == INT64_MIN);
    CHECK(tensor_get_i64(f, 2) == 0 && tensor_get_i64(f, 3) == -2);
    tensor_unref(u);
    tensor_unref(f);
}

static void items(void)
{
    struct error err;
    struct item *a = item_of_tensor(tensor_scalar_i64(1, &err), &err), *none, *pair, *deep;

    CHECK(!item_of_tensor(NULL, &err));
    none = item_optional(NULL, DTYPE_I64, &err);
    pair = item_sequence(DTYPE_I64, (struct item *[]){a, a}, 2, &err);
    CHECK(a->refs == 3 && pair->n == 2 && none->n == 0);
    item_unref(a);
    deep = pair;
    for (int i = 0; i < 300000; i++) { /* would overflow a recursive release */
        struct item *outer = i % 2 ? item_sequence(DTYPE_I64, (struct item *[]){none, deep, deep}, 3, &err)
                                   : item_optional(deep, DTYPE_I64, &err);

        item_unref(deep);
        deep = outer;
    }
    CHECK(deep && none->refs == 150001);
    item_unref(deep);
    CHECK(none->refs == 1);
    item_unref(none);
    item_unref(NULL);
}

int main(void)
{
    RUN(dtypes);
    RUN(sizes);
    RUN(making);
    RUN(of_blob);
    RUN(of_file);
    RUN(strings);
    RUN(convenience);
    RUN(equality_of_packed);
    RUN(elements);
    RUN(narrow_integers);
    RUN(wide_numbers);
    RUN(items);
    return TEST_END();
}
