/* What test_npz.c of lib/data, which reads its archives by this, does not see: archives behind other bytes, looking
 * up, limits. */
#include "parse/zip.h"

#include <stdlib.h>
#include <zlib.h>

#include "../../test.h"
#include "base/text.h"

static void u16(struct text *t, unsigned v)
{
    const char b[] = {(char)v, (char)(v >> 8)};
    text_add(t, b, 2);
}

static void u32(struct text *t, uint32_t v)
{
    u16(t, v & 0xffff);
    u16(t, v >> 16);
}

static void add_member(struct text *t, const char *name, const char *body, uint32_t local, bool central)
{
    uint32_t size = (uint32_t)strlen(body);
    u32(t, central ? 0x02014b50 : 0x04034b50);
    u32(t, 20);
    if (central)
        u16(t, 0);
    u16(t, 0);
    u32(t, 0);
    u32(t, (uint32_t)crc32(0, (const Bytef *)body, size));
    u32(t, size);
    u32(t, size);
    u16(t, (unsigned)strlen(name));
    u16(t, 0);
    for (int i = 0; central && i < 5; i++)
        u16(t, 0);
    if (central)
        u32(t, local);
    text_puts(t, name);
    if (!central)
        text_puts(t, body);
}

/* "a.txt" and "b.txt" behind 100 other bytes; offsets count from `origin`. */
static struct blob *archive(uint32_t origin)
{
    static const char *const names[] = {"a.txt", "b.txt"}, *const bodies[] = {"cat\ndog\n", "x"};
    uint32_t local[2];
    struct text t;
    text_init(&t);
    for (int i = 0; i < 100; i++)
        text_puts(&t, "-");
    for (int i = 0; i < 2; i++) {
        local[i] = (uint32_t)t.size - origin;
        add_member(&t, names[i], bodies[i], 0, false);
    }
    size_t directory = t.size;
    for (int i = 0; i < 2; i++)
        add_member(&t, names[i], bodies[i], local[i], true);
    size_t size = t.size - directory;
    u32(&t, 0x06054b50);
    u32(&t, 0);
    u16(&t, 2);
    u16(&t, 2);
    u32(&t, (uint32_t)size);
    u32(&t, (uint32_t)directory - origin);
    u16(&t, 0);
    struct blob *blob = blob_new(t.size, NULL);
    memcpy(blob->data, t.data, t.size);
    text_release(&t);
    return blob;
}

static void check_archive(uint32_t origin)
{
    struct error err = {""};
    struct blob *b = archive(origin);
    struct zip *z = zip_open(b, &err);
    CHECK(zip_is(b));
    CHECK_MSG(z && zip_count(z) == 2, "%s", err.text);
    CHECK(z && zip_find(z, "a.txt") == 0 && zip_find(z, "b.txt") == 1 && zip_find(z, "c.txt") == 2);
    struct blob *member = z ? zip_read(z, 0, 8, &err) : NULL;
    CHECK_MSG(member && member->size == 8 && memcmp(member->data, "cat\ndog\n", 8) == 0, "%s", err.text);
    const char *data = member ? member->data : NULL, *whole = b->data;
    CHECK(data > whole && data < whole + b->size); /* not copied */
    CHECK(z && !zip_read(z, 0, 7, &err));
    CHECK_STR(err.text, "8 bytes: want at most 7");
    zip_close(z);
    blob_unref(member);
    blob_unref(b);
}

static void test_offsets_from_file(void)
{
    check_archive(0);
}

static void test_offsets_from_archive(void)
{
    check_archive(100);
}

static void test_not_an_archive(void)
{
    struct error err = {""};
    struct blob *b = blob_new(64, NULL);
    CHECK(!zip_is(b) && !zip_open(b, &err));
    CHECK(strstr(err.text, "not a zip file"));
    blob_unref(b);
}

/* An archive of one deflated member, as its headers say: `packed` bytes that are `size` when unpacked. */
static struct blob *deflated(const void *data, uint32_t packed, uint32_t size)
{
    struct text t;
    text_init(&t);
    for (int central = 0; central < 2; central++) {
        u32(&t, central ? 0x02014b50 : 0x04034b50);
        u32(&t, 20);
        if (central)
            u16(&t, 0);
        u16(&t, 8);
        u32(&t, 0);
        u32(&t, 0); /* the checksum: nothing gets that far */
        u32(&t, packed);
        u32(&t, size);
        u16(&t, 1);
        u16(&t, 0);
        for (int i = 0; central && i < 7; i++)
            u16(&t, 0);
        text_puts(&t, "a");
        if (!central)
            text_add(&t, data, packed);
    }
    u32(&t, 0x06054b50);
    u32(&t, 0);
    u16(&t, 1);
    u16(&t, 1);
    u32(&t, 47);
    u32(&t, 31 + packed);
    u16(&t, 0);
    struct blob *blob = blob_new(t.size, NULL);
    memcpy(blob->data, t.data, t.size);
    text_release(&t);
    return blob;
}

static void check_bomb(const void *data, uint32_t packed, uint32_t size, size_t most, const char *want)
{
    struct error err = {""};
    struct blob *b = deflated(data, packed, size);
    struct zip *z = zip_open(b, &err);
    CHECK_MSG(z && !zip_read(z, 0, most, &err) && strstr(err.text, want), "got \"%s\", want \"%s\"", err.text, want);
    zip_close(z);
    blob_unref(b);
}

/* 64 MiB of zeros in 65 KiB, as they are and with headers that lie. */
static void test_bombs(void)
{
    enum { SIZE = 64 << 20 };
    static unsigned char packed[1 << 17];
    unsigned char *zeros = calloc(SIZE, 1);
    z_stream s = {.next_in = zeros, .avail_in = SIZE, .next_out = packed, .avail_out = sizeof packed};
    CHECK(zeros && deflateInit2(&s, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(deflate(&s, Z_FINISH) == Z_STREAM_END);
    uint32_t n = (uint32_t)s.total_out;
    deflateEnd(&s);
    free(zeros);
    check_bomb(packed, n, SIZE, 1 << 20, "67108864 bytes: want at most 1048576");
    check_bomb(packed, n, 1000, 1 << 20, "its compressed data is damaged");
    check_bomb(packed, n, SIZE + 1, (size_t)1 << 30, "its compressed data is damaged");
    check_bomb(packed, 100, 1 << 30, (size_t)1 << 30, "claims to unpack 100 bytes to 1073741824");
}

/* As many members as the directory's end may state, and no directory. */
static void test_members_that_are_not_there(void)
{
    struct error err = {""};
    struct blob *b = blob_new(22, NULL);
    static const unsigned char end[22] = {'P', 'K', 5, 6, 0, 0, 0, 0, 0xff, 0xfe, 0xff, 0xfe};
    memcpy(b->data, end, sizeof end);
    CHECK(!zip_open(b, &err) && err.text[0]);
    blob_unref(b);
}

int main(void)
{
    RUN(test_offsets_from_file);
    RUN(test_offsets_from_archive);
    RUN(test_not_an_archive);
    RUN(test_bombs);
    RUN(test_members_that_are_not_there);
    return TEST_END();
}
