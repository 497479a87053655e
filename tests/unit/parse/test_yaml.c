#include <stdbool.h>
#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "base/text.h"
#include "parse/yaml.h"

/* The tree again, as one line of JSON without quotes. */
static void show(struct text *out, const struct json *j, const struct json_node *n)
{
    static const char *const words[] = {[JSON_NULL] = "null", [JSON_FALSE] = "false", [JSON_TRUE] = "true"};
    bool object = n->kind == JSON_OBJECT;
    if (n->kind <= JSON_TRUE)
        text_puts(out, words[n->kind]);
    if (n->kind == JSON_NUMBER)
        text_f64(out, n->number);
    if (n->kind == JSON_STRING)
        text_printf(out, "'%s'", n->string);
    if (n->kind < JSON_ARRAY)
        return;
    text_puts(out, object ? "{" : "[");
    for (const struct json_node *e = json_first(j, n); e; e = json_next(j, e)) {
        text_printf(out, "%s%s", object ? e->key : "", object ? ":" : "");
        show(out, j, e);
        text_puts(out, e->next ? "," : "");
    }
    text_puts(out, object ? "}" : "]");
}

static const char *const cases[][2] = {
    {"a: 1", "{a:1}"},
    {"# first\n\n---\na:   b c # not this\nd: it's #1\n...\n", "{a:'b c',d:'it's'}"},
    {"a:\n  b: 1\n  c:\n    - 2\n    - x: 3\n      y: 4\n    -\n      - 5\nd:\n- 6\n- - 7\n  - 8\ne:\nf: ~",
     "{a:{b:1,c:[2,{x:3,y:4},[5]]},d:[6,[7,8]],e:null,f:null}"},
    {"- a\n- 'b''c'\n- \"d\\n\\u00e9\\x41\"\n- ''\n- \"\"\n- '#'\n- \"\\\"\"", "['a','b'c','d\n\xc3\xa9"
                                                                               "A','','','#','\"']"},
    {"a: [1, -2.5e3, x y, 'q, r', \"s\", [], {}, {b: c, 'd': [e]}]",
     "{a:[1,-2500,'x y','q, r','s',[],{},{b:'c',d:['e']}]}"},
    {"a: [1,\n    2, # two\n    3]\nb: {c:\n  4}", "{a:[1,2,3],b:{c:4}}"},
    {"true: True\nx: FALSE\ny: yes\nz: 1./255.\nu: 1.2.3\nv: 12:30",
     "{true:true,x:false,y:'yes',z:'1./255.',u:'1.2.3',v:'12:30'}"},
    {"\"a: b\": c\n'd': e", "{a: b:'c',d:'e'}"},
    {"a: http://x/y\r\nb: c\r\n", "{a:'http://x/y',b:'c'}"},
    {"a : 1\n---b: 2\n\"c\" : 3", "{a:1,---b:2,c:3}"},
    {"a: &n -1\nb: *n\nc:\n- *n\n- &m\n  - d\n- *m\ne: &n\n  f: *m\ng: *n\nh: &o [1, {i: 2}]\nj: *o # again\nk: &p\nl: "
     "*p",
     "{a:-1,b:-1,c:[-1,['d'],['d']],e:{f:['d']},g:{f:['d']},h:[1,{i:2}],j:[1,{i:2}],k:null,l:null}"},
    {"word", "'word'"},
};

static void known_texts(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct json j;
        struct error err;
        struct text t;
        int failed = yaml_parse(&j, cases[i][0], strlen(cases[i][0]), &err);
        CHECK_MSG(!failed, "%s: %s", cases[i][0], failed ? err.text : "");
        if (failed)
            continue;
        text_init(&t);
        show(&t, &j, j.node);
        CHECK_STR(t.data, cases[i][1]);
        text_release(&t);
        json_release(&j);
    }
}

static void refused(void)
{
    static char deep[3000];
    static const char *const bad[][2] = {
        {"", "line 0: want something"},
        {"# nothing\n", "want something"},
        {"a: 1\n  b: 2", "line 2: want a line that is indented"},
        {"  a: 1\nb: 2", "line 2: want a line that is indented"},
        {"a:\n\t- 1", "line 2: want blanks"},
        {"&x 1", "no tags"},
        {"a: [&x 1]", "no tags"},
        {"*a : 1", "no tags"},
        {"a: &x [*x]", "no tags"},
        {"a: *x", "line 1: want an alias of an anchor before it"},
        {"a: &x\n  b: *x", "line 2: want an alias of an anchor before it"},
        {"a: &x 1\nb: *x 2", "an alias of an anchor"},
        {"a: &x 1\n<<: *x", "no merge key"},
        {"a: !!int 1", "no tags"},
        {"a: |\n  text", "no tags"},
        {"a: [1, 2", "end of brackets"},
        {"a: [1] 2", "nothing behind brackets"},
        {"a: 'b", "a quote at the end"},
        {"a: \"b\" c", "a quote at the end"},
        {"a: [1}", "JSON"},
        {"a: \x01", "printable"},
        {"- 1\na: 2", "indented"},
    };
    struct json j;
    struct error err;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_MSG(yaml_parse(&j, bad[i][0], strlen(bad[i][0]), &err) == -1, "%s", bad[i][0]);
        CHECK_MSG(strstr(err.text, bad[i][1]), "%s: %s", bad[i][0], err.text);
    }
    for (size_t i = 0; i < sizeof deep; i += 2)
        memcpy(deep + i, "- ", 2);
    CHECK(yaml_parse(&j, deep, sizeof deep, &err) == -1 && strstr(err.text, "depth"));
    memset(deep, '[', sizeof deep);
    CHECK(yaml_parse(&j, deep, sizeof deep, &err) == -1);
    CHECK(yaml_parse(&j, "[\0]", 3, &err) == -1);
    CHECK(yaml_parse(&j, deep, JSON_MAX_BYTES + 1, &err) == -1);
}

/* Each list holds the one before it ten times. */
static void growing(void)
{
    struct text t;
    struct json j;
    struct error err;
    text_init(&t);
    text_puts(&t, "l0: &l0 word\n");
    for (int i = 1; i < 10; i++) {
        text_printf(&t, "l%d: &l%d\n", i, i);
        for (int k = 0; k < 10; k++)
            text_printf(&t, "  - *l%d\n", i - 1);
    }
    CHECK(yaml_parse(&j, t.data, t.size, &err) == -1 && strstr(err.text, "less behind aliases"));
    text_release(&t);
    text_init(&t);
    for (int i = 0; i < 100; i++)
        text_printf(&t, "a%d: &b%d 1\n", i, i);
    CHECK(yaml_parse(&j, t.data, t.size, &err) == -1 && strstr(err.text, "fewer anchors"));
    text_release(&t);
}

static void mutated(void)
{
    uint64_t state = 5;
    for (int round = 0; round < 20000; round++) {
        const char *text = cases[hash_random(&state) % (sizeof cases / sizeof *cases)][0];
        size_t n = strlen(text);
        char *copy = malloc(n);
        struct json j;
        struct error err;
        memcpy(copy, text, n);
        for (int k = hash_random(&state) % 3; k >= 0; k--)
            copy[hash_random(&state) % n] = "{}[]\"',:#- \n\t\\x\0e.&*n"[hash_random(&state) % 21];
        if (yaml_parse(&j, copy, n, &err) == 0)
            json_release(&j);
        else
            CHECK(err.text[0] && !strchr(err.text, '\n'));
        free(copy);
    }
}

int main(void)
{
    RUN(known_texts);
    RUN(refused);
    RUN(growing);
    RUN(mutated);
    return TEST_END();
}
