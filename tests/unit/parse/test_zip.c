/* What test_npz.c of lib/data, which reads its archives by this, does not see: archives behind other bytes, looking
 * up, limits. */
#include "parse/zip.h"

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

int main(void)
{
    RUN(test_offsets_from_file);
    RUN(test_offsets_from_archive);
    RUN(test_not_an_archive);
    return TEST_END();
}
