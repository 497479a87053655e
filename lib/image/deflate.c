#include "image/deflate.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define WINDOW      (1u << 15)
#define ROOM        (4 * WINDOW) /* of which the last WINDOW bytes stay when it is full */
#define HASH_BITS   15
#define MATCH_LEAST 4 /* three bytes seldom take less than they do by themselves */
#define MATCH_MOST  258
#define MATCH_GOOD  16 /* is taken without a look at what begins a byte later */
#define TRIES       16 /* places that are compared */
#define MOST_TOKENS (1 << 14)
#define TOKEN_BYTES 6 /* 15 + 5 + 15 + 13 bits at most */

#define END       256
#define LITERALS  286
#define DISTANCES 30
#define RUNS      19 /* codes of the lengths of codes */

struct deflate {
    void (*give)(void *arg, const uint8_t *bytes, size_t n);
    void *arg;
    uint32_t check, base; /* base: the position in all of the data, from WINDOW on, that data[0] has; it may wrap */
    uint32_t at, size;    /* in data */
    uint32_t head[1 << HASH_BITS], before[WINDOW]; /* positions where the same bytes began last */
    uint32_t tokens[MOST_TOKENS];                  /* a byte, or length << 16 | distance */
    size_t count;
    uint32_t literals[LITERALS], distances[DISTANCES]; /* how often each is in tokens */
    uint64_t bits;
    int bit_count;
    size_t packed;
    uint8_t data[ROOM + sizeof(uint64_t)], out[TOKEN_BYTES * MOST_TOKENS + 1024];
};

/* ---- prefix codes ---- */

struct code {
    uint8_t length;
    uint16_t bits; /* the first one lowest */
};

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Depths of the `n` leaves, whose weights rise, in Huffman's tree. Inner nodes are made with rising weights, so that
 * the least two are at the heads of two queues. */
static void depths_of(uint32_t *weight, int n, uint8_t *depth)
{
    uint16_t parent[2 * LITERALS];
    int leaf = 0, inner = n;
    for (int next = n; next < 2 * n - 1; next++) {
        weight[next] = 0;
        for (int i = 0; i < 2; i++) {
            int least = leaf < n && (inner == next || weight[leaf] <= weight[inner]) ? leaf++ : inner++;
            weight[next] += weight[least];
            parent[least] = (uint16_t)next;
        }
    }
    depth[2 * n - 2] = 0;
    for (int i = 2 * n - 3; i >= 0; i--)
        depth[i] = (uint8_t)(depth[parent[i]] + 1);
}

/* Canonical codes of those of n symbols that occur, and of as many others as make two, of at most `limit` bits: weights
 * are made more alike until that holds. */
static void make_codes(uint32_t *often, int n, int limit, struct code *codes)
{
    uint64_t sorted[LITERALS];
    uint32_t weight[2 * LITERALS];
    uint8_t depth[2 * LITERALS];
    int used = 0;
    for (int i = 0; i < n; i++)
        used += often[i] > 0;
    for (int i = 0; used < 2; i++)
        if (often[i] == 0)
            used += often[i] = 1;
    used = 0;
    for (int i = 0; i < n; i++)
        if (often[i])
            sorted[used++] = (uint64_t)often[i] << 16 | (unsigned)i;
    qsort(sorted, (size_t)used, sizeof *sorted, by_number);
    for (int flat = 0; flat == 0 || depth[0] > limit; flat++) {
        for (int i = 0; i < used; i++)
            weight[i] = (uint32_t)(sorted[i] >> 16) >> flat | 1;
        depths_of(weight, used, depth);
    }
    memset(codes, 0, (size_t)n * sizeof *codes);
    for (int i = 0; i < used; i++)
        codes[sorted[i] & 0xffff].length = depth[i];
    for (int length = 1, next = 0; length <= limit; length++, next <<= 1)
        for (int i = 0; i < n; i++)
            if (codes[i].length == length) {
                for (int b = 0; b < length; b++)
                    codes[i].bits |= (uint16_t)((next >> b & 1) << (length - 1 - b));
                next++;
            }
}

/* ---- blocks ---- */

static inline void put(struct deflate *d, unsigned value, int count)
{
    d->bits |= (uint64_t)value << d->bit_count;
    for (d->bit_count += count; d->bit_count >= 8; d->bit_count -= 8, d->bits >>= 8)
        d->out[d->packed++] = (uint8_t)d->bits;
}

static inline void put_code(struct deflate *d, struct code code)
{
    put(d, code.bits, code.length);
}

/* A number as a symbol and bits behind it, as lengths (keep 2) and distances (1) are: the symbol has the number's
 * magnitude and its `keep` bits below the highest. */
struct split {
    unsigned symbol, value;
    int bits;
};

static inline struct split split(unsigned v, int keep)
{
    int bits = v < 2u << keep ? 0 : 31 - __builtin_clz(v) - keep;
    return (struct split){((unsigned)bits << keep) + (v >> bits), v & ((1u << bits) - 1), bits};
}

static inline struct split split_length(unsigned length)
{
    struct split s = length == MATCH_MOST ? (struct split){28, 0, 0} : split(length - 3, 2);
    s.symbol += END + 1;
    return s;
}

/* The lengths of all codes, zeros by their number where there are many in a row. */
static void put_lengths(struct deflate *d, const struct code *codes, int n, int literals)
{
    static const uint8_t order[RUNS] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint32_t often[RUNS] = {0};
    uint8_t runs[LITERALS + DISTANCES], zeros[LITERALS + DISTANCES];
    struct code code[RUNS];
    int count = 0;
    for (int i = 0, zero; i < n; i += zero ? zero : 1) {
        for (zero = 0; zero < 138 && i + zero < n && codes[i + zero].length == 0;)
            zero++;
        zero = zero < 3 ? 0 : zero;
        runs[count] = zero > 10 ? 18 : zero ? 17 : codes[i].length;
        zeros[count] = (uint8_t)zero;
        often[runs[count++]]++;
    }
    make_codes(often, RUNS, 7, code);
    put(d, (unsigned)(literals - END - 1), 5);
    put(d, (unsigned)(n - literals - 1), 5);
    put(d, RUNS - 4, 4);
    for (int i = 0; i < RUNS; i++)
        put(d, code[order[i]].length, 3);
    for (int i = 0; i < count; i++) {
        put_code(d, code[runs[i]]);
        if (zeros[i])
            put(d, (unsigned)zeros[i] - (runs[i] == 18 ? 11 : 3), runs[i] == 18 ? 7 : 3);
    }
}

static void put_block(struct deflate *d, bool last)
{
    struct code codes[LITERALS + DISTANCES], *distances = codes + LITERALS;
    d->literals[END]++;
    make_codes(d->literals, LITERALS, 15, codes);
    make_codes(d->distances, DISTANCES, 15, distances);
    put(d, last | 2 << 1, 3);
    put_lengths(d, codes, LITERALS + DISTANCES, LITERALS);
    for (size_t i = 0; i < d->count; i++) {
        unsigned length = d->tokens[i] >> 16;
        struct split s = length ? split_length(length) : (struct split){d->tokens[i], 0, 0};
        put_code(d, codes[s.symbol]);
        if (length) {
            put(d, s.value, s.bits);
            s = split((d->tokens[i] & 0xffff) - 1, 1);
            put_code(d, distances[s.symbol]);
            put(d, s.value, s.bits);
        }
    }
    put_code(d, codes[END]);
    d->count = 0;
    memset(d->literals, 0, sizeof d->literals);
    memset(d->distances, 0, sizeof d->distances);
}

static void give_out(struct deflate *d)
{
    d->give(d->arg, d->out, d->packed);
    d->packed = 0;
}

/* ---- matches ---- */

struct match {
    unsigned length, distance;
};

static inline uint64_t load(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline unsigned equal_bytes(const uint8_t *a, const uint8_t *b, unsigned most)
{
    for (unsigned n = 0; n < most; n += 8) {
        uint64_t differ = load(a + n) ^ load(b + n);
        if (differ) {
            n += (unsigned)__builtin_ctzll(differ) / 8;
            return n < most ? n : most;
        }
    }
    return most;
}

/* Makes the place one of those that find() looks at; where the same bytes began before. */
static inline uint32_t enter(struct deflate *d, uint32_t at)
{
    uint32_t *head = &d->head[(uint32_t)load(d->data + at) * 2654435761u >> (32 - HASH_BITS)], from = *head;
    d->before[(d->base + at) % WINDOW] = from;
    *head = d->base + at;
    return from;
}

/* The longest of the last places whose bytes are those at data[at]. */
static struct match find(struct deflate *d, uint32_t at)
{
    const uint8_t *p = d->data + at;
    struct match best = {MATCH_LEAST - 1, 0};
    unsigned most = d->size - at < MATCH_MOST ? d->size - at : MATCH_MOST;
    uint32_t from = enter(d, at), distance;
    for (int i = 0; i < TRIES && (distance = d->base + at - from) < WINDOW && best.length < most; i++) {
        if (p[best.length] == *(p + best.length - distance)) {
            unsigned length = equal_bytes(p, p - distance, most);
            if (length > best.length)
                best = (struct match){length, distance};
        }
        from = d->before[from % WINDOW];
    }
    return best.distance ? best : (struct match){0, 0};
}

static void add_token(struct deflate *d, struct match m)
{
    if (m.length) {
        d->tokens[d->count++] = m.length << 16 | m.distance;
        d->literals[split_length(m.length).symbol]++;
        d->distances[split(m.distance - 1, 1).symbol]++;
    } else {
        d->tokens[d->count++] = d->data[d->at];
        d->literals[d->data[d->at]]++;
    }
    if (d->count == MOST_TOKENS) {
        put_block(d, false);
        give_out(d);
    }
}

/* Codes data[at] and what follows up to `end`, or a match beyond. */
static void compress_to(struct deflate *d, uint32_t end)
{
    struct match next = {0, 0};
    bool looked = false; /* `next` is what is at data[at] */
    while (d->at < end) {
        struct match m = looked ? next : find(d, d->at);
        uint32_t found = d->at + 1; /* the first place that was not entered */
        looked = false;
        if (m.length && m.length < MATCH_GOOD && found < end) {
            next = find(d, found++);
            looked = next.length > m.length;
        }
        if (looked)
            m.length = 0;
        add_token(d, m);
        d->at += m.length ? m.length : 1;
        for (; found < d->at; found++)
            enter(d, found);
    }
}

/* Makes room at the end of data; matches could be longer with more of it. */
static void slide(struct deflate *d)
{
    compress_to(d, d->size - 2 * MATCH_MOST);
    uint32_t gone = d->at - WINDOW;
    memmove(d->data, d->data + gone, d->size - gone);
    d->base += gone;
    d->at -= gone;
    d->size -= gone;
}

struct deflate *deflate_new(void (*give)(void *arg, const uint8_t *bytes, size_t n), void *arg)
{
    struct deflate *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->give = give;
    d->arg = arg;
    d->check = 1;
    d->base = WINDOW;
    put(d, 0x0178, 16); /* deflate, window of 32 KB, made fast */
    return d;
}

void deflate_add(struct deflate *d, const uint8_t *bytes, size_t n)
{
    while (n > 0) {
        if (d->size == ROOM)
            slide(d);
        size_t part = n < ROOM - d->size ? n : ROOM - d->size;
        memcpy(d->data + d->size, bytes, part);
        d->check = (uint32_t)adler32(d->check, bytes, (unsigned)part);
        d->size += (uint32_t)part;
        bytes += part;
        n -= part;
    }
}

void deflate_end(struct deflate *d)
{
    compress_to(d, d->size);
    put_block(d, true);
    put(d, 0, -d->bit_count & 7);
    for (int i = 24; i >= 0; i -= 8)
        put(d, d->check >> i & 0xff, 8);
    give_out(d);
    free(d);
}
