/* Records: both forms, and lines that are none. */
#include "../../test.h"
#include "base/hash.h"
#include "base/text.h"
#include "data/record.h"

static int parse(struct data_record *r, const char *line, struct error *err)
{
    return data_record_parse(r, line, strlen(line), err);
}

static void check_field(const struct data_record *r, size_t i, const char *name, enum data_field_kind kind,
                        const char *text)
{
    CHECK(i < r->count);
    if (i >= r->count)
        return;
    CHECK_STR(r->fields[i].name, name);
    CHECK_STR(r->fields[i].text, text);
    CHECK(r->fields[i].kind == kind);
}

static void fields_between_tabs(void)
{
    struct data_record r;
    struct error err;
    CHECK(parse(&r, "a\\tb\\\\.jpg\tface\t0.75\t1\t2.5\t30\t4e1\trest\t-3", &err) == 0);
    CHECK_STR(r.path, "a\tb\\.jpg");
    CHECK(r.count == 6 && r.corners == 2 && r.x[0] == 1 && r.y[0] == 2.5 && r.x[1] == 30 && r.y[1] == 40);
    check_field(&r, 0, "path", DATA_FIELD_TEXT, "a\tb\\.jpg");
    check_field(&r, 2, "score", DATA_FIELD_WORD, "0.75");
    check_field(&r, 3, "box", DATA_FIELD_BOX, "1 2.5 30 4e1");
    check_field(&r, 4, "field8", DATA_FIELD_TEXT, "rest");
    check_field(&r, 5, "field9", DATA_FIELD_WORD, "-3");
    data_record_release(&r);
    CHECK(parse(&r, "p\ttext\t1\t0,0 2,0 2,1 0,1\t1\t0.9\t1\t180", &err) == 0);
    CHECK(r.corners == 4 && r.x[2] == 2 && r.y[2] == 1 && r.score == 0.9);
    CHECK_STR(r.label, "180");
    check_field(&r, 3, "polygon", DATA_FIELD_POINTS, "0,0 2,0 2,1 0,1");
    data_record_release(&r);
    CHECK(parse(&r, "p\ttext\t1\t0,5 2,0 9,1 7,8 0,1", &err) == 0);
    CHECK(r.corners == 2 && r.x[0] == 0 && r.x[1] == 9 && r.y[0] == 0 && r.y[1] == 8 && r.score == 1);
    CHECK(!r.label); /* what was found is no answer of labels */
    data_record_release(&r);
    CHECK(parse(&r, "p\tface\t0.75\t0.95\t2\t3\t180.00", &err) == 0);
    CHECK(r.score == 0.75);
    CHECK(!r.label);
    data_record_release(&r);
    CHECK(parse(&r, "only a path", &err) == 0);
    CHECK(r.corners == 0 && r.count == 1 && !r.label);
    data_record_release(&r);
}

static void objects(void)
{
    struct data_record r;
    struct error err;
    CHECK(parse(&r,
                "{\"path\": \"\\u00e9\", \"box\":[1,2, 3,4.50] ,\"points\":[[1,2,0.5],[3,4,1]],\"x\":{\"y\":[1 "
                "]},\"n\":null,"
                "\"label2\":\"180\",\"score\":1,\"score2\":0.25,\"e\":[]}",
                &err) == 0);
    CHECK_STR(r.path, "\xc3\xa9");
    CHECK(r.corners == 2 && r.y[1] == 4.5 && r.score == 0.25);
    CHECK_STR(r.label, "180");
    check_field(&r, 1, "box", DATA_FIELD_BOX, "1 2 3 4.50");
    check_field(&r, 2, "points", DATA_FIELD_POINTS, "1,2,0.5 3,4,1");
    check_field(&r, 3, "x", DATA_FIELD_JSON, "{\"y\":[1 ]}");
    check_field(&r, 4, "n", DATA_FIELD_WORD, "null");
    check_field(&r, 8, "e", DATA_FIELD_JSON, "[]");
    data_record_release(&r);
}

/* Five key points are a face's, in both forms; other numbers of them are none. */
static void faces(void)
{
    struct data_record r;
    struct error err;
    static const char *const five[] =
        {"{\"path\":\"a\",\"box\":[1,2,3,4],\"points\":[[1,2,1],[3,4,1],[5,6,1],[7,8,1],[9,10,1]]}",
         "a\tface\t0.5\t1\t2\t3\t4\t1,2,1 3,4,1 5,6,1 7,8,1 9,10,1"},
                             *const none[] = {"{\"path\":\"a\",\"points\":[[1,2],[3,4],[5,6],[7,8]]}",
                                              "a\tface\t0.5\t1\t2\t3\t4\t1,2 3,4 5,6 7,8 9,10 11,12",
                                              "a\tface\t0.5\t1\t2\t3\t4\t1,2 3,4 5 7,8 9,10", "a\t,\t0.5\t,\t,"};
    for (size_t i = 0; i < 2; i++) {
        CHECK(parse(&r, five[i], &err) == 0 && r.point_count == 5 && r.corners == 2);
        CHECK(r.point_x[0] == 1 && r.point_y[0] == 2 && r.point_x[4] == 9 && r.point_y[4] == 10);
        data_record_release(&r);
    }
    /* Landmarks behind them do not take their place. */
    CHECK(parse(&r, "a\tface\t0.5\t1\t2\t3\t4\t1,2 3,4 5,6 7,8 9,10\t1,1 2,2 3,3 4,4 5,5 6,6 7,7 8,8 9,9", &err) == 0);
    CHECK(r.point_count == 5 && r.point_y[0] == 2);
    data_record_release(&r);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (parse(&r, none[i], &err) == 0) {
            CHECK(r.point_count != 5);
            data_record_release(&r);
        }
}

static void the_last_place_of_an_object_counts(void)
{
    struct data_record r;
    struct error err;
    CHECK(parse(&r, "{\"path\":\"p\",\"polygon\":[[0,0],[1,0],[1,1],[0,1]],\"box2\":[5,6,7,8],\"boxes\":\"x\"}",
                &err) == 0);
    CHECK(r.corners == 2 && r.x[0] == 5 && r.y[1] == 8);
    data_record_release(&r);
}

static void malformed(void)
{
    static const char *const bad[] = {"",
                                      "p\\q",
                                      "p\\",
                                      "p\tl\t1\t0,0 1,1",
                                      "p\tl\t1\t0,0 1,x 2,2 1,1",
                                      "p\tl\t1\t0,0 1,1,1 2,2 1,1",
                                      "p\tl\t1\t0\t0\t2e6\t1",
                                      "{",
                                      "{}",
                                      "{\"path\":1}",
                                      "{\"path\":\"p\",\"box\":[1,2,3]}",
                                      "{\"path\":\"p\",\"box\":[1,2,3,\"4\"]}",
                                      "{\"path\":\"p\",\"polygon\":[[1,2],[3,4]]}",
                                      "{\"path\":\"p\",\"polygon\":[1,2,3,4]}",
                                      "{\"path\":\"p\"} more"};
    struct data_record r;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {""};
        CHECK_MSG(parse(&r, bad[i], &err) < 0 && err.text[0], "line %zu: %s", i, bad[i]);
    }
}

static void too_many_fields(void)
{
    struct data_record r;
    struct error err = {""};
    struct text line;
    text_init(&line);
    text_puts(&line, "{\"path\":\"p\"");
    for (int i = 2; i < 5000; i++)
        text_printf(&line, ",\"score%d\":1", i);
    text_puts(&line, "}");
    CHECK(!line.failed && data_record_parse(&r, line.data, line.size, &err) < 0 && strstr(err.text, "4096"));
    text_release(&line);
}

/* Whatever opens has a path and texts that end: the sanitizers watch. */
static void damaged(void)
{
    static const char *const good[] = {
        "a\\tb.jpg\tface\t0.75\t1\t2.5\t30\t4e1\trest\t-3", "p\ttext\t1\t0,0 2,0 2,1 0,1\t1\t0.9\t1\t180",
        "{\"path\":\"p\",\"polygon\":[[0,0],[1,0],[1,1],[0,1]],\"box2\":[5,6,7,8],\"x\":{\"y\":[1]}}"};
    static const char bytes[] = "\t\\,. {}[]\":0e-\xff";
    uint64_t seed = 11;
    for (int i = 0; i < 30000; i++) {
        struct data_record r;
        struct error err = {""};
        char line[200];
        snprintf(line, sizeof line, "%s", good[i % 3]);
        size_t n = strlen(line) - hash_random(&seed) % 4;
        for (int k = 0; k < 3; k++)
            line[hash_random(&seed) % n] = bytes[hash_random(&seed) % (sizeof bytes - 1)];
        if (data_record_parse(&r, line, n, &err) < 0) {
            CHECK(err.text[0]);
            continue;
        }
        size_t sum = strlen(r.path);
        for (size_t f = 0; f < r.count; f++)
            sum += strlen(r.fields[f].name) + strlen(r.fields[f].text);
        CHECK(sum < 1000);
        data_record_release(&r);
    }
}

int main(void)
{
    RUN(fields_between_tabs);
    RUN(objects);
    RUN(faces);
    RUN(the_last_place_of_an_object_counts);
    RUN(malformed);
    RUN(too_many_fields);
    RUN(damaged);
    return TEST_END();
}
