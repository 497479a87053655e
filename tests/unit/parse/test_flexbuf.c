#include "parse/flexbuf.h"

#include <stdlib.h>

#include "../../test.h"

/* {"a": 7, "bc": 2.5f} as the FlexBuffers library lays it out. */
static const uint8_t sample[] = {
    'a',        0,          'b', 'c', 0, 0, 0,    0, /* 0: keys */
    2,          9,          8,                       /* 8: count of the keys' vector, offsets back to 0 and 2 */
    0,                                               /* 11 */
    3,          0,          0,   0,   1, 0, 0,    0,
    2,          0,          0,   0,                     /* 12: offset back to the keys at 9, their width, count */
    7,          0,          0,   0,   0, 0, 0x20, 0x40, /* 24: values of 4 bytes */
    1 << 2 | 2, 3 << 2 | 2,                             /* 32: types */
    10,         9 << 2 | 2, 1,                          /* 34: offset back to 24, a map of 4 bytes, root of 1 byte */
};

static void test_numbers(void)
{
    struct flexbuf f;
    flexbuf_init(&f, sample, sizeof sample);
    CHECK(f.count == 2);
    CHECK(flexbuf_find(&f, "a", 0) == 7 && flexbuf_find(&f, "bc", 0) == 2.5 && flexbuf_find(&f, "c", -1) == -1);
}

/* In a heap block of its own, so that the address sanitizer sees any byte read beyond it. */
static void walk(size_t from, size_t at, uint8_t change)
{
    uint8_t *copy = malloc(sizeof sample - from + 1);
    struct flexbuf f;
    double value;
    bool is_float;
    memcpy(copy, sample + from, sizeof sample - from);
    if (at < sizeof sample - from)
        copy[at] = change;
    flexbuf_init(&f, copy, sizeof sample - from);
    for (size_t i = 0; i < f.count && i < 1000; i++) {
        const char *key = flexbuf_key(&f, i);
        CHECK(!key || strlen(key) < sizeof sample);
        flexbuf_number(&f, i, &value, &is_float);
    }
    free(copy);
}

static void test_malformed(void)
{
    for (size_t n = 0; n <= sizeof sample; n++)
        walk(n, SIZE_MAX, 0);
    for (size_t at = 0; at < sizeof sample; at++)
        for (int value = 0; value < 256; value++)
            walk(0, at, (uint8_t)value);
}

static void test_written(void)
{
    static const struct flexbuf_field fields[] = {{"a", false}, {"bc", true}, {"count", false}};
    static const double numbers[] = {-7, 2.5, 300};
    uint8_t bytes[64];
    struct flexbuf f;
    size_t size = flexbuf_put_map(fields, numbers, 3, bytes, sizeof bytes);
    CHECK(size > 0);
    flexbuf_init(&f, bytes, size);
    CHECK(f.count == 3);
    for (int i = 0; i < 3; i++)
        CHECK(flexbuf_find(&f, fields[i].key, 0) == numbers[i]);
    for (size_t room = 0; room < size; room++)
        CHECK(flexbuf_put_map(fields, numbers, 3, bytes, room) == 0);
}

int main(void)
{
    RUN(test_numbers);
    RUN(test_malformed);
    RUN(test_written);
    return TEST_END();
}
