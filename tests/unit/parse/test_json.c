#include <math.h>
#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "parse/json.h"

static void reads_all_kinds(void)
{
    static const char text[] = " {\"a\": [1, -2.5e3 ,true,false,null, []], \"b\\n\\u00e9\\ud83d\\ude00\":\"\\\"x/\\/\","
                               "\"o\":{\"a\":7}, \"a\": 3}\n";
    struct json j;
    struct error err;
    int failed = json_parse(&j, text, sizeof text - 1, &err);
    CHECK_MSG(!failed, "%s", failed ? err.text : "");
    const struct json_node *a = json_member(&j, j.node, "a"), *e = json_first(&j, a);
    CHECK(a->kind == JSON_ARRAY && e->number == 1 && json_next(&j, e)->number == -2500);
    static const enum json_kind kinds[] = {JSON_NUMBER, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_ARRAY};
    for (int i = 0; i < 6; i++, e = json_next(&j, e))
        CHECK(e && e->kind == kinds[i]);
    CHECK(!e);
    const struct json_node *b = json_member(&j, j.node, "b\n\xc3\xa9\xf0\x9f\x98\x80");
    CHECK(b && b->kind == JSON_STRING);
    CHECK_STR(b->string, "\"x//");
    CHECK(json_member(&j, json_member(&j, j.node, "o"), "a")->number == 7);
    CHECK(!json_member(&j, j.node, "c") && !json_member(&j, a, "a") && !json_member(&j, NULL, "a"));
    json_release(&j);
}

static void reads_what_is_no_number(void)
{
    static const char text[] = "[Infinity,-Infinity,NaN]";
    struct json j;
    struct error err;
    CHECK(json_parse(&j, text, sizeof text - 1, &err) == 0);
    const struct json_node *e = json_first(&j, j.node);
    CHECK(e && e->number == INFINITY && json_next(&j, e)->number == -INFINITY);
    CHECK(isnan(json_next(&j, json_next(&j, e))->number));
    json_release(&j);
}

static void refuses(void)
{
    static const char *const bad[][2] = {
        {"", "a value"},
        {"{", "a string"},
        {"[1", "',' or ']'"},
        {"[1,]", "a value"},
        {"{\"a\" 1}", "':'"},
        {"{\"a\":}", "a value"},
        {"\"a", "the end"},
        {"\"\\x\"", "an escape"},
        {"\"\\u12g4\"", "digits"},
        {"\"\\u0000\"", "digits"},
        {"\"\\ud800\"", "surrogates"},
        {"1 2", "nothing more"},
        {"nul", "a value"},
        {"-Inf", "a value"},
        {"Infinit", "a value"},
        {"-NaN", "a value"},
        {"Na", "a value"},
        {"+Infinity", "a value"},
        {"\"\n\"", "the end"},
        {"{\"a\":1,}", "a string"},
        {"[1}", "',' or ']'"},
        {"\"\\", "an escape"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct json j;
        struct error err;
        CHECK_MSG(json_parse(&j, bad[i][0], strlen(bad[i][0]), &err) == -1, "%s", bad[i][0]);
        CHECK_MSG(strstr(err.text, bad[i][1]), "%s: %s", bad[i][0], err.text);
    }
    char deep[200];
    struct json j;
    struct error err;
    memset(deep, '[', sizeof deep);
    CHECK(json_parse(&j, deep, sizeof deep, &err) == -1 && strstr(err.text, "depth"));
    CHECK(json_parse(&j, "1\0", 2, &err) == -1);
    CHECK(json_parse(&j, deep, JSON_MAX_BYTES + 1, &err) == -1);
}

static void mutated(void)
{
    static const char text[] = "{\"size\":{\"h\":[1,2.5,\"\\u00e9\\n\"]},\"a\":true,\"b\":null}";
    uint64_t state = 9;
    for (int round = 0; round < 5000; round++) {
        size_t n = hash_random(&state) % sizeof text;
        char *copy = malloc(n ? n : 1); /* so that a sanitizer sees reads beyond */
        struct json j;
        struct error err;
        memcpy(copy, text, n);
        for (int k = hash_random(&state) % 4; k > 0 && n; k--)
            copy[hash_random(&state) % n] = "{}[]\",:\\u1e-tn"[hash_random(&state) % 14];
        if (json_parse(&j, copy, n, &err) == 0)
            json_release(&j);
        free(copy);
    }
}

int main(void)
{
    RUN(reads_all_kinds);
    RUN(reads_what_is_no_number);
    RUN(refuses);
    RUN(mutated);
    return TEST_END();
}
