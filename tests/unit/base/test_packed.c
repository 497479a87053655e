#include "base/packed.h"

#include "../../test.h"

/* "abcabcabcabc" and a NUL, as gzip packs it. */
static const uint8_t sample[] = {0x4b, 0x4c, 0x4a, 0x4e, 0x84, 0x21, 0x06, 0x00};

static void what_was_packed(void)
{
    char text[13];
    CHECK(packed_read(sample, sizeof sample, text, sizeof text));
    CHECK(memcmp(text, "abcabcabcabc", 13) == 0);
}

static void what_is_not_so(void)
{
    char text[14];
    CHECK(!packed_read(sample, sizeof sample, text, 12));
    CHECK(!packed_read(sample, sizeof sample, text, 14));
    CHECK(!packed_read(sample, 3, text, 13));
    CHECK(!packed_read((const uint8_t *)"\xff\xff\xff", 3, text, 13));
}

int main(void)
{
    RUN(what_was_packed);
    RUN(what_is_not_so);
    return TEST_END();
}
