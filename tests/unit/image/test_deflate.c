/* Compressing, against what zlib unpacks. */
#include "image/deflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "base/text.h"

static void give(void *arg, const uint8_t *bytes, size_t n)
{
    text_add(arg, (const char *)bytes, n);
}

/* Bytes i of data, in pieces of at most `piece`; the packed size. */
static size_t pack_and_unpack(const uint8_t *data, size_t size, size_t piece)
{
    struct text packed;
    uint8_t *back = malloc(size + 1);
    uLongf n = size + 1;
    text_init(&packed);
    struct deflate *d = deflate_new(give, &packed);
    CHECK(d && back);
    if (!d || !back)
        return 0;
    for (size_t i = 0; i < size; i += piece)
        deflate_add(d, data + i, size - i < piece ? size - i : piece);
    deflate_end(d);
    CHECK(!packed.failed && uncompress(back, &n, (const uint8_t *)packed.data, packed.size) == Z_OK);
    CHECK(n == size && (size == 0 || memcmp(back, data, size) == 0));
    size_t took = packed.size;
    text_release(&packed);
    free(back);
    return took;
}

#define SIZE 700001

static uint8_t equal(size_t i, uint64_t *seed)
{
    (void)i, (void)seed;
    return 7;
}

static uint8_t any(size_t i, uint64_t *seed)
{
    (void)i;
    return (uint8_t)hash_random(seed);
}

/* Frequencies that make Huffman's tree as deep as it gets: 2^-k. */
static uint8_t skewed(size_t i, uint64_t *seed)
{
    (void)i;
    return (uint8_t)__builtin_ctzll(hash_random(seed) | 1ull << 40);
}

/* Repeats from as far back as they may come, and a little farther. */
static uint8_t far(size_t i, uint64_t *seed)
{
    static uint8_t last[40000];
    size_t back = i / 100000 % 2 ? 32767 : 32790;
    return last[i % sizeof last] = i < 40000 ? (uint8_t)hash_random(seed) : last[(i - back) % sizeof last];
}

static uint8_t ramps(size_t i, uint64_t *seed)
{
    return (uint8_t)(i * (i >> 10 & 15) + hash_random(seed) % 2);
}

static void what_is_packed_unpacks(void)
{
    uint8_t (*const all[])(size_t, uint64_t *) = {equal, any, skewed, far, ramps};
    const size_t sizes[] = {0, 1, 2, 3, 258, 259, 32768, 131072, 131073, SIZE}, pieces[] = {SIZE, 4097, 1};
    uint8_t *data = calloc(SIZE, 1);
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        uint64_t seed = 1;
        for (size_t i = 0; i < SIZE; i++)
            data[i] = all[k](i, &seed);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t p = 0; p < 3; p++)
                pack_and_unpack(data, sizes[s], pieces[p]);
    }
    free(data);
}

static void repeats_take_little(void)
{
    uint8_t *data = calloc(SIZE, 1);
    uint64_t seed = 1;
    memset(data, 3, SIZE);
    CHECK(pack_and_unpack(data, SIZE, 1000) < SIZE / 500);
    for (size_t i = 0; i < SIZE; i++)
        data[i] = i < 30000 ? any(i, &seed) : data[i - 30000];
    CHECK(pack_and_unpack(data, SIZE, 1000) < 40000);
    for (size_t i = 0; i < SIZE; i++)
        data[i] = any(i, &seed);
    CHECK(pack_and_unpack(data, SIZE, SIZE) < SIZE + SIZE / 100);
    free(data);
}

int main(void)
{
    RUN(what_is_packed_unpacks);
    RUN(repeats_take_little);
    return TEST_END();
}
