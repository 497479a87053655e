#include "parse/pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define NAME_MOST 1024 /* bytes of a module's name, and of one in it */

struct machine {
    struct bytes in;
    const uint8_t *start;
    struct arena *arena;
    struct error *err;
    struct pickle **stack, **memo;
    size_t depth, stack_cap, memo_count, memo_cap;
    size_t *marks;
    size_t mark_count, mark_cap;
    bool failed, done;
};

static void fail(struct machine *m, const char *what)
{
    if (!m->failed)
        error_set(m->err, "pickle: byte %td: %s", m->in.at - m->start, what);
    m->failed = true;
}

/* ---- nodes ---- */

static struct pickle *new_node(struct machine *m, enum pickle_kind kind)
{
    struct pickle *p = m->failed ? NULL : arena_alloc(m->arena, sizeof(*p), m->err);
    if (p)
        p->kind = kind;
    m->failed = !p;
    return p;
}

/* Lists double in the arena: what they leave behind is less than they are. */
static void append(struct machine *m, struct pickle *to, struct pickle *item)
{
    if (m->failed || !to)
        return;
    if (to->size == to->cap) {
        size_t cap = to->cap ? 2 * to->cap : 4;
        struct pickle **items = arena_alloc(m->arena, cap * sizeof(struct pickle *), m->err);
        m->failed = !items;
        if (!items)
            return;
        if (to->size)
            memcpy(items, to->items, to->size * sizeof(struct pickle *));
        to->items = items;
        to->cap = cap;
    }
    to->items[to->size++] = item;
}

static void push(struct machine *m, struct pickle *p)
{
    if (!p || m->failed || mem_grow(&m->stack, &m->stack_cap, m->depth + 1, sizeof(struct pickle *), m->err) != 0)
        m->failed = true;
    else
        m->stack[m->depth++] = p;
}

/* Not below the last mark. */
static struct pickle *pop(struct machine *m)
{
    size_t floor = m->mark_count ? m->marks[m->mark_count - 1] : 0;
    if (m->failed || m->depth <= floor) {
        fail(m, "the stack is empty");
        return NULL;
    }
    return m->stack[--m->depth];
}

static struct pickle *top(struct machine *m)
{
    struct pickle *p = pop(m);
    m->depth += p != NULL;
    return p;
}

static void push_int(struct machine *m, enum pickle_kind kind, int64_t i)
{
    struct pickle *p = new_node(m, kind);
    if (p)
        p->i = i;
    push(m, p);
}

static void push_text(struct machine *m, enum pickle_kind kind, size_t size)
{
    const uint8_t *at = bytes_take(&m->in, size);
    struct pickle *p = at ? new_node(m, kind) : NULL;
    if (!at)
        fail(m, "the end stands within a string");
    if (p) {
        p->text = arena_strndup(m->arena, (const char *)at, size, m->err);
        p->size = size;
    }
    push(m, p && p->text ? p : NULL);
}

/* Little-endian, in two's complement. */
static void push_long(struct machine *m, size_t size)
{
    const uint8_t *at = bytes_take(&m->in, size);
    uint64_t value = at && size && at[size - 1] & 0x80 ? UINT64_MAX : 0;
    if (!at || size > 10) /* the magic number of an old file has ten bytes: its first eight tell it */
        fail(m, "an integer of more than 64 bits");
    for (size_t i = size < 8 ? size : 8; at && i-- > 0;)
        value = value << 8 | at[i];
    push_int(m, PICKLE_INT, (int64_t)value);
}

/* ---- opcodes ---- */

/* All above the last mark, which goes: their number; they stay behind the top of the stack. (Of an empty stack there is
 * no memory.) */
static size_t since_mark(struct machine *m)
{
    if (m->failed || m->mark_count == 0) {
        fail(m, "there is no mark");
        return 0;
    }
    size_t from = m->marks[--m->mark_count], count = m->depth - from;
    m->depth = from;
    return count;
}

static void push_items(struct machine *m, enum pickle_kind kind, size_t count)
{
    struct pickle *p = new_node(m, kind);
    if (kind == PICKLE_DICT && count % 2)
        fail(m, "a key has no value");
    for (size_t i = 0; i < count; i++)
        append(m, p, m->stack[m->depth + i]);
    push(m, p);
}

static void push_tuple(struct machine *m, size_t count)
{
    size_t floor = m->mark_count ? m->marks[m->mark_count - 1] : 0;
    if (m->depth - floor < count) {
        fail(m, "the stack is empty");
        return;
    }
    m->depth -= count;
    push_items(m, PICKLE_TUPLE, count);
}

static void add_items(struct machine *m, enum pickle_kind kind, size_t count)
{
    struct pickle *to = top(m);
    if (to && to->kind == PICKLE_CALL && kind == PICKLE_DICT) { /* an OrderedDict, made by a call */
        to->kind = PICKLE_DICT;
        to->size = 0;
    }
    if (to && (to->kind != kind || (kind == PICKLE_DICT && count % 2)))
        fail(m, "items for what is no list or dict");
    for (size_t i = 0; i < count && !m->failed; i++)
        append(m, to, m->stack[m->depth + i]);
}

static void push_pair(struct machine *m, enum pickle_kind kind)
{
    struct pickle *second = pop(m), *first = pop(m), *p = new_node(m, kind);
    append(m, p, first);
    append(m, p, second);
    push(m, p);
}

static void push_outside(struct machine *m)
{
    struct pickle *key = pop(m), *p = new_node(m, PICKLE_OUTSIDE);
    append(m, p, key);
    push(m, p);
}

static void build(struct machine *m)
{
    struct pickle *state = pop(m), *object = top(m);
    if (object && object->kind != PICKLE_OBJECT && object->kind != PICKLE_CALL && object->kind != PICKLE_DICT)
        fail(m, "a state for what is no object");
    if (object && object->kind != PICKLE_DICT) /* what an OrderedDict has besides is of no use */
        append(m, object, state);
}

static void push_global(struct machine *m, const char *module, size_t n, const char *name, size_t size)
{
    char text[2 * NAME_MOST + 2];
    if (n > NAME_MOST || size > NAME_MOST) {
        fail(m, "a name that is too long");
        return;
    }
    snprintf(text, sizeof(text), "%.*s %.*s", (int)n, module, (int)size, name);
    struct pickle *p = new_node(m, PICKLE_GLOBAL);
    if (p)
        p->text = arena_strdup(m->arena, text, m->err);
    push(m, p && p->text ? p : NULL);
}

/* Two lines of text. */
static void read_global(struct machine *m)
{
    const char *line[2] = {NULL, NULL};
    size_t size[2] = {0, 0};
    for (int i = 0; i < 2 && !m->failed; i++) {
        size_t left = bytes_left(&m->in);
        const char *at = (const char *)m->in.at, *end = left ? memchr(at, '\n', left) : NULL;
        if (!end) {
            fail(m, "the end stands within a name");
            return;
        }
        line[i] = at;
        size[i] = (size_t)(end - at);
        bytes_take(&m->in, size[i] + 1);
    }
    push_global(m, line[0], size[0], line[1], size[1]);
}

static void stack_global(struct machine *m)
{
    struct pickle *name = pop(m), *module = pop(m);
    if (name && module && name->kind == PICKLE_STRING && module->kind == PICKLE_STRING)
        push_global(m, module->text, strlen(module->text), name->text, strlen(name->text));
    else
        fail(m, "a name that is no string");
}

static void put_memo(struct machine *m, size_t index)
{
    struct pickle *p = top(m);
    if (!p || index > PICKLE_MAX_BYTES || index > m->memo_count + 65536) {
        fail(m, "a memo far beyond the others");
        return;
    }
    size_t old = m->memo_count;
    if (index >= old) {
        if (mem_grow(&m->memo, &m->memo_cap, index + 1, sizeof(struct pickle *), m->err) != 0) {
            m->failed = true;
            return;
        }
        memset(m->memo + old, 0, (index + 1 - old) * sizeof(struct pickle *));
        m->memo_count = index + 1;
    }
    m->memo[index] = p;
}

static void get_memo(struct machine *m, size_t index)
{
    if (index >= m->memo_count || !m->memo[index])
        fail(m, "a memo that was not made");
    else
        push(m, m->memo[index]);
}

static void push_mark(struct machine *m)
{
    if (mem_grow(&m->marks, &m->mark_cap, m->mark_count + 1, sizeof(*m->marks), m->err) != 0)
        m->failed = true;
    else
        m->marks[m->mark_count++] = m->depth;
}

/* ---- the table ---- */

/* Each takes what its row says, and the number that stands behind the opcode. */
typedef void run_fn(struct machine *m, int extra, uint64_t n);

static void run_number(struct machine *m, int kind, uint64_t n)
{
    push_int(m, (enum pickle_kind)kind, (int64_t)n);
}

static void run_bool(struct machine *m, int value, uint64_t n)
{
    (void)n;
    push_int(m, PICKLE_BOOL, value);
}

static void run_float(struct machine *m, int extra, uint64_t n)
{
    struct pickle *p = new_node(m, PICKLE_FLOAT);
    uint64_t bits = __builtin_bswap64(n); /* the one number that is big-endian */
    (void)extra;
    if (p)
        memcpy(&p->f, &bits, sizeof(p->f));
    push(m, p);
}

static void run_long(struct machine *m, int extra, uint64_t n)
{
    (void)extra;
    push_long(m, (size_t)n);
}

static void run_text(struct machine *m, int kind, uint64_t n)
{
    push_text(m, (enum pickle_kind)kind, n);
}

static void run_global(struct machine *m, int extra, uint64_t n)
{
    (void)extra, (void)n;
    read_global(m);
}

static void run_stack_global(struct machine *m, int extra, uint64_t n)
{
    (void)extra, (void)n;
    stack_global(m);
}

static void run_empty(struct machine *m, int kind, uint64_t n)
{
    (void)n;
    push_items(m, (enum pickle_kind)kind, 0);
}

static void run_marked(struct machine *m, int kind, uint64_t n)
{
    (void)n;
    push_items(m, (enum pickle_kind)kind, since_mark(m));
}

static void run_tuple(struct machine *m, int count, uint64_t n)
{
    (void)n;
    push_tuple(m, (size_t)count);
}

static void run_add(struct machine *m, int kind, uint64_t n)
{
    (void)n;
    size_t count = since_mark(m);
    add_items(m, (enum pickle_kind)kind, m->failed ? 0 : count);
}

/* One item of a list, or a key and its value. */
static void run_add_one(struct machine *m, int kind, uint64_t n)
{
    size_t count = kind == PICKLE_DICT ? 2 : 1;
    (void)n;
    for (size_t i = 0; i < count; i++)
        pop(m);
    add_items(m, (enum pickle_kind)kind, m->failed ? 0 : count);
}

static void run_pair(struct machine *m, int kind, uint64_t n)
{
    (void)n;
    push_pair(m, (enum pickle_kind)kind);
}

static void run_build(struct machine *m, int extra, uint64_t n)
{
    (void)extra, (void)n;
    build(m);
}

static void run_outside(struct machine *m, int extra, uint64_t n)
{
    (void)extra, (void)n;
    push_outside(m);
}

static void run_put(struct machine *m, int next, uint64_t n)
{
    put_memo(m, next ? m->memo_count : (size_t)n);
}

static void run_get(struct machine *m, int extra, uint64_t n)
{
    (void)extra;
    get_memo(m, (size_t)n);
}

static void run_mark(struct machine *m, int extra, uint64_t n)
{
    (void)extra, (void)n;
    push_mark(m);
}

static void run_pop(struct machine *m, int marked, uint64_t n)
{
    (void)n;
    if (marked)
        since_mark(m);
    else
        pop(m);
}

/* A value twice on the stack is shared. */
static void run_duplicate(struct machine *m, int extra, uint64_t n)
{
    (void)extra, (void)n;
    push(m, top(m));
}

static void run_stop(struct machine *m, int extra, uint64_t n)
{
    (void)extra, (void)n;
    m->done = true;
}

/* The protocol's number and lengths of frames say nothing that is needed. */
static void run_nothing(struct machine *m, int extra, uint64_t n)
{
    (void)m, (void)extra, (void)n;
}

static const struct opcode {
    uint8_t code;
    int8_t bytes; /* of the number behind it; negative: it is signed */
    int extra;
    run_fn *run;
} opcodes[] = {
    {0x80, 1, 0, run_nothing},
    {0x95, 8, 0, run_nothing},
    {'.', 0, 0, run_stop},
    {'N', 0, PICKLE_NONE, run_number},
    {0x88, 0, 1, run_bool},
    {0x89, 0, 0, run_bool},
    {'K', 1, PICKLE_INT, run_number},
    {'M', 2, PICKLE_INT, run_number},
    {'J', -4, PICKLE_INT, run_number},
    {0x8a, 1, 0, run_long},
    {'G', 8, 0, run_float},
    {'X', 4, PICKLE_STRING, run_text},
    {'T', 4, PICKLE_STRING, run_text},
    {'B', 4, PICKLE_STRING, run_text},
    {0x8c, 1, PICKLE_STRING, run_text},
    {'U', 1, PICKLE_STRING, run_text},
    {'C', 1, PICKLE_STRING, run_text},
    {0x8d, 8, PICKLE_STRING, run_text},
    {0x8e, 8, PICKLE_STRING, run_text},
    {'c', 0, 0, run_global},
    {0x93, 0, 0, run_stack_global},
    {')', 0, PICKLE_TUPLE, run_empty},
    {']', 0, PICKLE_LIST, run_empty},
    {'}', 0, PICKLE_DICT, run_empty},
    {'t', 0, PICKLE_TUPLE, run_marked},
    {'l', 0, PICKLE_LIST, run_marked},
    {'d', 0, PICKLE_DICT, run_marked},
    {0x85, 0, 1, run_tuple},
    {0x86, 0, 2, run_tuple},
    {0x87, 0, 3, run_tuple},
    {'a', 0, PICKLE_LIST, run_add_one},
    {'s', 0, PICKLE_DICT, run_add_one},
    {'e', 0, PICKLE_LIST, run_add},
    {'u', 0, PICKLE_DICT, run_add},
    {0x81, 0, PICKLE_OBJECT, run_pair},
    {'R', 0, PICKLE_CALL, run_pair},
    {'b', 0, 0, run_build},
    {'Q', 0, 0, run_outside},
    {'q', 1, 0, run_put},
    {'r', 4, 0, run_put},
    {0x94, 0, 1, run_put},
    {'h', 1, 0, run_get},
    {'j', 4, 0, run_get},
    {'(', 0, 0, run_mark},
    {'0', 0, 0, run_pop},
    {'1', 0, 1, run_pop},
    {'2', 0, 0, run_duplicate},
};

static uint64_t number_behind(struct machine *m, int bytes)
{
    switch (bytes) {
    case 1:
        return bytes_u8(&m->in);
    case 2:
        return bytes_u16(&m->in);
    case 4:
        return bytes_u32(&m->in);
    case -4:
        return (uint64_t)(int32_t)bytes_u32(&m->in);
    case 8:
        return bytes_u64(&m->in);
    default:
        return 0;
    }
}

static void step(struct machine *m)
{
    uint8_t code = bytes_u8(&m->in);
    for (size_t i = 0; i < sizeof(opcodes) / sizeof(*opcodes) && !m->in.bad; i++)
        if (opcodes[i].code == code) {
            uint64_t n = number_behind(m, opcodes[i].bytes);
            if (!m->in.bad)
                opcodes[i].run(m, opcodes[i].extra, n);
            return;
        }
    if (!m->in.bad)
        fail(m, "an opcode that is not read");
}

struct pickle *pickle_read(const void *data, size_t size, size_t *used, struct arena *arena, struct error *err)
{
    struct machine m = {.in = bytes_of(data, size), .start = data, .arena = arena, .err = err};
    struct pickle *result = NULL;
    while (!m.failed && !m.done && !m.in.bad) {
        step(&m);
        if (m.in.at - m.start > PICKLE_MAX_BYTES)
            fail(&m, "more than 8 MiB");
    }
    if (!m.failed && !m.in.bad)
        result = pop(&m);
    else if (!m.failed)
        fail(&m, "the end stands within a value");
    if (used)
        *used = (size_t)(m.in.at - m.start);
    free(m.stack);
    free(m.memo);
    free(m.marks);
    return result;
}

/* ---- looking ---- */

const struct pickle *pickle_member(const struct pickle *p, const char *key)
{
    for (size_t i = 0; p && p->kind == PICKLE_DICT && i + 1 < p->size; i += 2)
        if (p->items[i]->kind == PICKLE_STRING && strcmp(p->items[i]->text, key) == 0)
            return p->items[i + 1];
    return NULL;
}

bool pickle_is_global(const struct pickle *p, const char *name)
{
    return p && p->kind == PICKLE_GLOBAL && strcmp(p->text, name) == 0;
}
