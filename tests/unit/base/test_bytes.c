#include "base/bytes.h"

#include <stdlib.h>

#include "../../test.h"

static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void test_numbers(void)
{
    struct bytes b = bytes_of(data, sizeof data);

    CHECK(bytes_u8(&b) == 1);
    CHECK(bytes_u16(&b) == 0x0302);
    CHECK(bytes_u32(&b) == 0x07060504);
    CHECK(bytes_u64(&b) == 0x0f0e0d0c0b0a0908u);
    CHECK(!b.bad && bytes_left(&b) == 0);
    CHECK(bytes_u8(&b) == 0 && b.bad);
}

/* Every length is in a heap block of its own, so that the address sanitizer sees any byte read beyond it. */
static void test_truncation(void)
{
    for (size_t n = 0; n < 8; n++) {
        uint8_t *copy = malloc(n);
        struct bytes b;

        memset(copy, 0xff, n);
        b = bytes_of(copy, n);
        CHECK(bytes_u64(&b) == 0 && b.bad);
        b = bytes_of(copy, n);
        CHECK((bytes_u32(&b) == 0) == (n < 4) && b.bad == (n < 4));
        b = bytes_of(copy, n);
        CHECK((bytes_u16(&b) == 0) == (n < 2) && b.bad == (n < 2));
        b = bytes_of(copy, n);
        CHECK(bytes_varint(&b) == 0 && b.bad);
        free(copy);
    }
}

static void test_stays_failed(void)
{
    struct bytes b = bytes_of(data, sizeof data);

    CHECK(bytes_take(&b, sizeof data + 1) == NULL && b.bad && bytes_left(&b) == 0);
    CHECK(bytes_u8(&b) == 0 && bytes_u64(&b) == 0 && bytes_varint(&b) == 0 && bytes_take(&b, 0) == NULL);
}

static void test_take(void)
{
    struct bytes b = bytes_of(data, sizeof data);

    CHECK(bytes_take(&b, 0) == data && bytes_take(&b, 5) == data && bytes_take(&b, 10) == data + 5);
    CHECK(bytes_take(&b, 0) != NULL && !b.bad);
    CHECK(bytes_take(&b, SIZE_MAX) == NULL && b.bad);
    b = bytes_of(NULL, 0);
    CHECK(bytes_left(&b) == 0 && bytes_take(&b, 0) != NULL && !b.bad);
    CHECK(bytes_u8(&b) == 0 && b.bad);
}

static void check_varint(const char *encoded, size_t n, bool good, uint64_t want)
{
    struct bytes b = bytes_of(encoded, n);
    uint64_t got = bytes_varint(&b);

    CHECK_MSG(b.bad != good && got == want && (!good || bytes_left(&b) == 0), "%zu bytes: %llx", n,
              (unsigned long long)got);
}

static void test_varint(void)
{
    check_varint("\x00", 1, true, 0);
    check_varint("\x7f", 1, true, 127);
    check_varint("\x80\x01", 2, true, 128);
    check_varint("\xac\x02", 2, true, 300);
    check_varint("\x80\x80\x00", 3, true, 0);
    check_varint("\xff\xff\xff\xff\x0f", 5, true, 0xffffffff);
    check_varint("\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9, true, INT64_MAX);
    check_varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, true, UINT64_MAX);
    check_varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, false, 0);
    check_varint("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11, false, 0);
    check_varint("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 11, false, 0);
    check_varint("\x80", 1, false, 0);
}

int main(void)
{
    RUN(test_numbers);
    RUN(test_truncation);
    RUN(test_stays_failed);
    RUN(test_take);
    RUN(test_varint);
    return TEST_END();
}
