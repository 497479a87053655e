#include "base/hash.h"

#include <zlib.h>

#include "../../test.h"

static void test_bytes(void)
{
    CHECK(hash_bytes("", 0) == 0xcbf29ce484222325u);
    CHECK(hash_bytes("a", 1) == 0xaf63dc4c8601ec8cu);
    CHECK(hash_bytes("foobar", 6) == 0x85944171f73967e8u);
    CHECK(hash_bytes(NULL, 0) == hash_bytes("x", 0));
}

static void test_crc32(void)
{
    CHECK(hash_crc32("123456789", 9) == 0xcbf43926u);
    CHECK(hash_crc32("", 0) == 0 && hash_crc32(NULL, 0) == 0);
    CHECK(hash_crc32("\0", 1) == 0xd202ef8du);
    const Bytef *text = (const Bytef *)"123456789";
    /* zlib's, in whose place ours may be */
    CHECK(crc32(crc32(crc32(0, NULL, 0), text, 4), text + 4, 5) == 0xcbf43926u);
}

/* Long and short, aligned or not, against a sum made bit by bit. */
static void test_crc32_lengths(void)
{
    uint8_t data[700];
    uint64_t state = 5;

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)hash_random(&state);
    for (size_t first = 0; first < 20; first++) {
        uint32_t crc = ~0u;
        for (size_t n = 0; first + n < sizeof data; n++) {
            CHECK_MSG(hash_crc32(data + first, n) == ~crc, "%zu bytes from %zu on", n, first);
            crc ^= data[first + n];
            for (int bit = 0; bit < 8; bit++)
                crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        }
    }
}

static void test_random(void)
{
    uint64_t state = 0;

    CHECK(hash_random(&state) == 0xe220a8397b1dcdafu);
    CHECK(hash_random(&state) == 0x6e789e6aa1b965f4u);
    CHECK(hash_random(&state) == 0x06c45d188009454fu);
    state = 1234567;
    CHECK(hash_random(&state) == 6457827717110365317u);
    CHECK(hash_random(&state) == 3203168211198807973u);
}

static void test_uniform(void)
{
    enum { N = 20000 };
    uint64_t state = 42;
    double sum = 0, least = 1, most = 0;

    for (int i = 0; i < N; i++) {
        double u = hash_uniform(&state);

        sum += u;
        least = u < least ? u : least;
        most = u > most ? u : most;
    }
    CHECK(least >= 0 && least < 0.001 && most < 1 && most > 0.999 && fabs(sum / N - 0.5) < 0.01);
}

static void test_normal(void)
{
    enum { N = 20000 };
    uint64_t state = 42, again;
    double sum = 0, squares = 0, fourth = 0;
    int beyond = 0;

    for (int i = 0; i < N; i++) {
        double x = hash_normal(&state);

        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
        beyond += fabs(x) > 1.959964;
        CHECK(isfinite(x));
    }
    CHECK(fabs(sum / N) < 0.03 && fabs(squares / N - 1) < 0.04 && fabs(fourth / N - 3) < 0.3);
    CHECK(beyond > N / 25 && beyond < N / 16);
    again = state;
    CHECK(hash_normal(&state) == hash_normal(&again) && state == again);
}

/* Every bit of short data counts, and so does the size, of zeros too. */
static void test_sample(void)
{
    enum { N = 150, LARGE = 100000 };
    unsigned char data[N] = {0};
    static unsigned char large[LARGE];
    uint64_t seen[N * 8 + N];
    int count = 0, same = 0;

    for (size_t n = 0; n < N; n++)
        seen[count++] = hash_sample(data, n);
    for (int bit = 0; bit < N * 8; bit++) {
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
        seen[count++] = hash_sample(data, N);
        data[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            same += seen[i] == seen[j];
    CHECK_MSG(same == 0, "%d pairs are the same", same);
    for (size_t n = 4000; n < LARGE; n += 4001) { /* the ends are looked at, and the size */
        uint64_t before = hash_sample(large, n);
        CHECK(hash_sample(large, n + 1) != before);
        large[n - 1] ^= 1;
        CHECK(hash_sample(large, n) != before);
        large[n - 1] ^= 1;
        CHECK(hash_sample(large, n) == before);
    }
}

int main(void)
{
    RUN(test_sample);
    RUN(test_bytes);
    RUN(test_crc32);
    RUN(test_crc32_lengths);
    RUN(test_random);
    RUN(test_uniform);
    RUN(test_normal);
    return TEST_END();
}
