#include "../../test.h"
#include "parse/prototxt.h"

static char schema_text[] = "Pooling pool=1i kernel_size=2i scale=3f\n"
                            "Layer name=1s bottom=2s pooling_param=3:Pooling\n"
                            "Net name=1s layer=100:Layer\n";
static struct protobuf_type types[4];
static struct protobuf_row rows[8];
static struct packed_group texts = {.text = schema_text, .is_read = true};
static struct protobuf_schema schema = {{.group = &texts, .filled = true}, types, rows};

static struct arena arena;
static struct error err;

static struct protobuf *read_text(const char *text)
{
    return prototxt_read(text, strlen(text), protobuf_type(&schema, "Net"), &arena, &err);
}

static void a_net(void)
{
    const struct protobuf *m = read_text("name: \"net\"  # a comment { \n"
                                         "layer {\n  name: 'pool1' bottom: \"a\" bottom: \"b\"\n"
                                         "  pooling_param { pool: AVE kernel_size: 3; scale: .5 }\n}\n"
                                         "layer: < name: \"x\" >");
    const struct protobuf *l = m ? protobuf_first(m, "layer") : NULL,
                          *p = l ? protobuf_message(l, "pooling_param") : NULL;
    static const char *const words[] = {"MAX", "AVE"};
    CHECK_MSG(m, "%s", err.text);
    CHECK(l && l->line == 2);
    CHECK_STR(protobuf_text(m, "name", ""), "net");
    CHECK(l && protobuf_count(l, "bottom") == 2);
    CHECK(protobuf_enum(p, "pool", words, 2, 0) == 1);
    CHECK(protobuf_int(p, "kernel_size", 0) == 3);
    CHECK(protobuf_float(p, "scale", 0) == 0.5);
    CHECK(l && protobuf_more(l) && strcmp(protobuf_text(protobuf_more(l), "name", ""), "x") == 0);
}

static void unknown_fields_are_kept(void)
{
    const struct protobuf *m = read_text("layer { other_param { width: 0x10 deep { on: true } } }"), *l, *o;
    l = m ? protobuf_message(m, "layer") : NULL;
    o = protobuf_message(l, "other_param");
    CHECK(protobuf_int(o, "width", 0) == 16);
    CHECK(protobuf_int(protobuf_message(o, "deep"), "on", 0) == 1);
}

static void numbers(void)
{
    static const struct {
        const char *text;
        double want;
    } cases[] = {
        {"1", 1},
        {"-1", -1},
        {"- 1", -1},
        {"1.5", 1.5},
        {"5.", 5},
        {"1e3", 1000},
        {"1E-2", 0.01},
        {"1e+2", 100},
        {"2f", 2},
        {"1.5F", 1.5},
        {"0x1F", 31},
        {"010", 8},
        {"0", 0},
        {"-.25", -.25},
        {"inf", INFINITY},
        {"-inf", -INFINITY},
        {"18446744073709551615", 18446744073709551616.0},
        {"-0x10", -16},
        {"0.5", 0.5},
    };
    char text[100];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(text, sizeof text, "x: %s y: 7", cases[i].text);
        const struct protobuf *m = read_text(text);
        CHECK_MSG(m && protobuf_float(m, "x", -99) == cases[i].want, "%s: %g, %s", cases[i].text,
                  protobuf_float(m, "x", -99), err.text);
        CHECK_MSG(protobuf_int(m, "y", 0) == 7, "%s", cases[i].text);
    }
    CHECK(isnan(protobuf_float(read_text("x: nan"), "x", 0)));
}

static void strings(void)
{
    const struct protobuf *m = read_text("x: \"a\\n\\x41\\101\\\"'\" # c\n  'b' y: ''");
    CHECK_STR(protobuf_text(m, "x", ""), "a\nAA\"'b");
    CHECK_STR(protobuf_text(m, "y", "-"), "");
}

static void lists(void)
{
    const struct protobuf *m = read_text("x: [1, 2 , 3] y: [] layer: [{name: 'a'}, {name: 'b'}]");
    CHECK(protobuf_count(m, "x") == 3 && protobuf_int(m, "x", 0) == 3);
    CHECK(protobuf_count(m, "y") == 0);
    CHECK(protobuf_count(m, "layer") == 2);
}

static void a_byte_order_mark_and_nothing(void)
{
    CHECK(read_text("\xef\xbb\xbfname: 'x'"));
    CHECK(read_text(""));
    CHECK(read_text("# only a comment"));
}

static void refused(void)
{
    static const struct {
        const char *text, *want;
    } bad[] = {
        {"name: \"x", "line 1: a string without closing quote"},
        {"\n\nname: \"x\n\"", "line 3: a string without closing quote"},
        {"layer {\n name: 'x'\n", "line 3: the text ends in layer of line 1, want '}'"},
        {"name 5", "line 1: want ':' or '{' behind name"},
        {"name: 5", "line 1: name has a value of another kind, want a string"},
        {"layer: 5", "line 1: layer has a value of another kind, want { … }"},
        {"layer { pooling_param { scale: a } }", "line 1: scale has a value of another kind, want a number"},
        {"x: }", "line 1: '}' where a value is wanted"},
        {"}", "line 1: '}' where a field's name is wanted"},
        {"x:", "line 1: the text ends where a value is wanted"},
        {"x: 1x", "line 1: '1x' is no number"},
        {"x: -a", "line 1: '-' is not before a number"},
        {"x: [1, 2", "line 1: a list without ']'"},
        {"x: '\\0'", "line 1: a NUL in a string"},
        {"layer < name: 'x' }", "line 1: '}' where a field's name is wanted"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        *err.text = '\0';
        CHECK_MSG(!read_text(bad[i].text), "%s", bad[i].text);
        CHECK_STR(err.text, bad[i].want);
    }
    CHECK(!prototxt_read("x: 1\0y: 2", 9, NULL, &arena, &err));
}

static void depth_is_limited(void)
{
    char text[2 * 200 + 1] = "";
    for (int i = 0; i < 200; i++)
        strcat(text, "a{");
    CHECK(!read_text(text));
    CHECK(strstr(err.text, "nested more than 100 deep"));
}

int main(void)
{
    arena_init(&arena);
    protobuf_schema_fill(&schema.table);
    RUN(a_net);
    RUN(unknown_fields_are_kept);
    RUN(numbers);
    RUN(strings);
    RUN(lists);
    RUN(a_byte_order_mark_and_nothing);
    RUN(refused);
    RUN(depth_is_limited);
    arena_release(&arena);
    return TEST_END();
}
