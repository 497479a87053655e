#include "parse/flatbuf_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Offsets are signed 32-bit numbers in part. */
#define SIZE_MOST ((size_t)INT32_MAX)
/* What the end of the buffer is aligned to: alignment counts from there while the front is not known. */
#define ALIGN_MOST 64

void flatbuf_out_init(struct flatbuf_out *o, struct error *err)
{
    *o = (struct flatbuf_out){.err = err};
}

void flatbuf_out_release(struct flatbuf_out *o)
{
    free(o->data);
    free(o->vtables);
    *o = (struct flatbuf_out){.failed = true};
}

/* Doubles the room; what is written moves to its end. */
static bool grow(struct flatbuf_out *o, size_t want)
{
    size_t cap = o->cap ? o->cap : 4096;
    while (cap < want)
        cap *= 2;
    uint8_t *data = mem_calloc(cap, 1, o->err);
    if (!data)
        return false;
    if (o->size)
        memcpy(data + cap - o->size, o->data + o->cap - o->size, o->size);
    free(o->data);
    o->data = data;
    o->cap = cap;
    return true;
}

/* n more zero bytes before what is there, and where they begin; NULL after a failure. */
static uint8_t *push(struct flatbuf_out *o, size_t n)
{
    if (!o->failed && n > SIZE_MOST - o->size) {
        error_set(o->err, "more than 2 GiB, which is all that a FlatBuffer may be");
        o->failed = true;
    }
    if (!o->failed && (o->size + n > o->cap || !o->data))
        o->failed = !grow(o, o->size + n);
    if (o->failed)
        return NULL;
    o->size += n;
    return o->data + o->cap - o->size;
}

/* Zeros so that `n` bytes pushed next begin on a multiple of align, counted from the end. */
static void align_for(struct flatbuf_out *o, size_t n, size_t align)
{
    push(o, -(o->size + n) & (align - 1));
}

static void put(uint8_t *at, uint64_t value, int width)
{
    for (int i = 0; i < width; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void push_int(struct flatbuf_out *o, uint64_t value, int width)
{
    uint8_t *at = push(o, (size_t)width);
    if (at)
        put(at, value, width);
}

/* An offset to what `ref` stands for, counted from where the offset stands. */
static void push_ref(struct flatbuf_out *o, uint32_t ref)
{
    push_int(o, o->size + 4 - ref, 4);
}

static uint32_t here(const struct flatbuf_out *o)
{
    return o->failed ? 0 : (uint32_t)o->size;
}

uint32_t flatbuf_put_vector(struct flatbuf_out *o, const void *data, size_t count, size_t width, size_t align)
{
    size_t size;
    if (!mem_mul(count, width, &size))
        size = SIZE_MAX;
    align_for(o, size, align > 4 ? align : 4);
    uint8_t *at = push(o, size);
    if (at && size)
        memcpy(at, data, size);
    push_int(o, count, 4);
    return here(o);
}

uint32_t flatbuf_put_i32s(struct flatbuf_out *o, const int32_t *values, size_t count)
{
    return flatbuf_put_vector(o, values, count, 4, 4);
}

uint32_t flatbuf_put_string(struct flatbuf_out *o, const char *text)
{
    size_t n = strlen(text);
    align_for(o, n + 1, 4);
    uint8_t *at = push(o, n + 1);
    if (at)
        memcpy(at, text, n);
    push_int(o, n, 4);
    return here(o);
}

uint32_t flatbuf_put_refs(struct flatbuf_out *o, const uint32_t *refs, size_t count)
{
    for (size_t i = count; i-- > 0;) {
        align_for(o, 4, 4);
        push_ref(o, refs[i]);
    }
    align_for(o, 4, 4);
    push_int(o, count, 4);
    return here(o);
}

/* Tables end on a multiple of 8, so that equal ones have equal gaps and share a vtable. */
void flatbuf_begin(struct flatbuf_out *o)
{
    align_for(o, 0, 8);
    o->table = o->size;
    memset(o->slots, 0, sizeof o->slots);
    o->slot_count = 0;
}

static void note_slot(struct flatbuf_out *o, int slot)
{
    o->slots[slot] = here(o);
    if (slot >= o->slot_count)
        o->slot_count = slot + 1;
}

static void add_bits(struct flatbuf_out *o, int slot, int width, uint64_t bits)
{
    align_for(o, (size_t)width, (size_t)width);
    push_int(o, bits, width);
    note_slot(o, slot);
}

void flatbuf_add_int(struct flatbuf_out *o, int slot, int width, int64_t value, int64_t otherwise)
{
    if (value != otherwise)
        add_bits(o, slot, width, (uint64_t)value);
}

void flatbuf_add_float(struct flatbuf_out *o, int slot, float value, float otherwise)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (value != otherwise)
        add_bits(o, slot, 4, bits);
}

void flatbuf_add_ref(struct flatbuf_out *o, int slot, uint32_t ref)
{
    if (!ref)
        return;
    align_for(o, 4, 4);
    push_ref(o, ref);
    note_slot(o, slot);
}

/* An equal vtable already written, or 0. */
static uint32_t find_vtable(const struct flatbuf_out *o, const uint8_t *vtable, size_t size)
{
    for (size_t i = 0; i < o->vtable_count; i++) {
        uint32_t ref = o->vtables[i];
        if (ref >= size && memcmp(o->data + o->cap - ref, vtable, size) == 0)
            return ref;
    }
    return 0;
}

static uint32_t put_vtable(struct flatbuf_out *o, const uint8_t *vtable, size_t size)
{
    uint32_t ref = find_vtable(o, vtable, size);
    if (ref)
        return ref;
    uint8_t *at = push(o, size);
    if (!at || mem_grow(&o->vtables, &o->vtable_cap, o->vtable_count + 1, sizeof *o->vtables, o->err) < 0) {
        o->failed = true;
        return 0;
    }
    memcpy(at, vtable, size);
    return o->vtables[o->vtable_count++] = here(o);
}

uint32_t flatbuf_end(struct flatbuf_out *o)
{
    uint8_t vtable[4 + 2 * FLATBUF_SLOTS];
    size_t size = 4 + 2 * (size_t)o->slot_count;
    align_for(o, 4, 4);
    push_int(o, 0, 4);
    uint32_t table = here(o);
    put(vtable, size, 2);
    put(vtable + 2, o->size - o->table, 2);
    for (int i = 0; i < o->slot_count; i++)
        put(vtable + 4 + 2 * i, o->slots[i] ? table - o->slots[i] : 0, 2);
    uint32_t ref = o->failed ? 0 : put_vtable(o, vtable, size);
    if (o->failed)
        return 0;
    put(o->data + o->cap - table, (uint64_t)ref - table, 4);
    return table;
}

const uint8_t *flatbuf_finish(struct flatbuf_out *o, uint32_t root, const char *identifier, size_t *size)
{
    size_t head = identifier ? 8 : 4;
    align_for(o, head, ALIGN_MOST);
    uint8_t *at = push(o, head);
    if (!at)
        return NULL;
    put(at, o->size - root, 4);
    if (identifier)
        memcpy(at + 4, identifier, 4);
    *size = o->size;
    return at;
}
