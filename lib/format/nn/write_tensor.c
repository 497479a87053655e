/* Tensors: in the header when they are small, else length and checksum there and the bytes in the data section. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "format/nn/write.h"

/* ---- in the header ---- */

static bool strings_are_short(const struct tensor *t)
{
    const struct str *s = t->data;
    size_t total = 0;

    for (int64_t i = 0; i < t->count; i++) {
        if (s[i].size > NN_INLINE_BYTES)
            return false;
        total += s[i].size;
    }
    return total <= NN_INLINE_BYTES;
}

static bool bools_are_clean(const struct tensor *t)
{
    for (int64_t i = 0; i < t->count; i++)
        if (((const uint8_t *)t->data)[i] > 1)
            return false;
    return true;
}

static bool is_inline(const struct tensor *t)
{
    if (t->count > NN_INLINE_ELEMENTS || !nn_has_text(t->dtype))
        return false;
    if (t->dtype == DTYPE_STRING)
        return strings_are_short(t);
    return t->dtype != DTYPE_BOOL || bools_are_clean(t);
}

/* The fewest digits that read back to the same 2 bytes. */
static void put_half(struct text *out, enum dtype dtype, double value, uint64_t bits)
{
    size_t start = out->size;
    uint64_t back = ~bits;

    if (isinf(value) || (value == rint(value) && fabs(value) < 1e7)) {
        text_f32(out, (float)value);
        return;
    }
    for (int digits = 1; back != bits && digits <= 9 && !out->failed; digits++) {
        out->size = start;
        text_printf(out, "%.*g", digits, value);
        if (!out->failed && !nn_decimal_bits(out->data + start, out->size - start, dtype, &back))
            back = ~bits;
    }
}

static void put_float_element(struct text *out, const struct tensor *t, int64_t i)
{
    const struct nn_float *f = nn_float_of(t->dtype);
    uint64_t bits = nn_float_bits(f, t->data, i);
    double value = tensor_get_f64(t, i);

    if (nn_is_nan(f, bits) && bits != f->nan)
        text_printf(out, "nan:%0*llx", (int)(2 * f->bytes), (unsigned long long)bits);
    else if (t->dtype == DTYPE_F64)
        text_f64(out, value);
    else if (f->bytes == 2 && bits != f->nan)
        put_half(out, t->dtype, value, bits);
    else
        text_f32(out, (float)value);
}

static void put_element(struct text *out, const struct tensor *t, int64_t i)
{
    if (t->dtype == DTYPE_STRING)
        nn_put_quoted(out, (const struct str *)t->data + i);
    else if (t->dtype == DTYPE_U64)
        text_printf(out, "%llu", (unsigned long long)((const uint64_t *)t->data)[i]);
    else if (nn_float_of(t->dtype))
        put_float_element(out, t, i);
    else
        nn_put_i64(out, tensor_get_i64(t, i));
}

static void put_elements(struct text *out, const struct tensor *t, char separator)
{
    for (int64_t i = 0; i < t->count; i++) {
        if (i)
            text_add(out, &separator, 1);
        put_element(out, t, i);
    }
}

/* ---- in the data section ---- */

/* Each string as a length in eight bytes, little-endian, and its bytes. */
static int pack_strings(const struct tensor *t, struct nn_item *item, struct error *err)
{
    const struct str *s = t->data;
    size_t size = 0;
    char *to;

    for (int64_t i = 0; i < t->count; i++)
        if (!mem_add(size, s[i].size, &size) || !mem_add(size, 8, &size))
            return error_memory(err);
    to = mem_calloc(size, 1, err);
    if (!to)
        return -1;
    *item = (struct nn_item){to, size, to};
    for (int64_t i = 0; i < t->count; i++) {
        memcpy(to, &(uint64_t){s[i].size}, 8);
        if (s[i].size)
            memcpy(to + 8, s[i].data, s[i].size);
        to += 8 + s[i].size;
    }
    return 0;
}

/* The bits of the last byte that belong to no element, as equal tensors give equal bytes only when they are 0. */
static unsigned stray_bits(const struct tensor *t)
{
    unsigned used = (unsigned)(((uint64_t)t->count * dtype_info(t->dtype)->bits) & 7);

    return used ? ((const uint8_t *)t->data)[t->size - 1] & (0xffu << used & 0xff) : 0;
}

static int pack_clean(const struct tensor *t, struct nn_item *item, struct error *err)
{
    unsigned stray = stray_bits(t);
    uint8_t *copy;

    *item = (struct nn_item){t->data, t->size, NULL};
    if (!stray)
        return 0;
    copy = mem_calloc(t->size, 1, err);
    if (!copy)
        return -1;
    memcpy(copy, t->data, t->size);
    copy[t->size - 1] &= (uint8_t)~stray;
    *item = (struct nn_item){copy, t->size, copy};
    return 0;
}

/* Notes the tensor's bytes as next of the data; *item is valid until the next one. */
static const struct nn_item *add_item(struct nn_writer *w, const struct tensor *t, struct error *err)
{
    struct nn_item item;
    size_t end;

    if ((t->dtype == DTYPE_STRING ? pack_strings : pack_clean)(t, &item, err) != 0)
        return NULL;
    if (!mem_add(w->data, NN_ALIGN + item.size, &end) ||
        mem_grow(&w->items, &w->cap, w->count + 1, sizeof *w->items, err) != 0) {
        free(item.owned);
        error_memory(err);
        return NULL;
    }
    if (item.size)
        w->data = nn_aligned(w->data) + item.size;
    w->items[w->count] = item;
    return &w->items[w->count++];
}

static int put_data(struct nn_writer *w, const struct tensor *t, const char *before, const char *between,
                    struct error *err)
{
    const struct nn_item *item = add_item(w, t, err);

    if (!item)
        return -1;
    text_printf(w->out, "%sbytes=%zu%scrc=%08x", before, item->size, between,
                (unsigned)hash_crc32(item->bytes, item->size));
    return 0;
}

int nn_put_constant(struct nn_writer *w, const struct graph *g, const struct tensor *t, struct error *err)
{
    text_add(w->out, " ", 1);
    text_puts(w->out, dtype_info(t->dtype)->name);
    text_add(w->out, " ", 1);
    nn_put_shape(w->out, g, t->rank, t->dims);
    if (!is_inline(t))
        return put_data(w, t, " ", " ", err);
    text_puts(w->out, t->count ? " = " : " =");
    put_elements(w->out, t, ' ');
    return 0;
}

int nn_put_literal(struct nn_writer *w, const struct graph *g, const struct tensor *t, struct error *err)
{
    text_puts(w->out, dtype_info(t->dtype)->name);
    text_add(w->out, ":", 1);
    nn_put_shape(w->out, g, t->rank, t->dims);
    text_add(w->out, "[", 1);
    if (is_inline(t))
        put_elements(w->out, t, ',');
    else if (put_data(w, t, "", ",", err) != 0)
        return -1;
    text_add(w->out, "]", 1);
    return 0;
}
