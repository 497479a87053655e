#include "parse/flexbuf.h"

#include <string.h>

/* Types, which stand above two bits for the width of what they are of. Offsets lead backwards. */
enum flex_type { FLEX_INT = 1, FLEX_UINT = 2, FLEX_FLOAT = 3, FLEX_INDIRECT = 5, FLEX_MAP = 9, FLEX_BOOL = 26 };

static bool load(const struct flexbuf *f, size_t at, int width, uint64_t *value)
{
    *value = 0;
    if (at > f->size || f->size - at < (size_t)width)
        return false;
    for (int i = 0; i < width; i++)
        *value |= (uint64_t)f->data[at + (size_t)i] << 8 * i;
    return true;
}

static bool follow(const struct flexbuf *f, size_t at, int width, size_t *to)
{
    uint64_t offset;
    if (!load(f, at, width, &offset) || offset > at)
        return false;
    *to = at - (size_t)offset;
    return true;
}

/* A map is the offset and width of its keys, a count, values, and a byte of type for each value. */
static bool open_map(struct flexbuf *f, size_t map, int width)
{
    uint64_t key_width, count;
    size_t w = (size_t)width;
    if (map < 3 * w || !follow(f, map - 3 * w, width, &f->keys) || !load(f, map - 2 * w, width, &key_width) ||
        !load(f, map - w, width, &count))
        return false;
    if (key_width != 1 && key_width != 2 && key_width != 4 && key_width != 8)
        return false;
    if (map > f->size || count > (f->size - map) / (w + 1) || f->keys > f->size ||
        count > (f->size - f->keys) / (size_t)key_width)
        return false;
    f->values = map;
    f->width = width;
    f->key_width = (int)key_width;
    f->count = (size_t)count;
    return true;
}

void flexbuf_init(struct flexbuf *f, const void *data, size_t size)
{
    *f = (struct flexbuf){.data = data, .size = size};
    if (size < 3)
        return;
    int root_width = f->data[size - 1], type = f->data[size - 2] >> 2, width = 1 << (f->data[size - 2] & 3);
    size_t map;
    if (type == FLEX_MAP && root_width >= 1 && root_width <= 8 && size >= 2 + (size_t)root_width &&
        follow(f, size - 2 - (size_t)root_width, root_width, &map))
        open_map(f, map, width);
}

const char *flexbuf_key(const struct flexbuf *f, size_t i)
{
    size_t at;
    if (i >= f->count || !follow(f, f->keys + i * (size_t)f->key_width, f->key_width, &at))
        return NULL;
    return memchr(f->data + at, 0, f->size - at) ? (const char *)f->data + at : NULL;
}

static double as_float(uint64_t bits, int width)
{
    double wide;
    float narrow;
    uint32_t low = (uint32_t)bits;
    memcpy(&wide, &bits, sizeof wide);
    memcpy(&narrow, &low, sizeof narrow);
    return width == 8 ? wide : (double)narrow;
}

bool flexbuf_number(const struct flexbuf *f, size_t i, double *value, bool *is_float)
{
    uint64_t bits;
    if (i >= f->count)
        return false;
    size_t at = f->values + i * (size_t)f->width;
    int packed = f->data[f->values + f->count * (size_t)f->width + i], type = packed >> 2, width = f->width;
    if (type > FLEX_INDIRECT && type <= FLEX_INDIRECT + FLEX_FLOAT) {
        if (!follow(f, at, width, &at))
            return false;
        width = 1 << (packed & 3);
        type -= FLEX_INDIRECT;
    }
    if (!load(f, at, width, &bits))
        return false;
    int unused = 64 - 8 * width;
    *is_float = type == FLEX_FLOAT;
    if (type == FLEX_INT)
        *value = (double)((int64_t)(bits << unused) >> unused);
    else if (type == FLEX_FLOAT && width >= 4)
        *value = as_float(bits, width);
    else
        *value = (double)bits;
    return type == FLEX_INT || type == FLEX_UINT || type == FLEX_BOOL || (type == FLEX_FLOAT && width >= 4);
}

double flexbuf_find(const struct flexbuf *f, const char *key, double otherwise)
{
    double value;
    bool is_float;
    for (size_t i = 0; i < f->count; i++) {
        const char *name = flexbuf_key(f, i);
        if (name && strcmp(name, key) == 0 && flexbuf_number(f, i, &value, &is_float))
            return value;
    }
    return otherwise;
}

/* ---- writing ---- */

static void put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static void put_value(uint8_t *to, double number, bool is_float)
{
    float narrow = (float)number;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    put_u32(to, is_float ? bits : (uint32_t)(int32_t)number);
}

/* Keys, the vector of offsets to them, the map's values and their types, the root: an offset of one byte to the map. */
size_t flexbuf_put_map(const struct flexbuf_field *fields, const double *numbers, size_t count, uint8_t *to,
                       size_t size)
{
    size_t text = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        text += strlen(fields[i].key) + 1;
    size_t keys = (text + 3) / 4 * 4 + 4, map = keys + 4 * count + 12, types = map + 4 * count, root = types + count;
    if (root + 3 > size || root - map > 255)
        return 0;
    memset(to, 0, root);
    put_u32(to + keys - 4, (uint32_t)count);
    put_u32(to + map - 12, (uint32_t)(map - 12 - keys));
    put_u32(to + map - 8, 4);
    put_u32(to + map - 4, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(fields[i].key) + 1;
        memcpy(to + at, fields[i].key, length);
        put_u32(to + keys + 4 * i, (uint32_t)(keys + 4 * i - at));
        put_value(to + map + 4 * i, numbers[i], fields[i].is_float);
        to[types + i] = (fields[i].is_float ? FLEX_FLOAT : FLEX_INT) << 2 | 2;
        at += length;
    }
    to[root] = (uint8_t)(root - map);
    to[root + 1] = FLEX_MAP << 2 | 2;
    to[root + 2] = 1;
    return root + 3;
}
