#include <stdlib.h>

#include "../../test.h"
#include "parse/protobuf.h"

/* ---- a table with every kind ---- */

static char schema_text[] =
    "Message name=1s count=2i ratio=3f wide=4d data=5F doubles=6D raw=7b child=8:Message left_out=9:\n"
    "Other message=4000:Message\n";
static struct protobuf_type types[3];
static struct protobuf_row rows[10];
static struct packed_group texts = {.text = schema_text, .is_read = true};
static struct protobuf_schema schema = {{.group = &texts, .filled = true}, types, rows};

static struct arena arena;
static struct error err;

static struct protobuf *read_bytes(const void *data, size_t size)
{
    return protobuf_read(data, size, protobuf_type(&schema, "Message"), &arena, &err);
}

#define READ(bytes) read_bytes(bytes, sizeof(bytes) - 1)

/* ---- tests ---- */

static void a_schema_from_its_text(void)
{
    const struct protobuf_type *m = protobuf_type(&schema, "Message"), *other = protobuf_type(&schema, "Other");
    CHECK(m == &types[0] && m->count == 9);
    CHECK(other == &types[1] && other->count == 1 && other->rows == &rows[9]);
    CHECK(!protobuf_type(&schema, "Mess") && !protobuf_type(&schema, ""));
    for (int i = 0; i < 9; i++)
        CHECK(rows[i].number == i + 1);
    CHECK_STR(rows[8].name, "left_out");
    CHECK(rows[7].kind == PROTOBUF_MESSAGE && rows[7].type == m && rows[8].kind == PROTOBUF_MESSAGE && !rows[8].type);
    CHECK(rows[9].number == 4000 && rows[9].type == m && protobuf_row(other, "message") == &rows[9]);
}

static void numbers_of_each_kind(void)
{
    const struct protobuf *m = READ("\x0a\x02hi\x10\xac\x02\x1d\x00\x00\x20\x40\x21\x00\x00\x00\x00\x00\x00\xf8\x3f");
    CHECK(m);
    CHECK_STR(protobuf_text(m, "name", ""), "hi");
    CHECK(protobuf_int(m, "count", 0) == 300);
    CHECK(protobuf_float(m, "ratio", 0) == 2.5);
    CHECK(protobuf_float(m, "wide", 0) == 1.5);
    CHECK(protobuf_int(m, "absent", -7) == -7);
    CHECK(protobuf_int(NULL, "count", -7) == -7);
    CHECK(protobuf_int(m, "name", -7) == -7);
}

static void a_negative_varint(void)
{
    const struct protobuf *m = READ("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    CHECK(m && protobuf_int(m, "count", 0) == -1);
}

static void packed_and_single_numbers_mix(void)
{
    const struct protobuf *m = READ("\x10\x05\x12\x03\x06\x80\x01\x10\x07"), *p;
    static const int64_t want[] = {5, 6, 128, 7};
    CHECK(m && protobuf_count(m, "count") == 4);
    p = m ? protobuf_first(m, "count") : NULL;
    for (int i = 0; p; p = protobuf_more(p), i++)
        CHECK(protobuf_as_int(p, 0) == want[i]);
    CHECK(m && protobuf_int(m, "count", 0) == 7);
}

static void a_packed_span_stays_where_it_is(void)
{
    static const char bytes[] = "\x2a\x08\x00\x00\x80\x3f\x00\x00\x00\x40";
    const struct protobuf *m = READ(bytes), *p = m ? protobuf_find(m, "data") : NULL;
    CHECK(p && p->kind == PROTOBUF_SPAN32 && p->span.count == 2 && p->span.step == 4);
    CHECK(p && p->span.data == (const uint8_t *)bytes + 2);
}

static void single_floats_are_one_span(void)
{
    const struct protobuf *m = READ("\x2d\x00\x00\x80\x3f\x2d\x00\x00\x00\x40\x2d\x00\x00\x40\x40\x10\x01"), *p;
    CHECK(m && protobuf_count(m, "data") == 1);
    p = m ? protobuf_find(m, "data") : NULL;
    CHECK(p && p->span.count == 3 && p->span.step == 5);
    CHECK(p && memcmp(p->span.data + 10, "\x00\x00\x40\x40", 4) == 0);
}

static void single_floats_with_gaps_are_several_spans(void)
{
    /* The fourth lies not in step with the three before. */
    const struct protobuf *m = READ("\x2d\x00\x00\x80\x3f\x2d\x00\x00\x00\x40\x10\x01\x2d\x00\x00\x40\x40"), *p;
    CHECK(m && protobuf_count(m, "data") == 2);
    p = m ? protobuf_first(m, "data") : NULL;
    CHECK(p && p->span.count == 2);
    CHECK(p && protobuf_more(p) && protobuf_more(p)->span.count == 1);
}

static void a_single_float_behind_packed_ones(void)
{
    const struct protobuf *m = READ("\x2a\x08\x00\x00\x80\x3f\x00\x00\x00\x40\x2d\x00\x00\x40\x40");
    CHECK(m && protobuf_count(m, "data") == 2);
}

static void messages_nest_and_unknown_fields_are_left_out(void)
{
    const struct protobuf *m = READ("\x42\x07\x10\x09\x0a\x01x\xf8\x01\xff\x01\x4a\x02\x10\x01"), *child;
    CHECK(!m); /* the tag f8 01 stands behind 7 bytes: its value is cut off */
    m = READ("\x42\x08\x10\x09\x0a\x01x\xf8\x01\x01\x4a\x02\x10\x01");
    child = m ? protobuf_message(m, "child") : NULL;
    CHECK(child && protobuf_int(child, "count", 0) == 9);
    CHECK(m && !protobuf_message(m, "left_out"));
}

/* Forks give numbers other meanings. */
static void a_field_of_another_wire_type_is_left_out(void)
{
    const struct protobuf *m = READ("\x08\x01\x15\x00\x00\x80\x3f\x10\x05");
    CHECK(m && !protobuf_find(m, "name") && protobuf_count(m, "count") == 1);
}

static void refused(void)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        {"\x0a\x05hi", 4},                                    /* longer than the file */
        {"\x0a\x03h\0i", 5},                                  /* a NUL */
        {"\x2a\x03\x00\x00\x00", 5},                          /* no whole floats */
        {"\x12\x02\x80\x80", 4},                              /* a packed varint cut off */
        {"\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11}, /* beyond 64 bits */
        {"\x13\x14", 2},                                      /* a group */
        {"\x00\x01", 2},                                      /* field 0 */
        {"\x1d\x00\x00", 3},                                  /* a float cut off */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        *err.text = '\0';
        CHECK_MSG(!read_bytes(bad[i].bytes, bad[i].size), "case %zu", i);
        CHECK_MSG(*err.text, "case %zu", i);
    }
}

/* The innermost message first. */
static size_t nest(uint8_t *to, size_t room, int depth)
{
    uint8_t *at = to + room;
    for (int i = 0; i < depth; i++) {
        size_t size = (size_t)(to + room - at);
        *--at = (uint8_t)(size >> 7);
        *--at = (uint8_t)(size | 0x80);
        *--at = 0x42;
    }
    memmove(to, at, (size_t)(to + room - at));
    return (size_t)(to + room - at);
}

static void depth_is_limited(void)
{
    uint8_t bytes[1024];
    CHECK(read_bytes(bytes, nest(bytes, sizeof bytes, PROTOBUF_MAX_DEPTH)));
    CHECK(!read_bytes(bytes, nest(bytes, sizeof bytes, PROTOBUF_MAX_DEPTH + 1)));
    CHECK(strstr(err.text, "nested"));
}

static void the_number_of_nodes_is_limited(void)
{
    size_t size = (size_t)PROTOBUF_MAX_NODES * 2 + 8;
    uint8_t *bytes = malloc(size);
    memset(bytes, 0x10, size); /* field 2 = 16, over and over */
    CHECK(!read_bytes(bytes, size));
    CHECK(strstr(err.text, "more than"));
    free(bytes);
}

/* Caffe2 writes the floats of a matrix one by one. */
static void elements_of_a_span_do_not_count_as_fields(void)
{
    size_t count = PROTOBUF_MAX_FIELDS + 1;
    uint8_t *bytes = malloc(count * 5);
    memset(bytes, 0x2d, count * 5); /* field 5 */
    const struct protobuf *m = read_bytes(bytes, count * 5), *p = m ? protobuf_find(m, "data") : NULL;
    CHECK(p && p->span.count == count && p->span.step == 5);
    free(bytes);
}

static void words_and_numbers_of_an_enum(void)
{
    static const char *const words[] = {"MAX", "AVE"};
    const struct protobuf *m = READ("\x10\x01");
    CHECK(protobuf_enum(m, "count", words, 2, 0) == 1);
    CHECK(protobuf_enum(m, "absent", words, 2, 0) == 0);
    CHECK(protobuf_enum(m, "count", words, 1, 0) == -1);
}

int main(void)
{
    arena_init(&arena);
    protobuf_schema_fill(&schema.table);
    RUN(a_schema_from_its_text);
    RUN(numbers_of_each_kind);
    RUN(a_negative_varint);
    RUN(packed_and_single_numbers_mix);
    RUN(a_packed_span_stays_where_it_is);
    RUN(single_floats_are_one_span);
    RUN(single_floats_with_gaps_are_several_spans);
    RUN(a_single_float_behind_packed_ones);
    RUN(messages_nest_and_unknown_fields_are_left_out);
    RUN(a_field_of_another_wire_type_is_left_out);
    RUN(refused);
    RUN(depth_is_limited);
    RUN(the_number_of_nodes_is_limited);
    RUN(elements_of_a_span_do_not_count_as_fields);
    RUN(words_and_numbers_of_an_enum);
    arena_release(&arena);
    return TEST_END();
}
