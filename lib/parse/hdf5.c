/* The file as a whole, and the headers of objects. */
#include "parse/hdf5.h"

#include <stdlib.h>
#include <string.h>

#include "parse/hdf5_private.h"

#define SIGNATURE      "\x89HDF\r\n\x1a\n"
#define SIGNATURE_SIZE 8
#define BLOCKS         1024 /* of one object's header */
#define CONTINUATION   0x10
#define SHARED         2    /* flag: the message stands elsewhere */
#define RATIO          1040 /* deflate makes at most this of a byte */

/* ---- numbers ---- */

struct bytes hdf5_at(const struct hdf5 *f, uint64_t address, uint64_t size)
{
    struct bytes b = {.bad = true};
    uint64_t whole = f->blob->size - f->base;
    if (address > whole)
        return b;
    return bytes_of((const uint8_t *)f->blob->data + f->base + address,
                    size < whole - address ? size : whole - address);
}

uint64_t hdf5_number(struct bytes *b, unsigned width)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)bytes_u8(b) << (8 * i);
    return value;
}

uint64_t hdf5_address(const struct hdf5 *f, struct bytes *b)
{
    return hdf5_number(b, f->offset_size);
}

uint64_t hdf5_length(const struct hdf5 *f, struct bytes *b)
{
    return hdf5_number(b, f->length_size);
}

bool hdf5_is_nowhere(const struct hdf5 *f, uint64_t address)
{
    return address == UINT64_MAX >> (64 - 8 * f->offset_size);
}

bool hdf5_signed(struct bytes *b, const char *signature)
{
    const uint8_t *at = bytes_take(b, 4);
    return at && memcmp(at, signature, 4) == 0;
}

int hdf5_step(struct hdf5 *f, struct error *err)
{
    if (f->steps == 0)
        return error_set(err, "HDF5: more than %d parts, or one that leads back into itself", HDF5_STEPS);
    f->steps--;
    return 0;
}

const char *hdf5_name(struct hdf5 *f, const char *name, size_t size, struct error *err)
{
    if (size > f->names) {
        error_set(err, "HDF5: names of more than %d bytes in all", HDF5_NAMES);
        return NULL;
    }
    f->names -= size;
    return arena_strndup(&f->arena, name, size, err);
}

int hdf5_damaged(struct error *err, const char *what)
{
    return error_set(err, "HDF5: %s is damaged", what);
}

/* ---- headers of objects ---- */

struct block {
    uint64_t address, size;
};

struct header {
    struct hdf5 *f;
    struct hdf5_object *object;
    bool is_second;    /* version 2 */
    bool has_order;    /* its messages are numbered */
    unsigned messages; /* of version 1: so many are left */
    int block_count;
    struct block blocks[BLOCKS];
};

static int add_block(struct header *h, uint64_t address, uint64_t size, struct error *err)
{
    if (h->block_count == BLOCKS)
        return error_set(err, "HDF5: a header of more than %d blocks", BLOCKS);
    h->blocks[h->block_count++] = (struct block){address, size};
    return 0;
}

static int read_message(struct header *h, unsigned type, unsigned flags, struct bytes body, struct error *err)
{
    if (hdf5_step(h->f, err) != 0)
        return -1;
    if (type == CONTINUATION) {
        uint64_t address = hdf5_address(h->f, &body), size = hdf5_length(h->f, &body);
        return body.bad ? hdf5_damaged(err, "a header") : add_block(h, address, size, err);
    }
    return flags & SHARED ? 0 : hdf5_read_message(h->f, h->object, type, body, err);
}

/* Type, size and flags of the next message, whose body comes then; false at the end of the block. */
static bool next_message(const struct header *h, struct bytes *b, unsigned *type, size_t *size, unsigned *flags)
{
    if (bytes_left(b) < (h->is_second ? h->has_order ? 6u : 4u : 8u))
        return false;
    *type = h->is_second ? bytes_u8(b) : bytes_u16(b);
    *size = bytes_u16(b);
    *flags = bytes_u8(b);
    bytes_take(b, h->is_second ? h->has_order ? 2 : 0 : 3);
    return true;
}

/* Version 2 has a signature before and a checksum behind, which is not compared: what is wrong shows itself. */
static int read_block(struct header *h, struct block block, bool is_first, struct error *err)
{
    struct bytes b = hdf5_at(h->f, block.address, block.size);
    unsigned type, flags;
    size_t size;
    bool fine = !b.bad && bytes_left(&b) == block.size;
    if (fine && h->is_second && !is_first)
        fine = block.size >= 8 && hdf5_signed(&b, "OCHK");
    if (fine && h->is_second && !is_first)
        b.left -= 4;
    while (fine && (h->is_second || h->messages) && next_message(h, &b, &type, &size, &flags)) {
        const uint8_t *body = bytes_take(&b, size);
        fine = body != NULL;
        h->messages -= !h->is_second;
        if (fine && read_message(h, type, flags, bytes_of(body, size), err) != 0)
            return -1;
    }
    return fine ? 0 : hdf5_damaged(err, "a header");
}

/* Where the first messages are. */
static int read_first(struct header *h, uint64_t address, struct error *err)
{
    struct bytes b = hdf5_at(h->f, address, UINT64_MAX), start = b;
    uint64_t size;
    h->is_second = hdf5_signed(&b, "OHDR");
    if (h->is_second) {
        unsigned version = bytes_u8(&b), flags = bytes_u8(&b);
        bytes_take(&b, (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0));
        size = hdf5_number(&b, 1u << (flags & 3));
        h->has_order = flags & 4;
        b.bad = b.bad || version != 2;
    } else {
        b = start;
        unsigned version = bytes_u8(&b);
        bytes_take(&b, 1);
        h->messages = bytes_u16(&b);
        bytes_take(&b, 4);
        size = bytes_u32(&b);
        bytes_take(&b, 4);
        b.bad = b.bad || version != 1;
    }
    if (b.bad)
        return hdf5_damaged(err, "a header");
    return add_block(h, address + (uint64_t)(b.at - start.at), size, err);
}

/* What is not wholly a dataset is none. */
static void settle(struct hdf5_object *o)
{
    struct hdf5_storage *s = o->storage;
    if (s && !(s->has_layout && s->has_space && s->has_type))
        o->storage = NULL;
}

static struct hdf5_object *read_object(struct hdf5 *f, uint64_t address, struct error *err)
{
    struct header *h = mem_calloc(1, sizeof(*h), err);
    struct hdf5_object *o = h ? arena_alloc(&f->arena, sizeof(*o), err) : NULL;
    int result = o ? hdf5_step(f, err) : -1;
    if (result == 0) {
        h->f = f;
        h->object = o;
        result = read_first(h, address, err);
    }
    for (int i = 0; result == 0 && i < h->block_count; i++)
        result = read_block(h, h->blocks[i], i == 0, err);
    free(h);
    if (result != 0)
        return NULL;
    settle(o);
    return o;
}

/* ---- finding ---- */

int hdf5_find(struct hdf5 *f, const struct hdf5_object *from, const char *path, const struct hdf5_object **object,
              struct error *err)
{
    while (from && *path) {
        size_t n = strcspn(path, "/");
        struct hdf5_link *link = from->links;
        for (; link && f->looks && (strncmp(link->name, path, n) != 0 || link->name[n]); f->looks--)
            link = link->next;
        if (!f->looks)
            return error_set(err, "HDF5: more than %d looks at links", HDF5_LOOKS);
        if (n && link && !link->object && !(link->object = read_object(f, link->address, err)))
            return error_prefix(err, "%.200s", link->name);
        if (n)
            from = link ? link->object : NULL;
        path += n + (path[n] == '/');
    }
    *object = from;
    return 0;
}

const struct hdf5_attr *hdf5_attr(const struct hdf5_object *o, const char *name)
{
    const struct hdf5_attr *a = o->attrs;
    while (a && strcmp(a->name, name) != 0)
        a = a->next;
    return a;
}

/* ---- the whole ---- */

/* At the beginning, or behind other bytes: at 512, 1024, 2048, … */
static bool find_signature(const struct blob *blob, size_t *at)
{
    for (*at = 0; *at < blob->size && blob->size - *at >= SIGNATURE_SIZE; *at = *at ? 2 * *at : 512)
        if (memcmp((const char *)blob->data + *at, SIGNATURE, SIGNATURE_SIZE) == 0)
            return true;
    return false;
}

bool hdf5_is(const struct blob *blob)
{
    size_t at;
    return find_signature(blob, &at);
}

static int read_superblock(struct hdf5 *f, uint64_t *root, struct error *err)
{
    size_t at;
    if (!find_signature(f->blob, &at))
        return error_set(err, "not an HDF5 file");
    struct bytes b = hdf5_at(f, at + SIGNATURE_SIZE, UINT64_MAX);
    unsigned version = bytes_u8(&b);
    if (version > 3)
        return error_set(err, "HDF5: superblock version %u is not read, want 0 to 3", version);
    bytes_take(&b, version < 2 ? 4 : 0);
    f->offset_size = bytes_u8(&b);
    f->length_size = bytes_u8(&b);
    if (f->offset_size < 2 || f->offset_size > 8 || f->length_size < 2 || f->length_size > 8)
        return hdf5_damaged(err, "the superblock");
    static const unsigned behind[] = {9, 13, 1, 1};
    bytes_take(&b, behind[version]);
    uint64_t base = hdf5_address(f, &b);
    for (int i = 0; i < (version < 2 ? 4 : 2); i++) /* free space, or an extension; the end; a driver; a name */
        hdf5_address(f, &b);
    *root = hdf5_address(f, &b);
    if (b.bad || base > f->blob->size)
        return hdf5_damaged(err, "the superblock");
    f->base = (size_t)base;
    return 0;
}

struct hdf5 *hdf5_open(struct blob *blob, struct error *err)
{
    struct hdf5 *f = mem_calloc(1, sizeof(*f), err);
    uint64_t root = 0;
    if (!f)
        return NULL;
    f->blob = blob_ref(blob);
    f->steps = HDF5_STEPS;
    f->looks = HDF5_LOOKS;
    f->names = HDF5_NAMES;
    f->unpacked = blob->size > UINT64_MAX / RATIO ? UINT64_MAX : blob->size * RATIO;
    if (read_superblock(f, &root, err) == 0 && (f->root = read_object(f, root, err)))
        return f;
    hdf5_close(f);
    return NULL;
}

void hdf5_close(struct hdf5 *f)
{
    if (!f)
        return;
    blob_unref(f->blob);
    arena_release(&f->arena);
    free(f);
}

const struct hdf5_object *hdf5_root(const struct hdf5 *f)
{
    return f->root;
}
