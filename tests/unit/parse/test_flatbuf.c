#include "parse/flatbuf.h"

#include <stdlib.h>

#include "../../test.h"

/* root { 0: i8 -2, 1: f32 1.5, 2: "ab", 3: [child, child], 4: absent } child { 0: i32 7 } */
static const uint8_t sample[] = {
    24, 0, 0,  0, 'T',  'E', 'S', 'T',                                /* 0: root, identifier */
    14, 0, 24, 0, 4,    0,   8,   0,   12, 0, 16,   0,    0, 0, 0, 0, /* 8: vtable of 5 slots, padding */
    16, 0, 0,  0, 0xfe, 0,   0,   0,   0,  0, 0xc0, 0x3f,             /* 24: table, back to 8 */
    12, 0, 0,  0, 16,   0,   0,   0,   0,  0, 0,    0,                /* 36: string at 48, vector at 56, padding */
    2,  0, 0,  0, 'a',  'b', 0,   0,                                  /* 48 */
    2,  0, 0,  0, 16,   0,   0,   0,   12, 0, 0,    0,                /* 56: both elements lead to 76 */
    6,  0, 8,  0, 4,    0,   0,   0,                                  /* 68: vtable of the child */
    8,  0, 0,  0, 7,    0,   0,   0,                                  /* 76: the child */
};

static void test_reads(void)
{
    struct flatbuf f;
    struct error err = {""};
    flatbuf_init(&f, sample, sizeof sample, 10);
    struct flatbuf_table root = flatbuf_root(&f);
    CHECK(flatbuf_int(root, 0, 1, 0) == -2 && flatbuf_uint(root, 0, 1, 0) == 254);
    CHECK(flatbuf_float(root, 1, 0) == 1.5f);
    struct flatbuf_vector text = flatbuf_string(root, 2), children = flatbuf_vector(root, 3, 4);
    CHECK(text.count == 2 && memcmp(text.data, "ab", 2) == 0);
    CHECK(children.count == 2);
    for (size_t i = 0; i < 2; i++)
        CHECK(flatbuf_int(flatbuf_vector_table(&f, children, i), 0, 4, 0) == 7);
    CHECK(flatbuf_check(&f, &err) == 0);
}

static void test_absent(void)
{
    struct flatbuf f;
    struct error err = {""};
    flatbuf_init(&f, sample, sizeof sample, 10);
    struct flatbuf_table root = flatbuf_root(&f), none = flatbuf_table(root, 9);
    CHECK(!flatbuf_has(root, 4) && !flatbuf_has(root, 100) && flatbuf_has(root, 0));
    CHECK(flatbuf_int(root, 4, 4, -5) == -5 && flatbuf_float(none, 0, 2.5f) == 2.5f);
    CHECK(!none.file && flatbuf_vector(none, 0, 4).count == 0 && !flatbuf_string(root, 50).data);
    struct flatbuf_vector children = flatbuf_vector(root, 3, 4);
    CHECK(!flatbuf_vector_table(&f, children, 2).file && flatbuf_vector_int(children, 2) == 0);
    CHECK(flatbuf_check(&f, &err) == 0);
}

/* What a reader of this schema does. */
static int walk(const uint8_t *data, size_t size, struct error *err)
{
    struct flatbuf f;
    flatbuf_init(&f, data, size, 100);
    struct flatbuf_table root = flatbuf_root(&f);
    struct flatbuf_vector text = flatbuf_string(root, 2), children = flatbuf_vector(root, 3, 4);
    int64_t sum = flatbuf_int(root, 0, 1, 0) + (int64_t)flatbuf_uint(root, 4, 8, 0);
    for (size_t i = 0; i < text.count; i++)
        sum += text.data[i];
    for (size_t i = 0; i < children.count; i++)
        sum += flatbuf_int(flatbuf_vector_table(&f, children, i), 0, 4, 0);
    return flatbuf_check(&f, err) < 0 ? -1 : sum == INT64_MIN;
}

/* In a heap block of its own, so that the address sanitizer sees any byte read beyond it. */
static int walk_copy(size_t size, size_t at, uint8_t change)
{
    struct error err = {""};
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, sample, size);
    if (at < size)
        copy[at] = change;
    int status = walk(copy, size, &err);
    CHECK((status < 0) == (err.text[0] != 0));
    free(copy);
    return status;
}

static void test_truncation(void)
{
    for (size_t n = 0; n < sizeof sample; n++)
        CHECK(walk_copy(n, SIZE_MAX, 0) < 0);
    CHECK(walk_copy(sizeof sample, SIZE_MAX, 0) == 0);
}

static void test_mutation(void)
{
    for (size_t at = 0; at < sizeof sample; at++)
        for (int value = 0; value < 256; value += 5)
            walk_copy(sizeof sample, at, (uint8_t)value);
}

/* A vector of tables of which an element leads to the root again: the limit ends it. */
static void test_circle(void)
{
    struct flatbuf f;
    struct error err = {""};
    flatbuf_init(&f, sample, sizeof sample, 1000);
    struct flatbuf_table t = flatbuf_root(&f);
    int steps = 0;
    for (; t.file && steps < 5000; steps++)
        t = flatbuf_root(&f);
    CHECK(steps == 1000);
    CHECK(flatbuf_check(&f, &err) < 0 && strstr(err.text, "too many tables"));
}

static void test_first_fault_stays(void)
{
    struct flatbuf f;
    struct error err = {""};
    flatbuf_init(&f, sample, 3, 10);
    CHECK(!flatbuf_root(&f).file);
    flatbuf_fail(&f, 1, "something else");
    CHECK(flatbuf_check(&f, &err) < 0);
    CHECK_STR(err.text, "malformed FlatBuffer: byte 0: the file ends here");
}

int main(void)
{
    RUN(test_reads);
    RUN(test_absent);
    RUN(test_truncation);
    RUN(test_mutation);
    RUN(test_circle);
    RUN(test_first_fault_stays);
    return TEST_END();
}
