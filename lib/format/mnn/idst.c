#include "format/mnn/idst.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"

#define BOOK_MAX 256

/* ---- bits ---- */

/* Number i of numbers of `bits` bits. */
static unsigned unpack(const uint8_t *data, int64_t i, int bits)
{
    int64_t first = i * bits;
    unsigned shift = (unsigned)(first & 7), two = (unsigned)data[first >> 3] << 8;
    if (shift + (unsigned)bits > 8)
        two |= data[(first >> 3) + 1];
    return two >> (16 - shift - (unsigned)bits) & ((1u << bits) - 1);
}

/* `count` numbers of `bits` bits, 1 to 8, or NULL. */
static const uint8_t *take_bits(struct bytes *b, uint64_t count, unsigned bits)
{
    if (bits < 1 || bits > 8 || count > bytes_left(b) * 8)
        b->bad = true;
    return b->bad ? NULL : bytes_take(b, (size_t)((count * bits + 7) / 8));
}

/* ---- the parts of a coding ---- */

static bool take_dims(struct bytes *b, bool wide, int64_t count)
{
    uint64_t product = 1;
    unsigned rank = bytes_u8(b);
    if (rank < 1 || rank > 4)
        return false;
    for (unsigned i = 0; i < rank; i++)
        if (__builtin_mul_overflow(product, wide ? (uint64_t)bytes_u32(b) : bytes_u16(b), &product))
            return false;
    return !b->bad && product == (uint64_t)count;
}

static int compare(const void *a, const void *b)
{
    return *(const int8_t *)a - *(const int8_t *)b;
}

/* The book of values, in rising order; returns their number, 0 when malformed. */
static unsigned take_book(struct bytes *b, int8_t *book)
{
    unsigned count = bytes_u8(b);
    count = count ? count : BOOK_MAX;
    const uint8_t *values = bytes_take(b, count);
    if (!values)
        return 0;
    memcpy(book, values, count);
    qsort(book, count, 1, compare);
    return count;
}

static unsigned bits_for(unsigned count)
{
    unsigned bits = 1;
    while (1u << bits < count)
        bits++;
    return bits;
}

/* ---- codings ---- */

/* Numbers of `width` bits become codes of the book; false when one is not in it. A full book is what nearly all files
 * have. */
static bool look_up(const uint8_t *packed, int64_t count, unsigned width, const int8_t *book, unsigned n, int8_t *codes)
{
    uint32_t bits = 0;
    unsigned have = 0, largest = 0, mask = (1u << width) - 1;
    if (n == BOOK_MAX) {
        for (int64_t i = 0; i < count; i++)
            codes[i] = book[packed[i]];
        return true;
    }
    for (int64_t i = 0; i < count; i++) {
        if (have < width) {
            bits = bits << 8 | *packed++;
            have += 8;
        }
        unsigned index = bits >> (have - width) & mask;
        have -= width;
        largest = index > largest ? index : largest;
        codes[i] = book[index];
    }
    return largest < n;
}

static bool read_dense(struct bytes *b, int8_t *codes, int64_t count, int *bits)
{
    int8_t book[BOOK_MAX] = {0};
    unsigned n = take_book(b, book), width = bits_for(n);
    const uint8_t *packed = n ? take_bits(b, (uint64_t)count, width) : NULL;
    if (!packed)
        return false;
    *bits = n == 1u << width ? (int)width : 8;
    return look_up(packed, count, width, book, n, codes);
}

/* A code of 0, or the one that gives 0 by row. */
static void fill_rest(int8_t *codes, int64_t count, const struct idst_rest *rest, unsigned width)
{
    int64_t area = rest->rows > 0 ? count / rest->rows : count;
    int low = -(1 << (width - 1));
    memset(codes, 0, (size_t)count);
    for (int64_t r = 0; rest->pairs && r < rest->rows; r++) {
        float smallest = rest->pairs[2 * r], step = rest->pairs[2 * r + 1];
        float zero = step > 1e-6f ? roundf(-smallest / step) + (float)low : (float)low;
        memset(codes + r * area, zero >= -128 && zero <= 127 ? (int)zero : 0, (size_t)area);
    }
}

static bool read_sparse(struct bytes *b, int8_t *codes, int64_t count, const struct idst_rest *rest)
{
    int8_t book[BOOK_MAX];
    uint64_t set = bytes_u32(b);
    unsigned step_bits = bytes_u8(b);
    const uint8_t *steps = take_bits(b, set, step_bits);
    unsigned listed = steps ? take_book(b, book) : 0, n = 0, width = bits_for(listed);
    const uint8_t *packed = listed ? take_bits(b, set, width) : NULL;
    if (!packed)
        return false;
    for (unsigned i = 0; i < listed; i++)
        if (n == 0 || book[n - 1] != book[i])
            book[n++] = book[i];
    fill_rest(codes, count, rest, width);
    int64_t at = 0;
    for (int64_t i = 0; i < (int64_t)set; i++) {
        unsigned index = unpack(packed, i, (int)width);
        at += unpack(steps, i, (int)step_bits);
        if (at >= count || index >= n)
            return false;
        codes[at] = book[index];
    }
    return true;
}

/* No more than the bytes can mean: 8 codes a byte when dense, else as many as steps of 8 bits reach. */
static bool is_plausible(enum idst_coding coding, size_t size, int64_t count)
{
    return count >= 0 && (uint64_t)count / (coding == IDST_SPARSE ? 256 : 8) <= size;
}

static bool read_any(enum idst_coding coding, struct bytes *b, bool wide, int8_t *codes, int64_t count,
                     const struct idst_rest *rest, int *bits)
{
    *bits = 8;
    if (coding == IDST_BYTES) {
        const uint8_t *values = bytes_take(b, (size_t)count);
        if (values)
            memcpy(codes, values, (size_t)count);
        return values != NULL;
    }
    if (!take_dims(b, wide, count))
        return false;
    return coding == IDST_SPARSE ? read_sparse(b, codes, count, rest) : read_dense(b, codes, count, bits);
}

struct blob *idst_read(enum idst_coding coding, const void *data, size_t size, bool wide, int64_t count,
                       const struct idst_rest *rest, int *bits, struct error *err)
{
    struct bytes b = bytes_of(data, size);
    struct blob *codes = is_plausible(coding, size, count) ? blob_new((size_t)count, err) : NULL;
    if (codes && read_any(coding, &b, wide, codes->data, count, rest, bits))
        return codes;
    blob_unref(codes);
    error_set(err, "its quantised weights, %zu bytes in coding %d, are malformed or not %lld", size, (int)coding,
              (long long)count);
    return NULL;
}

/* ---- writing ---- */

static size_t write_dims(uint8_t *at, int64_t rows, int64_t area, bool wide)
{
    const uint32_t dims[2] = {(uint32_t)rows, (uint32_t)area};
    size_t size = 1, width = wide ? 4 : 2;
    at[0] = 2;
    for (int i = 0; i < 2; i++, size += width)
        for (size_t j = 0; j < width; j++)
            at[size + j] = (uint8_t)(dims[i] >> 8 * j);
    return size;
}

static void pack(uint8_t *at, const int8_t *codes, int64_t count, int bits)
{
    int low = -(1 << (bits - 1));
    for (int64_t i = 0; i < count; i++) {
        unsigned index = (unsigned)(codes[i] - low);
        at[i * bits >> 3] |= (uint8_t)(bits == 8 ? index : i & 1 ? index : index << 4);
    }
}

void *idst_write(const int8_t *codes, int64_t rows, int64_t count, int bits, size_t *size, bool *wide,
                 struct error *err)
{
    int64_t area = rows > 0 ? count / rows : 0;
    int book = 1 << bits;
    *wide = rows > UINT16_MAX || area > UINT16_MAX;
    size_t packed = (size_t)((count * bits + 7) / 8), head = (*wide ? 9u : 5u) + 1 + (size_t)book;
    uint8_t *data = mem_calloc(head + packed, 1, err);
    if (!data)
        return NULL;
    size_t at = write_dims(data, rows, area, *wide);
    data[at++] = (uint8_t)book;
    for (int i = 0; i < book; i++)
        data[at++] = (uint8_t)(i - book / 2);
    pack(data + at, codes, count, bits);
    *size = head + packed;
    return data;
}
