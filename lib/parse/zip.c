#include "parse/zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/bytes.h"
#include "base/hash.h"

#define LOCAL        0x04034b50u
#define CENTRAL      0x02014b50u
#define END          0x06054b50u
#define END64        0x06064b50u
#define LOCATOR64    0x07064b50u
#define MEMBERS_MOST 65536

struct member {
    const char *name;
    int method;
    uint32_t crc;
    uint64_t packed, size, local; /* local: where its local header is */
};

struct zip {
    struct blob *blob;
    uint64_t skew; /* what offsets want added: bytes before an archive that counts from its own start */
    struct arena arena;
    struct member *members;
    size_t count;
};

static const uint8_t *data_of(const struct zip *z)
{
    return z->blob->data;
}

/* Bytes from `at` on; bad when that is beyond the file. */
static struct bytes from(const struct zip *z, uint64_t at)
{
    struct bytes b = bytes_of(z->blob->data, z->blob->size);
    if (at > z->blob->size)
        b.bad = true;
    else
        bytes_take(&b, (size_t)at);
    return b;
}

/* Where the end record begins: the last 64 KiB of a zip file may be a comment. */
static bool find_end(const struct zip *z, size_t *at)
{
    size_t size = z->blob->size, stop = size > 65557 ? size - 65557 : 0;
    if (size < 22)
        return false;
    for (size_t i = size - 22 + 1; i-- > stop;)
        if (memcmp(data_of(z) + i, "PK\5\6", 4) == 0) {
            *at = i;
            return true;
        }
    return false;
}

/* Where the directory, of `size` bytes, stands that ends at `end`; the file says at *at. */
static void correct(struct zip *z, size_t end, uint64_t size, uint64_t *at)
{
    struct bytes b = from(z, *at);
    if (size > end || *at > end - size || (*at != end - size && bytes_u32(&b) == CENTRAL))
        return;
    z->skew = end - size - *at;
    *at += z->skew;
}

/* Number and place of the directory's entries. */
static bool find_directory(struct zip *z, uint64_t *count, uint64_t *at)
{
    size_t end;
    if (!find_end(z, &end))
        return false;
    struct bytes b = from(z, end);
    bytes_take(&b, 10);
    *count = bytes_u16(&b);
    uint32_t size = bytes_u32(&b);
    *at = bytes_u32(&b);
    if (b.bad)
        return false;
    struct bytes l = from(z, end < 20 ? end : end - 20);
    if ((*count != 0xffff && *at != 0xffffffff) || bytes_u32(&l) != LOCATOR64) {
        correct(z, end, size, at);
        return true;
    }
    bytes_u32(&l);
    struct bytes e = from(z, bytes_u64(&l));
    if (bytes_u32(&e) != END64)
        return false;
    bytes_take(&e, 28);
    *count = bytes_u64(&e);
    bytes_u64(&e);
    *at = bytes_u64(&e);
    return !e.bad && !l.bad;
}

/* The sizes that did not fit 32 bits, in their order, from the extra field. */
static void read_zip64(struct member *m, const uint8_t *extra, size_t n)
{
    struct bytes b = bytes_of(extra, n);
    while (bytes_left(&b) >= 4) {
        uint16_t id = bytes_u16(&b), length = bytes_u16(&b);
        const uint8_t *body = bytes_take(&b, length);
        if (id != 1 || !body)
            continue;
        struct bytes f = bytes_of(body, length);
        uint64_t *fields[] = {&m->size, &m->packed, &m->local};
        for (int i = 0; i < 3; i++)
            if (*fields[i] == 0xffffffff && bytes_left(&f) >= 8)
                *fields[i] = bytes_u64(&f);
        return;
    }
}

static int read_entry(struct zip *z, struct bytes *b, struct member *m, struct error *err)
{
    if (bytes_u32(b) != CENTRAL)
        return error_set(err, "malformed directory of a zip file");
    bytes_take(b, 4);
    unsigned flags = bytes_u16(b);
    m->method = bytes_u16(b);
    bytes_u32(b);
    m->crc = bytes_u32(b);
    m->packed = bytes_u32(b);
    m->size = bytes_u32(b);
    size_t name = bytes_u16(b), extra = bytes_u16(b), comment = bytes_u16(b);
    bytes_take(b, 8);
    m->local = bytes_u32(b);
    const uint8_t *text = bytes_take(b, name), *more = bytes_take(b, extra);
    bytes_take(b, comment);
    if (b->bad)
        return error_set(err, "malformed directory of a zip file");
    read_zip64(m, more, extra);
    m->name = arena_strndup(&z->arena, (const char *)text, name, err);
    if (m->name && flags & 1)
        return error_set(err, "%s: encrypted", m->name);
    return m->name ? 0 : -1;
}

static int read_directory(struct zip *z, struct error *err)
{
    uint64_t count, at;
    size_t cap = 0;
    if (!find_directory(z, &count, &at))
        return error_set(err, "not a zip file, or a truncated one");
    if (count > MEMBERS_MOST)
        return error_set(err, "%llu members in an archive: want at most %d", (unsigned long long)count, MEMBERS_MOST);
    struct bytes b = from(z, at);
    for (; z->count < count; z->count++) {
        if (mem_grow(&z->members, &cap, z->count + 1, sizeof *z->members, err) < 0)
            return -1;
        z->members[z->count] = (struct member){0};
        if (read_entry(z, &b, &z->members[z->count], err) < 0)
            return -1;
    }
    return 0;
}

struct zip *zip_open(struct blob *blob, struct error *err)
{
    struct zip *z = mem_calloc(1, sizeof *z, err);
    if (!z)
        return NULL;
    z->blob = blob_ref(blob);
    arena_init(&z->arena);
    if (read_directory(z, err) == 0)
        return z;
    zip_close(z);
    return NULL;
}

void zip_close(struct zip *z)
{
    if (!z)
        return;
    free(z->members);
    arena_release(&z->arena);
    blob_unref(z->blob);
    free(z);
}

size_t zip_count(const struct zip *z)
{
    return z->count;
}

const char *zip_name(const struct zip *z, size_t i)
{
    return z->members[i].name;
}

size_t zip_find(const struct zip *z, const char *name)
{
    size_t i = 0;
    while (i < z->count && strcmp(z->members[i].name, name) != 0)
        i++;
    return i;
}

bool zip_is(const struct blob *blob)
{
    const struct zip z = {.blob = (struct blob *)(uintptr_t)blob};
    size_t end;
    return find_end(&z, &end);
}

/* Where a member's bytes begin. */
static int find_data(const struct zip *z, const struct member *m, size_t *offset, struct error *err)
{
    struct bytes b = from(z, m->local + z->skew);
    uint32_t mark = bytes_u32(&b);
    bytes_take(&b, 22);
    size_t name = bytes_u16(&b), extra = bytes_u16(&b);
    bytes_take(&b, name);
    bytes_take(&b, extra);
    *offset = z->blob->size - bytes_left(&b);
    if (b.bad || mark != LOCAL || m->packed > bytes_left(&b))
        return error_set(err, "its data is not in the file, which may be truncated");
    return 0;
}

static int inflate_all(const uint8_t *packed, const struct member *m, struct blob *out)
{
    z_stream s = {0};
    if (inflateInit2(&s, -MAX_WBITS) != Z_OK)
        return -1;
    size_t in_left = (size_t)m->packed, out_left = out->size;
    int status = Z_OK;
    s.next_in = (Bytef *)(uintptr_t)packed;
    s.next_out = out->data;
    while (status == Z_OK) {
        s.avail_in = (uInt)(in_left < 1 << 30 ? in_left : 1 << 30);
        s.avail_out = (uInt)(out_left < 1 << 30 ? out_left : 1 << 30);
        uInt had_in = s.avail_in, had_out = s.avail_out;
        status = inflate(&s, Z_NO_FLUSH);
        in_left -= had_in - s.avail_in;
        out_left -= had_out - s.avail_out;
        if (status == Z_OK && s.avail_in == had_in && s.avail_out == had_out)
            break;
    }
    inflateEnd(&s);
    return status == Z_STREAM_END && out_left == 0 ? 0 : -1;
}

/* Deflate's best is about 1032 to 1: what claims more lies. */
static struct blob *unpack(const uint8_t *packed, const struct member *m, struct error *err)
{
    if (m->size / 1040 > m->packed + 64) {
        error_set(err, "claims to unpack %llu bytes to %llu", (unsigned long long)m->packed,
                  (unsigned long long)m->size);
        return NULL;
    }
    struct blob *out = blob_new((size_t)m->size, err);
    if (out && inflate_all(packed, m, out) < 0) {
        error_set(err, "its compressed data is damaged");
        blob_unref(out);
        return NULL;
    }
    return out;
}

static struct blob *bytes_of_member(const struct zip *z, const struct member *m, struct error *err)
{
    size_t offset;
    if (find_data(z, m, &offset, err) < 0)
        return NULL;
    if (m->method != 0 && m->method != 8) {
        error_set(err, "compression method %d of zip: want stored or deflated", m->method);
        return NULL;
    }
    if (m->method == 0 && m->size != m->packed) {
        error_set(err, "a stored member with two sizes");
        return NULL;
    }
    return m->method == 0 ? blob_part(z->blob, offset, (size_t)m->size, err) : unpack(data_of(z) + offset, m, err);
}

struct blob *zip_read(const struct zip *z, size_t i, size_t most, struct error *err)
{
    const struct member *m = &z->members[i];
    if (m->size > most) {
        error_set(err, "%llu bytes: want at most %zu", (unsigned long long)m->size, most);
        return NULL;
    }
    struct blob *blob = bytes_of_member(z, m, err);
    if (blob && hash_crc32(blob->data, blob->size) != m->crc) {
        error_set(err, "its checksum is wrong: the file is damaged");
        blob_unref(blob);
        return NULL;
    }
    return blob;
}
