/* Archives of arrays: stored and deflated members, sizes of 64 bits, and damage of every kind. */
#include <zlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "base/text.h"
#include "data/npz.h"

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

static void u64(struct text *t, uint64_t v)
{
    u32(t, (uint32_t)v);
    u32(t, (uint32_t)(v >> 32));
}

/* The file of a one-dimensional array of four floats. */
static void add_array(struct text *t, const float *four)
{
    static const char header[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (4,), }";
    text_add(t, "\x93NUMPY\x01", 7);
    text_add(t, "\0", 1);
    u16(t, sizeof header - 1);
    text_puts(t, header);
    text_add(t, (const char *)four, 16);
}

enum how { STORED, DEFLATED, WIDE }; /* WIDE: stored, sizes and offset in a zip64 field */

struct member {
    const char *name;
    enum how how;
    uint32_t crc, size, packed, local;
};

static void add_fields(struct text *t, const struct member *m, bool wide)
{
    u16(t, m->how == DEFLATED ? 8 : 0);
    u32(t, 0);
    u32(t, m->crc);
    u32(t, wide ? 0xffffffff : m->packed);
    u32(t, wide ? 0xffffffff : m->size);
    u16(t, (unsigned)strlen(m->name));
}

static void add_member(struct text *t, struct member *m, const float *four)
{
    struct text array;
    unsigned char packed[256];
    text_init(&array);
    add_array(&array, four);
    m->local = (uint32_t)t->size;
    m->size = m->packed = (uint32_t)array.size;
    m->crc = (uint32_t)crc32(0, (const Bytef *)array.data, (uInt)array.size);
    const char *body = array.data;
    if (m->how == DEFLATED) {
        z_stream s = {.next_in = (Bytef *)array.data, .avail_in = (uInt)array.size, .next_out = packed,
                      .avail_out = sizeof packed};
        deflateInit2(&s, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
        deflate(&s, Z_FINISH);
        m->packed = (uint32_t)s.total_out;
        deflateEnd(&s);
        body = (const char *)packed;
    }
    u32(t, 0x04034b50);
    u16(t, 20);
    u16(t, 0);
    add_fields(t, m, false);
    u16(t, 0);
    text_puts(t, m->name);
    text_add(t, body, m->packed);
    text_release(&array);
}

static void add_entry(struct text *t, const struct member *m)
{
    bool wide = m->how == WIDE;
    u32(t, 0x02014b50);
    u16(t, 20);
    u16(t, 20);
    u16(t, 0);
    add_fields(t, m, wide);
    u16(t, wide ? 28 : 0);
    u16(t, 0);
    u64(t, 0);
    u32(t, wide ? 0xffffffff : m->local);
    text_puts(t, m->name);
    if (!wide)
        return;
    u16(t, 1);
    u16(t, 24);
    u64(t, m->size);
    u64(t, m->packed);
    u64(t, m->local);
}

static struct blob *archive(void)
{
    static const float a[] = {1, 2, 3, 4}, b[] = {5, 6, 7, 8};
    struct member members[] = {{.name = "first.npy", .how = STORED}, {.name = "x.npy", .how = DEFLATED},
                               {.name = "wide", .how = WIDE}};
    struct text t;
    text_init(&t);
    for (int i = 0; i < 3; i++)
        add_member(&t, &members[i], i == 1 ? b : a);
    size_t directory = t.size;
    for (int i = 0; i < 3; i++)
        add_entry(&t, &members[i]);
    size_t size = t.size - directory;
    u32(&t, 0x06054b50);
    u32(&t, 0);
    u16(&t, 3);
    u16(&t, 3);
    u32(&t, (uint32_t)size);
    u32(&t, (uint32_t)directory);
    u16(&t, 2);
    text_puts(&t, "hi");
    struct blob *blob = blob_new(t.size, NULL);
    memcpy(blob->data, t.data, t.size);
    text_release(&t);
    return blob;
}

static void members_are_read(void)
{
    static const char *const names[] = {"first", "x", "wide"};
    struct error err = {""};
    struct blob *b = archive();
    struct data_npz *z = data_npz_open(b, &err);
    blob_unref(b);
    CHECK_MSG(z != NULL, "%s", err.text);
    CHECK(z && data_npz_count(z) == 3);
    for (size_t i = 0; z && i < 3; i++) {
        struct tensor *t = data_npz_read(z, i, SIZE_MAX, &err);
        CHECK_STR(data_npz_name(z, i), names[i]);
        CHECK_MSG(t && t->count == 4 && tensor_get_f64(t, 3) == (i == 1 ? 8 : 4), "%s", err.text);
        tensor_unref(t);
    }
    data_npz_close(z);
}

/* Opens and reads all; how many members could be read. */
static size_t read_all(struct blob *b)
{
    size_t good = 0;
    struct data_npz *z = data_npz_open(b, NULL);
    for (size_t i = 0; z && i < data_npz_count(z); i++) {
        struct tensor *t = data_npz_read(z, i, SIZE_MAX, NULL);
        good += t != NULL;
        tensor_unref(t);
    }
    data_npz_close(z);
    return good;
}

static void truncated(void)
{
    struct blob *whole = archive();
    for (size_t n = 0; n < whole->size; n++) {
        struct blob *b = blob_new(n, NULL);
        if (n)
            memcpy(b->data, whole->data, n);
        CHECK(read_all(b) == (n + 2 >= whole->size ? 3 : 0)); /* the comment alone may go */
        blob_unref(b);
    }
    blob_unref(whole);
}

static void damaged(void)
{
    uint64_t seed = 3;
    struct blob *whole = archive();
    for (int i = 0; i < 3000; i++) {
        struct blob *b = blob_new(whole->size, NULL);
        memcpy(b->data, whole->data, whole->size);
        for (int k = 0; k < 2; k++)
            ((uint8_t *)b->data)[hash_random(&seed) % b->size] = (uint8_t)hash_random(&seed);
        read_all(b);
        blob_unref(b);
    }
    blob_unref(whole);
}

static void changed_data_are_told(void)
{
    struct error err = {""};
    struct blob *b = archive();
    ((uint8_t *)b->data)[120] ^= 1; /* a number of the first array */
    struct data_npz *z = data_npz_open(b, &err);
    struct tensor *t = z ? data_npz_read(z, 0, SIZE_MAX, &err) : NULL;
    CHECK(!t);
    CHECK_STR(err.text, "first: its checksum is wrong: the file is damaged");
    tensor_unref(t);
    data_npz_close(z);
    blob_unref(b);
}

int main(void)
{
    RUN(members_are_read);
    RUN(truncated);
    RUN(damaged);
    RUN(changed_data_are_told);
    return TEST_END();
}
