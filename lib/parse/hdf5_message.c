/* Messages of headers: what an array is, where its elements are, attributes. */
#include <string.h>

#include "parse/hdf5_private.h"

/* ---- arrays ---- */

/* Only the float formats of IEEE 754 are numbers to us. */
static bool is_ieee(struct bytes *b, unsigned size)
{
    static const struct {
        unsigned size, exponent, mantissa;
    } known[] = {{2, 5, 10}, {4, 8, 23}, {8, 11, 52}};
    bytes_take(b, 5); /* the first bit, how many, where the exponent is */
    unsigned exponent = bytes_u8(b);
    bytes_take(b, 1);
    unsigned mantissa = bytes_u8(b);
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (known[i].size == size && known[i].exponent == exponent && known[i].mantissa == mantissa)
            return true;
    return false;
}

static void read_type(struct bytes b, struct hdf5_type *t)
{
    unsigned class = bytes_u8(&b) & 15, bits = bytes_u8(&b);
    bytes_take(&b, 2);
    *t = (struct hdf5_type){.size = bytes_u32(&b), .big_endian = bits & 1};
    if (b.bad)
        return;
    if (class == 0 && (t->size == 1 || t->size == 2 || t->size == 4 || t->size == 8))
        t->class = bits & 8 ? HDF5_INT : HDF5_UINT;
    else if (class == 1 && is_ieee(&b, t->size))
        t->class = HDF5_FLOAT;
    else if (class == 3)
        t->class = HDF5_TEXT;
    else if (class == 5)
        *t = (struct hdf5_type){.class = HDF5_OPAQUE, .size = t->size};
    else if (class == 9 && (bits & 15) == 1)
        t->class = HDF5_LONG_TEXT;
}

static int read_space(const struct hdf5 *f, struct bytes b, struct hdf5_array *a, struct error *err)
{
    unsigned version = bytes_u8(&b), rank = bytes_u8(&b), kind;
    bytes_take(&b, 1); /* flags */
    kind = bytes_u8(&b);
    bytes_take(&b, version == 1 ? 4 : 0);
    if (b.bad || version < 1 || version > 2)
        return hdf5_damaged(err, "a dataspace");
    if (rank > HDF5_MAX_RANK)
        return error_set(err, "HDF5: an array of %u axes, want at most %d", rank, HDF5_MAX_RANK);
    a->rank = (int)rank;
    a->count = version == 2 && kind == 2 ? 0 : 1; /* 2: of no elements */
    for (unsigned i = 0; i < rank; i++) {
        a->dims[i] = hdf5_length(f, &b);
        if (b.bad || __builtin_mul_overflow(a->count, a->dims[i], &a->count))
            return hdf5_damaged(err, "a dataspace");
    }
    return 0;
}

/* ---- attributes ---- */

/* Parts of version 1 are padded to eight bytes. */
static struct bytes take_part(struct bytes *b, size_t size, unsigned version)
{
    const uint8_t *at = bytes_take(b, version == 1 ? (size + 7) & ~(size_t)7 : size);
    return at ? bytes_of(at, size) : (struct bytes){.bad = true};
}

static int read_attr(struct hdf5 *f, struct hdf5_object *o, struct bytes b, struct error *err)
{
    unsigned version = bytes_u8(&b), flags = bytes_u8(&b);
    size_t name_size = bytes_u16(&b), type_size = bytes_u16(&b), space_size = bytes_u16(&b), size;
    bytes_take(&b, version == 3 ? 1 : 0);
    struct bytes name = take_part(&b, name_size, version), type = take_part(&b, type_size, version),
                 space = take_part(&b, space_size, version);
    if (b.bad || version < 1 || version > 3)
        return hdf5_damaged(err, "an attribute");
    struct hdf5_attr *a = arena_alloc(&f->arena, sizeof(*a), err);
    if (!a || !(a->name = hdf5_name(f, (const char *)name.at, name_size, err)))
        return -1;
    read_type(type, &a->array.type);
    if (version > 1 && flags) /* its type or space stands elsewhere */
        return 0;
    if (read_space(f, space, &a->array, err) != 0)
        return error_prefix(err, "%.100s", a->name);
    if (!mem_mul(a->array.count, a->array.type.size, &size) || !(a->data = bytes_take(&b, size)))
        return hdf5_damaged(err, "an attribute");
    a->next = o->attrs;
    o->attrs = a;
    return 0;
}

/* Text of any length lies in a heap: its length, the heap's address, its number there. */
static const char *long_text(struct hdf5 *f, const uint8_t *at, unsigned width, size_t *size, struct error *err)
{
    struct bytes b = bytes_of(at, width);
    uint64_t length = bytes_u32(&b), address = hdf5_address(f, &b), number = bytes_u32(&b), heap_size;
    if (length == 0) {
        *size = 0;
        return "";
    }
    struct bytes heap = hdf5_at(f, address, UINT64_MAX);
    bool fine = !b.bad && hdf5_signed(&heap, "GCOL");
    bytes_take(&heap, 4);
    heap_size = hdf5_length(f, &heap);
    struct bytes whole = hdf5_at(f, address, heap_size);
    fine = fine && !heap.bad && !whole.bad && bytes_take(&whole, (size_t)(heap.at - whole.at));
    for (heap = whole; fine && bytes_left(&heap) >= 16;) {
        unsigned index = bytes_u16(&heap);
        bytes_take(&heap, 6);
        uint64_t n = hdf5_length(f, &heap);
        if (hdf5_step(f, err) != 0)
            return NULL;
        if (index == 0)
            break;
        const uint8_t *data = n <= bytes_left(&heap) ? bytes_take(&heap, n) : NULL;
        if (data && index == number && length <= n) {
            *size = length;
            return (const char *)data;
        }
        fine = data && bytes_take(&heap, -n & 7);
    }
    hdf5_damaged(err, "a text");
    return NULL;
}

const char *hdf5_text(struct hdf5 *f, const struct hdf5_attr *a, uint64_t i, size_t *size, struct error *err)
{
    const struct hdf5_type *t = &a->array.type;
    if (i >= a->array.count || (t->class != HDF5_TEXT && t->class != HDF5_LONG_TEXT)) {
        error_set(err, "HDF5: attribute '%.100s' is no text", a->name);
        return NULL;
    }
    const uint8_t *at = a->data + i * t->size;
    if (t->class == HDF5_LONG_TEXT)
        return long_text(f, at, t->size, size, err);
    *size = strnlen((const char *)at, t->size);
    return (const char *)at;
}

/* ---- where elements are ---- */

static bool read_chunk_index(const struct hdf5 *f, struct hdf5_storage *s, struct bytes *b, unsigned flags)
{
    unsigned kind = bytes_u8(b);
    if (kind < 1 || kind > 5)
        return false;
    s->index = (enum hdf5_index)kind;
    if (s->index == HDF5_SINGLE && flags & 2) {
        s->single_size = hdf5_length(f, b);
        s->single_mask = bytes_u32(b);
    }
    static const unsigned parameters[] = {[HDF5_FIXED] = 1, [HDF5_EXTENSIBLE] = 5, [HDF5_BTREE2] = 6};
    bytes_take(b, parameters[kind]);
    return true;
}

/* The element's bytes count as one more axis. */
static bool read_chunked(const struct hdf5 *f, struct hdf5_storage *s, struct bytes *b, unsigned version)
{
    unsigned flags = version == 4 ? bytes_u8(b) : 0, count = bytes_u8(b), width = version == 4 ? bytes_u8(b) : 4;
    s->chunk_rank = (int)count - 1;
    if (count < 2 || count > HDF5_MAX_RANK + 1 || width < 1 || width > 8)
        return false;
    s->address = version == 4 ? 0 : hdf5_address(f, b);
    for (unsigned i = 0; i < count; i++) {
        s->chunk[i] = hdf5_number(b, width);
        if (s->chunk[i] == 0)
            return false;
    }
    if (version == 4 && !read_chunk_index(f, s, b, flags))
        return false;
    if (version == 4)
        s->address = hdf5_address(f, b);
    return true;
}

/* Versions 1 and 2: dims of four bytes for all classes. */
static bool read_old_layout(const struct hdf5 *f, struct hdf5_storage *s, struct bytes *b)
{
    unsigned count = bytes_u8(b), class = bytes_u8(b);
    bytes_take(b, 5);
    s->layout = (enum hdf5_layout) class;
    s->address = class == HDF5_COMPACT ? 0 : hdf5_address(f, b);
    s->size = UINT64_MAX; /* not said: what its shape needs */
    s->chunk_rank = (int)count - 1;
    if ((class == HDF5_CHUNKED && count < 2) || count > HDF5_MAX_RANK + 1 || class > HDF5_CHUNKED)
        return false;
    for (unsigned i = 0; i < count; i++) {
        s->chunk[i] = bytes_u32(b);
        if (s->chunk[i] == 0 && class == HDF5_CHUNKED)
            return false;
    }
    if (class == HDF5_COMPACT)
        s->compact = bytes_take(b, s->size = bytes_u32(b));
    return true;
}

static bool read_layout(const struct hdf5 *f, struct hdf5_storage *s, struct bytes *b)
{
    unsigned version = bytes_u8(b);
    if (version == 1 || version == 2)
        return read_old_layout(f, s, b);
    unsigned class = bytes_u8(b);
    if (version < 3 || version > 4 || class > HDF5_CHUNKED)
        return false;
    s->layout = (enum hdf5_layout) class;
    if (s->layout == HDF5_CHUNKED)
        return read_chunked(f, s, b, version);
    if (s->layout == HDF5_COMPACT) {
        s->compact = bytes_take(b, s->size = bytes_u16(b));
        return true;
    }
    s->address = hdf5_address(f, b);
    s->size = hdf5_length(f, b);
    return true;
}

static bool read_filters(struct hdf5_storage *s, struct bytes *b)
{
    unsigned version = bytes_u8(b), count = bytes_u8(b);
    bytes_take(b, version == 1 ? 6 : 0);
    if (version < 1 || version > 2 || count > HDF5_FILTERS)
        return false;
    for (unsigned i = 0; i < count; i++) {
        struct hdf5_filter *p = &s->filters[i];
        p->id = bytes_u16(b);
        unsigned name = version == 1 || p->id >= 256 ? bytes_u16(b) : 0;
        bytes_take(b, 2);
        p->count = bytes_u16(b);
        bytes_take(b, version == 1 ? (name + 7u) & ~7u : name);
        p->value = p->count ? bytes_u32(b) : 0;
        bytes_take(b, p->count ? 4 * (p->count - 1) : 0);
        bytes_take(b, version == 1 && p->count % 2 ? 4 : 0);
    }
    s->filter_count = (int)count;
    return true;
}

/* ---- one message ---- */

enum { SPACE = 1, LINK_INFO = 2, TYPE = 3, LINK = 6, LAYOUT = 8, FILTERS = 11, ATTRIBUTE = 12, SYMBOLS = 17 };

static int read_storage(struct hdf5 *f, struct hdf5_object *o, unsigned type, struct bytes b, struct error *err)
{
    struct hdf5_storage *s = o->storage;
    if (!s && !(s = o->storage = arena_alloc(&f->arena, sizeof(*s), err)))
        return -1;
    if (type == SPACE) {
        s->has_space = true;
        return read_space(f, b, &o->array, err);
    }
    if (type == TYPE) {
        s->has_type = true;
        read_type(b, &o->array.type);
        return 0;
    }
    s->has_layout = s->has_layout || type == LAYOUT;
    bool fine = type == LAYOUT ? read_layout(f, s, &b) : read_filters(s, &b);
    return fine && !b.bad ? 0 : hdf5_damaged(err, type == LAYOUT ? "a layout" : "a list of filters");
}

int hdf5_read_message(struct hdf5 *f, struct hdf5_object *o, unsigned type, struct bytes body, struct error *err)
{
    switch (type) {
    case SPACE:
    case TYPE:
    case LAYOUT:
    case FILTERS:
        return read_storage(f, o, type, body, err);
    case ATTRIBUTE:
        return read_attr(f, o, body, err);
    case LINK:
        return hdf5_read_link(f, o, body, err);
    case LINK_INFO:
        return hdf5_read_link_info(f, o, body, err);
    case SYMBOLS:
        return hdf5_read_symbols(f, o, body, err);
    default:
        return 0;
    }
}
