/* The rows of the operator table are sound, and looking them up, their attributes and checks work. */
#include "one.h"

#include "op/attr.h"
#include "op/check.h"

static void test_rows(void)
{
    size_t count;
    const struct op *ops = op_table(&count);
    CHECK(count > 150);
    for (size_t i = 0; i < count; i++) {
        char bad[100] = "";
        const struct op *op = &ops[i];
        CHECK_MSG(op_find(op->domain, op->name) == op, "%s.%s stands twice", op->domain, op->name);
        CHECK_MSG(op->eval || op->expand, "%s has no meaning", op->name);
        CHECK_MSG(!op->eval || !op->expand || strcmp(op->domain, "nn") == 0, "%s has both eval and expand", op->name);
        CHECK_MSG(op->infer, "%s has no inference", op->name);
        CHECK_MSG(check_row_types(op, bad, sizeof(bad)), "%s: '%s'", op->name, bad);
    }
}

static void test_versions(void)
{
    size_t count;
    const struct op *ops = op_table(&count);
    for (size_t i = 0; i < count; i++) {
        long last = 0;
        const char *at = ops[i].versions;
        while (*at) {
            char *end;
            long version = strtol(at, &end, 10);
            CHECK_MSG(end > at && version > last && version <= OP_OPSET, "%s: '%s'", ops[i].name, ops[i].versions);
            last = version;
            at = *end == ' ' ? end + 1 : end;
            if (end == at && *end)
                break;
        }
        CHECK_MSG(last > 0, "%s", ops[i].name);
    }
}

static void test_attribute_columns(void)
{
    size_t count;
    const struct op *ops = op_table(&count);
    for (size_t i = 0; i < count; i++) {
        struct attr_spec spec;
        const char *at = ops[i].attrs;
        while (attr_spec_next(&at, &spec)) {
            if (spec.kind == ATTR_STRING && spec.fallback)
                CHECK_MSG(attr_word(spec.fallback, spec.fallback_size),
                          "%s: the default of %.*s is not among attr.c's words", ops[i].name, (int)spec.name_size,
                          spec.name);
            CHECK_MSG(!spec.fallback || spec.kind == ATTR_INT || spec.kind == ATTR_FLOAT || spec.kind == ATTR_STRING,
                      "%s", ops[i].name);
        }
        CHECK_MSG(at[strspn(at, " ")] == '\0', "%s: '%s'", ops[i].name, at);
    }
}

/* Every word of the traits is one that op.h explains, and at most one says how axes map. */
static void test_traits(void)
{
    static const char *const known[] = {"random",    "heavy",        "view",          "nonnegative", "commutes",
                                        "moves",     "axes=each",    "axes=first",    "axes=along",  "axes=set",
                                        "axes=tail", "axes=rows",    "axes=lists",    "axes=reduce", "axes=gather",
                                        "axes=view", "axes=squeeze", "axes=unsqueeze"};
    size_t count;
    const struct op *ops = op_table(&count);
    for (size_t i = 0; i < count; i++) {
        int maps = 0;
        for (const char *at = ops[i].traits; *at; at += strspn(at, " ")) {
            size_t size = strcspn(at, " "), k = 0;
            while (k < sizeof(known) / sizeof(known[0]) && (strlen(known[k]) != size || memcmp(known[k], at, size)))
                k++;
            CHECK_MSG(k < sizeof(known) / sizeof(known[0]), "%s: '%s'", ops[i].name, at);
            maps += strncmp(at, "axes=", 5) == 0;
            at += size;
        }
        CHECK_MSG(maps <= 1, "%s: '%s'", ops[i].name, ops[i].traits);
    }
    struct node n = {.def = op_find("", "Softmax")};
    CHECK(op_trait(&n, "nonnegative") && op_trait(&n, "axes=along") && !op_trait(&n, "axes=") &&
          !op_trait(&n, "along"));
    n.def = NULL;
    CHECK(!op_trait(&n, "heavy"));
}

static void test_find(void)
{
    CHECK(op_find("", "Conv") && !op_find("", "conv") && !op_find("", "") && !op_find("nn", "Relu") &&
          !op_find("", "ConvX"));
    CHECK(op_find("nn", "Conv") != op_find("", "Conv"));
}

static void test_defaults(void)
{
    struct one o;
    int n;
    one_start(&o, "", "HardSigmoid", 1);
    op_resolve(o.g);
    CHECK(op_float(o.n, "alpha") == 0.2f && op_float(o.n, "beta") == 0.5f && !op_has(o.n, "alpha"));
    node_set_float(o.n, "alpha", 3, &o.err);
    CHECK(op_float(o.n, "alpha") == 3 && op_has(o.n, "alpha"));
    node_set_op(o.n, "", "Conv", &o.err);
    op_resolve(o.g);
    CHECK_STR(op_string(o.n, "auto_pad"), "NOTSET");
    CHECK(op_int(o.n, "group") == 1 && op_ints(o.n, "pads", &n) == NULL && n == 0);
    node_set_ints(o.n, "pads", (int64_t[]){1, 2, 3, 4}, 4, &o.err);
    CHECK(op_ints(o.n, "pads", &n) && n == 4 && op_ints(o.n, "pads", &n)[3] == 4);
    one_end(&o);
}

static void test_unknown(void)
{
    struct one o;
    char text[200], small[8];
    one_start(&o, "", "Frobnicate", 1);
    graph_add_node(o.g, "com.acme", "Thing", NULL, &o.err);
    graph_add_node(o.g, "", "Frobnicate", NULL, &o.err);
    graph_add_node(o.g, "", "Frob", NULL, &o.err);
    op_resolve(o.g);
    CHECK(op_list_unknown(o.g, text, sizeof(text)) == 3);
    CHECK_STR(text, "Frobnicate (2: it, ...), com.acme.Thing (1: node 1 (Thing)), Frob (1: node 3 (Frob))");
    CHECK(op_list_unknown(o.g, small, sizeof(small)) >= 1);
    CHECK(op_check(o.n, &o.err) == 0);
    CHECK(one_eval(&o) != 0 && strstr(o.err.text, "unknown"));
    one_end(&o);
}

static void test_check(void)
{
    static const struct {
        const char *attr, *want;
    } wrong[] = {{"alpha", "attribute alpha is an integer, want a float"}, {"beta", "attribute beta is unknown"}};
    for (int i = 0; i < 2; i++) {
        struct one o;
        one_start(&o, "", "Elu", 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(1)));
        node_set_int(o.n, wrong[i].attr, 1, &o.err);
        CHECK(one_fails(&o, wrong[i].want));
        one_end(&o);
    }
}

static void test_check_operands(void)
{
    struct one o;
    one_start(&o, "", "Add", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(1)));
    CHECK(one_fails(&o, "node 'it' (Add): input 1 (B) is absent"));
    one_end(&o);
    one_start(&o, "", "Add", 1);
    for (int i = 0; i < 3; i++)
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(1)));
    CHECK(one_fails(&o, "3 inputs, want at most 2"));
    one_end(&o);
    one_start(&o, "", "Add", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(1)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(1)));
    CHECK(one_fails(&o, "input B is"));
    one_end(&o);
    one_start(&o, "", "Sin", 1);
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(1)));
    CHECK(one_fails(&o, "want float"));
    one_end(&o);
    one_start(&o, "", "BitShift", 1);
    for (int i = 0; i < 2; i++)
        one_in(&o, one_tensor(DTYPE_U8, DIMS(1), VALUES(1)));
    CHECK(one_fails(&o, "attribute direction is missing"));
    one_end(&o);
    one_start(&o, "", "Sum", 1);
    CHECK(one_fails(&o, "input 0 (data_0) is absent"));
    one_end(&o);
}

/* The types at run time are checked too: a graph may lie about them. */
static void test_check_run_time(void)
{
    struct one o;
    one_start(&o, "", "Add", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(1)));
    one_in(&o, one_tensor(DTYPE_F16, DIMS(1), VALUES(1)))->type.dtype = DTYPE_F32;
    CHECK(one_infer(&o) == 0 && one_eval(&o) != 0 && strstr(o.err.text, "input B is f16"));
    one_end(&o);
}

int main(void)
{
    RUN(test_rows);
    RUN(test_versions);
    RUN(test_attribute_columns);
    RUN(test_traits);
    RUN(test_find);
    RUN(test_defaults);
    RUN(test_unknown);
    RUN(test_check);
    RUN(test_check_operands);
    RUN(test_check_run_time);
    return TEST_END();
}
