/* Arrays in files: what NumPy 2 writes byte for byte, what else it can write, and what is no array at all. */
#include <stdlib.h>
#include <unistd.h>

#include "../../test.h"
#include "base/hash.h"
#include "base/text.h"
#include "data/npy.h"

static struct blob *blob_of(const void *bytes, size_t n)
{
    struct blob *b = blob_new(n, NULL);
    if (n)
        memcpy(b->data, bytes, n);
    return b;
}

/* An array file of version 1 with this header, unpadded, and these data. */
static struct blob *file_of(const char *header, const void *data, size_t n)
{
    struct text t;
    size_t length = strlen(header);
    const char start[] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, (char)(length & 255), (char)(length >> 8)};
    text_init(&t);
    text_add(&t, start, sizeof start);
    text_puts(&t, header);
    text_add(&t, data, n);
    struct blob *b = blob_of(t.data, t.size);
    text_release(&t);
    return b;
}

static struct tensor *read_file(const char *header, const void *data, size_t n, struct error *err)
{
    struct blob *b = file_of(header, data, n);
    struct tensor *t = data_npy_read(b, 0, b->size, err);
    blob_unref(b);
    return t;
}

/* What data_npy_write() writes. */
static struct blob *written(const struct tensor *t)
{
    char path[] = "/tmp/npy-XXXXXX";
    struct file_out out;
    struct error err;
    int fd = mkstemp(path);
    close(fd);
    CHECK(file_create(&out, path, &err) == 0 && data_npy_write(t, &out, &err) == 0 && file_commit(&out, &err) == 0);
    struct blob *b = file_read(path, &err);
    unlink(path);
    return b;
}

/* numpy.save(f, numpy.arange(6, dtype='f4').reshape(2, 3)), of NumPy 2. */
static void as_numpy_writes_it(void)
{
    static const char header[] = "\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    int64_t dims[] = {2, 3};
    struct tensor *t = tensor_new(DTYPE_F32, 2, dims, NULL);
    for (int i = 0; i < 6; i++)
        ((float *)t->data)[i] = (float)i;
    struct blob *b = written(t);
    const char *bytes = b->data;
    CHECK(b->size == 128 + 24);
    CHECK(memcmp(bytes, header, sizeof header - 1) == 0);
    for (size_t i = sizeof header - 1; i < 127; i++)
        CHECK(bytes[i] == ' ');
    CHECK(bytes[127] == '\n');
    CHECK(memcmp(bytes + 128, t->data, 24) == 0);
    blob_unref(b);
    tensor_unref(t);
}

static void every_type_comes_back(void)
{
    static const int64_t shapes[][3] = {{0, 0, 0}, {1, 5, 0}, {2, 3, 4}, {3, 2, 0}, {1, 0, 0}};
    static const int ranks[] = {0, 2, 3, 2, 1};
    for (int d = 1; d < DTYPE_COUNT; d++)
        for (size_t s = 0; s < sizeof ranks / sizeof *ranks; s++) {
            if (d == DTYPE_STRING)
                continue;
            struct error err = {""};
            struct tensor *t = tensor_new((enum dtype)d, ranks[s], shapes[s], &err);
            for (int64_t i = 0; i < t->count; i++)
                tensor_set_f64(t, i, (double)(i % 2));
            struct blob *b = written(t);
            struct tensor *back = data_npy_read(b, 0, b->size, &err);
            CHECK_MSG(back != NULL, "%s: %s", dtype_info((enum dtype)d)->name, err.text);
            CHECK(back && back->dtype == data_npy_dtype((enum dtype)d) && back->rank == t->rank);
            CHECK(back && (back->rank == 0 || memcmp(back->dims, t->dims, sizeof *t->dims * (size_t)t->rank) == 0));
            for (int64_t i = 0; back && i < t->count; i++)
                CHECK(tensor_get_f64(back, i) == tensor_get_f64(t, i));
            tensor_unref(back);
            tensor_unref(t);
            blob_unref(b);
        }
}

static void strings_come_back(void)
{
    static const struct str words[] = {{"", 0}, {"a\0b", 3}, {"h\xc3\xa9", 3}, {"\xf0\x9f\x90\xb1", 4}};
    int64_t dims[] = {4};
    struct error err = {""};
    struct tensor *t = tensor_of_strings(1, dims, words, &err);
    struct blob *b = written(t);
    struct tensor *back = data_npy_read(b, 0, b->size, &err);
    CHECK(back && tensor_equal(t, back));
    CHECK(memcmp((char *)b->data + 10, "{'descr': '<U3'", 15) == 0);
    tensor_unref(back);
    tensor_unref(t);
    blob_unref(b);
}

static void bytes_that_are_no_text_are_replaced(void)
{
    static const struct str word = {"\xff\xc3", 2};
    struct error err = {""};
    struct tensor *t = tensor_of_strings(0, NULL, &word, &err);
    struct blob *b = written(t);
    struct tensor *back = data_npy_read(b, 0, b->size, &err);
    CHECK(back && back->count == 1);
    const struct str *s = back->data;
    CHECK(s->size == 6 && memcmp(s->data, "\xef\xbf\xbd\xef\xbf\xbd", 6) == 0);
    tensor_unref(back);
    tensor_unref(t);
    blob_unref(b);
}

static void other_orders(void)
{
    static const unsigned char big[] = {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6};
    struct error err = {""};
    struct tensor *t = read_file("{'descr': '>i2', 'fortran_order': False, 'shape': (2, 3)}", big, sizeof big, &err);
    CHECK(t && t->dtype == DTYPE_I16 && tensor_get_i64(t, 5) == 6);
    tensor_unref(t);
    t = read_file("{\"shape\": (2L, 3L,), 'fortran_order': True, 'descr': '>i2', }\n", big, sizeof big, &err);
    static const int64_t want[] = {1, 3, 5, 2, 4, 6};
    CHECK(t && t->rank == 2 && t->dims[0] == 2 && t->dims[1] == 3);
    for (int i = 0; t && i < 6; i++)
        CHECK(tensor_get_i64(t, i) == want[i]);
    tensor_unref(t);
    static const unsigned char complex_big[] = {0x3f, 0x80, 0, 0, 0x40, 0, 0, 0}; /* 1 + 2i */
    t = read_file("{'descr': '>c8', 'fortran_order': False, 'shape': ()}", complex_big, 8, &err);
    CHECK(t && ((float *)t->data)[0] == 1 && ((float *)t->data)[1] == 2);
    tensor_unref(t);
}

static void refused(void)
{
    static const struct {
        const char *header, *message;
    } cases[] = {
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "pickled"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "records"},
        {"{'descr': '<f3', 'fortran_order': False, 'shape': (1,)}", "not a type"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}", "shorter"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "shorter"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "shape"},
        {"{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", "fortran_order"},
        {"{'descr': '<f4', 'fortran_order': False}", "lacks shape"},
        {"{'descr': '<f4', 'colour': 'red'}", "unknown key"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)}", "dimensions"},
        {"{'descr': '<U0', 'fortran_order': False, 'shape': (99999999999,)}", "shorter"},
        {"{'descr': '<f", "malformed"},
        {"", "malformed"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {""};
        struct tensor *t = read_file(cases[i].header, "0123456789abcdef", 16, &err);
        CHECK_MSG(!t && strstr(err.text, cases[i].message), "%s: %s", cases[i].header, err.text);
        tensor_unref(t);
    }
}

/* Whatever the bytes are: an error or an array, and no access beyond them. */
static void damaged(void)
{
    float numbers[12] = {1};
    uint64_t seed = 7;
    static const char header[] = "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }\n";
    struct blob *whole = file_of(header, numbers, sizeof numbers);
    for (size_t n = 0; n <= whole->size; n++) {
        struct blob *b = blob_of(whole->data, n);
        struct tensor *t = data_npy_read(b, 0, n, NULL);
        CHECK((t != NULL) == (n == whole->size));
        tensor_unref(t);
        blob_unref(b);
    }
    for (int i = 0; i < 3000; i++) {
        struct blob *b = blob_of(whole->data, whole->size);
        for (int k = 0; k < 3; k++)
            ((uint8_t *)b->data)[hash_random(&seed) % 80] = (uint8_t)hash_random(&seed);
        tensor_unref(data_npy_read(b, 0, b->size, NULL));
        blob_unref(b);
    }
    blob_unref(whole);
}

int main(void)
{
    RUN(as_numpy_writes_it);
    RUN(every_type_comes_back);
    RUN(strings_come_back);
    RUN(bytes_that_are_no_text_are_replaced);
    RUN(other_orders);
    RUN(refused);
    RUN(damaged);
    return TEST_END();
}
