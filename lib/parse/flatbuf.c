#include "parse/flatbuf.h"

#include <string.h>

void flatbuf_init(struct flatbuf *f, const void *data, size_t size, size_t tables)
{
    *f = (struct flatbuf){.data = data, .size = size, .tables = tables};
}

int flatbuf_check(const struct flatbuf *f, struct error *err)
{
    return f->fault ? error_set(err, "malformed FlatBuffer: byte %zu: %s", f->where, f->fault) : 0;
}

void flatbuf_fail(struct flatbuf *f, size_t where, const char *fault)
{
    if (!f->fault) {
        f->fault = fault;
        f->where = where;
    }
}

/* Little-endian bytes [at, at + width); 0 with a fault when they are not in the file. */
static uint64_t load(struct flatbuf *f, size_t at, int width)
{
    uint64_t value = 0;
    if (at > f->size || f->size - at < (size_t)width) {
        flatbuf_fail(f, at, "the file ends here");
        return 0;
    }
    for (int i = 0; i < width; i++)
        value |= (uint64_t)f->data[at + i] << 8 * i;
    return value;
}

static int64_t extend(uint64_t value, int width)
{
    int unused = 64 - 8 * width;
    return (int64_t)(value << unused) >> unused;
}

/* Where the offset at `at`, which counts from itself, leads. */
static size_t follow(struct flatbuf *f, size_t at)
{
    uint64_t offset = load(f, at, 4);
    if (!f->fault && (offset == 0 || offset > f->size - at))
        flatbuf_fail(f, at, "an offset that leads out of the file");
    return f->fault ? 0 : at + (size_t)offset;
}

/* The table at `at`, whose first field is the distance back to its vtable: u16 size of the vtable, u16 size of the
 * table, u16 for each slot. */
static struct flatbuf_table table_at(struct flatbuf *f, size_t at)
{
    struct flatbuf_table absent = {0}, t = {.file = f, .at = at};
    if (!f->fault && f->tables == 0)
        flatbuf_fail(f, at, "too many tables, or a circle of them");
    if (f->fault)
        return absent;
    f->tables--;
    int64_t vtable = (int64_t)at - extend(load(f, at, 4), 4);
    if (vtable < 0 || vtable > (int64_t)f->size)
        flatbuf_fail(f, at, "a vtable that is out of the file");
    t.vtable = (size_t)vtable;
    t.vtable_size = (uint16_t)load(f, t.vtable, 2);
    t.size = (uint16_t)load(f, t.vtable + 2, 2);
    if (!f->fault && (t.vtable_size < 4 || t.vtable_size > f->size - t.vtable || t.size < 4 || t.size > f->size - at))
        flatbuf_fail(f, t.vtable, "a vtable whose sizes are wrong");
    return f->fault ? absent : t;
}

struct flatbuf_table flatbuf_root(struct flatbuf *f)
{
    return table_at(f, follow(f, 0));
}

/* Where a slot's `width` bytes stand, or 0. */
static size_t slot_at(struct flatbuf_table t, int slot, size_t width)
{
    size_t entry = 4 + 2 * (size_t)slot;
    if (!t.file || t.file->fault || entry + 2 > t.vtable_size)
        return 0;
    size_t offset = (size_t)load(t.file, t.vtable + entry, 2);
    if (offset != 0 && (offset < 4 || offset + width > t.size)) {
        flatbuf_fail(t.file, t.vtable + entry, "a field that is not inside its table");
        return 0;
    }
    return offset ? t.at + offset : 0;
}

bool flatbuf_has(struct flatbuf_table t, int slot)
{
    return slot_at(t, slot, 1) != 0;
}

uint64_t flatbuf_uint(struct flatbuf_table t, int slot, int width, uint64_t otherwise)
{
    size_t at = slot_at(t, slot, (size_t)width);
    return at ? load(t.file, at, width) : otherwise;
}

int64_t flatbuf_int(struct flatbuf_table t, int slot, int width, int64_t otherwise)
{
    size_t at = slot_at(t, slot, (size_t)width);
    return at ? extend(load(t.file, at, width), width) : otherwise;
}

static float as_float(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

float flatbuf_float(struct flatbuf_table t, int slot, float otherwise)
{
    size_t at = slot_at(t, slot, 4);
    return at ? as_float(load(t.file, at, 4)) : otherwise;
}

struct flatbuf_table flatbuf_table(struct flatbuf_table t, int slot)
{
    size_t at = slot_at(t, slot, 4);
    return at ? table_at(t.file, follow(t.file, at)) : (struct flatbuf_table){0};
}

/* The vector to which the offset at `at` leads: u32 count, then the elements. */
static struct flatbuf_vector vector_at(struct flatbuf *f, size_t at, size_t width)
{
    size_t begin = follow(f, at);
    uint64_t count = load(f, begin, 4);
    if (!f->fault && count > (f->size - begin - 4) / width)
        flatbuf_fail(f, begin, "a vector that is longer than the file");
    if (f->fault)
        return (struct flatbuf_vector){.width = width};
    return (struct flatbuf_vector){.file = f, .data = f->data + begin + 4, .count = (size_t)count, .width = width};
}

struct flatbuf_vector flatbuf_vector(struct flatbuf_table t, int slot, size_t width)
{
    size_t at = slot_at(t, slot, 4);
    return at ? vector_at(t.file, at, width) : (struct flatbuf_vector){.width = width};
}

struct flatbuf_vector flatbuf_string(struct flatbuf_table t, int slot)
{
    return flatbuf_vector(t, slot, 1);
}

/* Where element i stands; 0 when there is none. */
static size_t element_at(struct flatbuf_vector v, size_t i)
{
    return i < v.count ? (size_t)(v.data - v.file->data) + i * v.width : 0;
}

int64_t flatbuf_vector_int(struct flatbuf_vector v, size_t i)
{
    size_t at = element_at(v, i);
    return at ? extend(load(v.file, at, (int)v.width), (int)v.width) : 0;
}

float flatbuf_vector_float(struct flatbuf_vector v, size_t i)
{
    size_t at = element_at(v, i);
    return at ? as_float(load(v.file, at, 4)) : 0;
}

struct flatbuf_table flatbuf_vector_table(struct flatbuf_vector v, size_t i)
{
    size_t at = element_at(v, i);
    return at ? table_at(v.file, follow(v.file, at)) : (struct flatbuf_table){0};
}

struct flatbuf_vector flatbuf_vector_string(struct flatbuf_vector v, size_t i)
{
    size_t at = element_at(v, i);
    return at ? vector_at(v.file, at, 1) : (struct flatbuf_vector){.width = 1};
}
