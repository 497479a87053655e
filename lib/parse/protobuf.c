/* The wire form. */
#include "parse/protobuf.h"

#include <string.h>

bool protobuf_take(struct bytes *b, struct protobuf_field *f)
{
    uint64_t tag = bytes_varint(b), size;
    f->number = tag >> 3;
    f->wire = (enum protobuf_wire)(tag & 7);
    f->data = b->at;
    switch (f->wire) {
    case PROTOBUF_WIRE_VARINT:
        bytes_varint(b);
        break;
    case PROTOBUF_WIRE_FIXED64:
        bytes_take(b, 8);
        break;
    case PROTOBUF_WIRE_BYTES:
        size = bytes_varint(b);
        f->data = b->at;
        if (b->bad || size > bytes_left(b))
            return false;
        bytes_take(b, (size_t)size);
        break;
    case PROTOBUF_WIRE_FIXED32:
        bytes_take(b, 4);
        break;
    default:
        return false;
    }
    f->size = (size_t)(b->at - f->data);
    return !b->bad && f->number > 0 && f->number < 1u << 29;
}

/* ---- the tree ---- */

struct scan {
    const uint8_t *base;
    struct arena *arena;
    size_t fields, nodes;
    struct error *err;
};

/* How each kind stands on the wire; those with a width may be packed. */
static const struct kind {
    enum protobuf_wire wire;
    unsigned width;
    bool number;
} kinds[] = {
    [PROTOBUF_INT] = {PROTOBUF_WIRE_VARINT, 0, true},      [PROTOBUF_FLOAT] = {PROTOBUF_WIRE_FIXED32, 4, true},
    [PROTOBUF_DOUBLE] = {PROTOBUF_WIRE_FIXED64, 8, true},  [PROTOBUF_STRING] = {PROTOBUF_WIRE_BYTES, 0, false},
    [PROTOBUF_MESSAGE] = {PROTOBUF_WIRE_BYTES, 0, false},  [PROTOBUF_SPAN8] = {PROTOBUF_WIRE_BYTES, 1, false},
    [PROTOBUF_SPAN32] = {PROTOBUF_WIRE_FIXED32, 4, false}, [PROTOBUF_SPAN64] = {PROTOBUF_WIRE_FIXED64, 8, false},
};

static struct protobuf *add(struct scan *s, struct protobuf *to, const struct protobuf_row *row)
{
    return protobuf_add(to, row->name, row->kind, s->arena, &s->nodes, s->err);
}

static double float_of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static double double_of_bits(uint64_t bits)
{
    double f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static int read_number(struct scan *s, struct protobuf *to, const struct protobuf_row *row, struct bytes *b)
{
    struct protobuf *p = add(s, to, row);
    if (!p)
        return -1;
    if (row->kind == PROTOBUF_INT)
        p->i = (int64_t)bytes_varint(b);
    else if (row->kind == PROTOBUF_FLOAT)
        p->f = float_of_bits(bytes_u32(b));
    else
        p->f = double_of_bits(bytes_u64(b));
    if (row->kind == PROTOBUF_DOUBLE)
        p->kind = PROTOBUF_FLOAT;
    return b->bad ? error_set(s->err, "the field %s is damaged", row->name) : 0;
}

static int read_numbers(struct scan *s, struct protobuf *to, const struct protobuf_row *row,
                        const struct protobuf_field *f)
{
    struct bytes b = bytes_of(f->data, f->size);
    while (bytes_left(&b) > 0)
        if (read_number(s, to, row, &b) != 0)
            return -1;
    return 0;
}

static int read_string(struct scan *s, struct protobuf *to, const struct protobuf_row *row,
                       const struct protobuf_field *f)
{
    struct protobuf *p = add(s, to, row);
    if (!p)
        return -1;
    if (f->size && memchr(f->data, 0, f->size))
        return error_set(s->err, "the field %s, a text, has a NUL in it", row->name);
    p->size = f->size;
    p->text = arena_strndup(s->arena, (const char *)f->data, f->size, s->err);
    return p->text ? 0 : -1;
}

/* Elements that stand alone, each with its tag, are still in even steps: takes those that follow in b, in one go, since
 * a matrix has more of them than a file may have fields. */
static void extend_span(struct protobuf_span *span, struct bytes *b, const uint8_t *tag)
{
    size_t head = (size_t)(span->data - tag), step = head + span->width;
    while (bytes_left(b) >= step && memcmp(b->at, tag, head) == 0) {
        bytes_take(b, step);
        span->step = (unsigned)step;
        span->count++;
    }
}

static int read_span(struct scan *s, struct protobuf *to, const struct protobuf_row *row,
                     const struct protobuf_field *f, struct bytes *b, const uint8_t *tag)
{
    unsigned width = kinds[row->kind].width;
    if (f->size % width)
        return error_set(s->err, "the field %s has %zu bytes, want a multiple of %u", row->name, f->size, width);
    struct protobuf *p = add(s, to, row);
    if (!p)
        return -1;
    p->span = (struct protobuf_span){f->data, f->size / width, width, width};
    if (f->wire != PROTOBUF_WIRE_BYTES)
        extend_span(&p->span, b, tag);
    return 0;
}

static int read_message(struct scan *s, struct protobuf *to, const struct protobuf_type *type,
                        const struct protobuf_field *whole, int depth);

/* The field f, whose tag stands at `tag`, and before b. */
static int read_field(struct scan *s, struct protobuf *to, const struct protobuf_row *row,
                      const struct protobuf_field *f, struct bytes *b, const uint8_t *tag, int depth)
{
    const struct kind *kind = &kinds[row->kind];
    /* As every reader of the form does: a field of another type is one that is not known. */
    if (f->wire != kind->wire && !(f->wire == PROTOBUF_WIRE_BYTES && (kind->number || kind->width)))
        return 0;
    if (kind->number)
        return read_numbers(s, to, row, f);
    if (kind->width)
        return read_span(s, to, row, f, b, tag);
    if (row->kind == PROTOBUF_STRING)
        return read_string(s, to, row, f);
    if (!row->type)
        return 0;
    struct protobuf *p = add(s, to, row);
    return p ? read_message(s, p, row->type, f, depth + 1) : -1;
}

static const struct protobuf_row *row_of_number(const struct protobuf_type *type, uint64_t number)
{
    for (size_t i = 0; i < type->count; i++)
        if ((uint64_t)type->rows[i].number == number)
            return &type->rows[i];
    return NULL;
}

static int read_message(struct scan *s, struct protobuf *to, const struct protobuf_type *type,
                        const struct protobuf_field *whole, int depth)
{
    struct bytes b = bytes_of(whole->data, whole->size);
    struct protobuf_field f;
    if (depth > PROTOBUF_MAX_DEPTH)
        return error_set(s->err, "messages nested more than %d deep", PROTOBUF_MAX_DEPTH);
    while (bytes_left(&b) > 0) {
        const uint8_t *tag = b.at;
        if (!protobuf_take(&b, &f))
            return error_set(s->err, "the file is damaged or cut off in a %s at byte %zu", type->name,
                             (size_t)(tag - s->base));
        if (++s->fields > PROTOBUF_MAX_FIELDS)
            return error_set(s->err, "more than %d fields", PROTOBUF_MAX_FIELDS);
        const struct protobuf_row *row = row_of_number(type, f.number);
        if (row && read_field(s, to, row, &f, &b, tag, depth) != 0)
            return -1;
    }
    return 0;
}

struct protobuf *protobuf_read(const void *data, size_t size, const struct protobuf_type *type, struct arena *arena,
                               struct error *err)
{
    struct scan s = {.base = data, .arena = arena, .err = err};
    struct protobuf_field whole = {.data = data, .size = size};
    struct protobuf *tree = arena_alloc(arena, sizeof *tree, err);
    if (!tree)
        return NULL;
    tree->name = "";
    tree->kind = PROTOBUF_MESSAGE;
    return read_message(&s, tree, type, &whole, 0) == 0 ? tree : NULL;
}
