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

static uint64_t load(const uint8_t *data, unsigned width)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < width; i++)
        value |= (uint64_t)data[i] << 8 * i;
    return value;
}

/* Little-endian bytes [at, at + width); 0 with a fault when they are not in the file. */
static uint64_t load_at(struct flatbuf *f, size_t at, int width)
{
    if (at <= f->size && f->size - at >= (size_t)width)
        return load(f->data + at, (unsigned)width);
    flatbuf_fail(f, at, "the file ends here");
    return 0;
}

static int64_t extend(uint64_t value, int width)
{
    int unused = 64 - 8 * width;
    return (int64_t)(value << unused) >> unused;
}

/* Where the offset at `at`, which counts from itself, leads. */
static size_t follow(struct flatbuf *f, size_t at)
{
    uint64_t offset = load_at(f, at, 4);
    if (!f->fault && (offset == 0 || offset > f->size - at))
        flatbuf_fail(f, at, "an offset that leads out of the file");
    return f->fault ? 0 : at + (size_t)offset;
}

/* The table at `at`, whose first field is the distance back to its vtable: u16 size of the vtable, u16 size of the
 * table, u16 for each slot. */
static struct flatbuf_table table_at(struct flatbuf *f, size_t at)
{
    struct flatbuf_table absent = {0};
    if (!f->fault && f->tables == 0)
        flatbuf_fail(f, at, "too many tables, or a circle of them");
    if (f->fault)
        return absent;
    f->tables--;
    int64_t vtable = (int64_t)at - extend(load_at(f, at, 4), 4);
    if (vtable < 0 || vtable > (int64_t)f->size)
        flatbuf_fail(f, at, "a vtable that is out of the file");
    if (at > UINT32_MAX || vtable > UINT32_MAX)
        flatbuf_fail(f, at, "a table beyond 4 GiB");
    size_t vtable_size = (size_t)load_at(f, (size_t)vtable, 2), size = (size_t)load_at(f, (size_t)vtable + 2, 2);
    if (!f->fault && (vtable_size < 4 || vtable_size > f->size - (size_t)vtable || size < 4 || size > f->size - at))
        flatbuf_fail(f, (size_t)vtable, "a vtable whose sizes are wrong");
    return f->fault ? absent : (struct flatbuf_table){f, (uint32_t)at, (uint32_t)vtable};
}

struct flatbuf_table flatbuf_root(struct flatbuf *f)
{
    return table_at(f, follow(f, 0));
}

/* Where a slot's `width` bytes stand, or 0. */
static size_t slot_at(struct flatbuf_table t, int slot, size_t width)
{
    size_t entry = 4 + 2 * (size_t)slot;
    if (!t.file || t.file->fault || entry + 2 > load_at(t.file, t.vtable, 2))
        return 0;
    size_t offset = (size_t)load_at(t.file, t.vtable + entry, 2);
    if (offset != 0 && (offset < 4 || offset + width > load_at(t.file, t.vtable + 2, 2))) {
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
    return at ? load_at(t.file, at, width) : otherwise;
}

int64_t flatbuf_int(struct flatbuf_table t, int slot, int width, int64_t otherwise)
{
    size_t at = slot_at(t, slot, (size_t)width);
    return at ? extend(load_at(t.file, at, width), width) : otherwise;
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
    return at ? as_float(load_at(t.file, at, 4)) : otherwise;
}

struct flatbuf_table flatbuf_table(struct flatbuf_table t, int slot)
{
    size_t at = slot_at(t, slot, 4);
    return at ? table_at(t.file, follow(t.file, at)) : (struct flatbuf_table){0};
}

/* The vector to which the offset at `at` leads: u32 count, then the elements. */
static struct flatbuf_vector vector_at(struct flatbuf *f, size_t at, uint32_t width)
{
    size_t begin = follow(f, at);
    uint64_t count = load_at(f, begin, 4);
    if (!f->fault && count > (f->size - begin - 4) / width)
        flatbuf_fail(f, begin, "a vector that is longer than the file");
    if (f->fault)
        return (struct flatbuf_vector){.width = width};
    return (struct flatbuf_vector){.data = f->data + begin + 4, .count = (uint32_t)count, .width = width};
}

struct flatbuf_vector flatbuf_vector(struct flatbuf_table t, int slot, size_t width)
{
    size_t at = slot_at(t, slot, 4);
    return at ? vector_at(t.file, at, (uint32_t)width) : (struct flatbuf_vector){.width = (uint32_t)width};
}

struct flatbuf_vector flatbuf_string(struct flatbuf_table t, int slot)
{
    return flatbuf_vector(t, slot, 1);
}

int64_t flatbuf_vector_int(struct flatbuf_vector v, size_t i)
{
    return i < v.count ? extend(load(v.data + i * v.width, v.width), (int)v.width) : 0;
}

float flatbuf_vector_float(struct flatbuf_vector v, size_t i)
{
    return i < v.count ? as_float(load(v.data + i * v.width, 4)) : 0;
}

struct flatbuf_table flatbuf_vector_table(struct flatbuf *f, struct flatbuf_vector v, size_t i)
{
    return i < v.count ? table_at(f, follow(f, (size_t)(v.data - f->data) + i * 4)) : (struct flatbuf_table){0};
}

struct flatbuf_vector flatbuf_vector_string(struct flatbuf *f, struct flatbuf_vector v, size_t i)
{
    return i < v.count ? vector_at(f, (size_t)(v.data - f->data) + i * 4, 1) : (struct flatbuf_vector){.width = 1};
}
