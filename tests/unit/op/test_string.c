/* StringConcat, StringSplit, StringNormalizer, RegexFullMatch, TfIdfVectorizer. */
#include "one.h"

#define WORDS(...) \
    (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *const[]) \
    { \
        __VA_ARGS__ \
    }

/* A list of strings as rank 1, or rank 2 of one row. */
static struct tensor *strings(int rank, int n, const char *const *words)
{
    const int64_t dims[2] = {rank == 1 ? n : 1, n};
    return one_strings(rank, dims, words);
}

static void check_strings(const struct one *o, int output, int n, const char *const *want)
{
    const struct tensor *t = o->out[output] ? o->out[output]->tensor : NULL;
    CHECK_MSG(t && t->count == n, "%s", o->err.text);
    const struct str *s = t ? t->data : NULL;
    for (int i = 0; t && i < n && t->count == n; i++)
        CHECK_MSG(s[i].size == strlen(want[i]) && (s[i].size == 0 || memcmp(s[i].data, want[i], s[i].size) == 0),
                  "[%d] is '%.*s', want '%s'", i, (int)s[i].size, s[i].data, want[i]);
}

static void test_concat(void)
{
    struct one o;
    one_start(&o, "", "StringConcat", 1);
    one_in(&o, one_strings(DIMS(2, 1), (const char *const[]){"a", ""}));
    one_in(&o, one_strings(DIMS(2), (const char *const[]){"x", "yz"}));
    CHECK(one_run(&o) == 0);
    check_strings(&o, 0, WORDS("ax", "ayz", "x", "yz"));
    one_end(&o);
    one_start(&o, "", "StringConcat", 1);
    one_in(&o, strings(1, WORDS("a", "b")));
    one_in(&o, strings(1, WORDS("a", "b", "c")));
    CHECK(one_fails(&o, "it"));
    CHECK(one_eval(&o) && strstr(o.err.text, "cannot be broadcast"));
    one_end(&o);
    one_start(&o, "", "StringConcat", 1); /* 30 x 30 strings of 40 bytes */
    const char *words[30];
    for (int i = 0; i < 30; i++)
        words[i] = "12345678901234567890";
    o.memory = 30000;
    one_in(&o, one_strings(DIMS(30, 1), words));
    one_in(&o, one_strings(DIMS(1, 30), words));
    CHECK(one_fails(&o, "beyond the limit of 30000 bytes"));
    one_end(&o);
}

static void test_split(void)
{
    struct one o;
    one_start(&o, "", "StringSplit", 2);
    one_in(&o, strings(1, WORDS(" a  b ", "", "c")));
    CHECK(one_run(&o) == 0);
    check_strings(&o, 0, WORDS("a", "b", "", "", "c", ""));
    CHECK(one_gives(&o, 1, DTYPE_I64, DIMS(3), VALUES(2, 0, 1)));
    one_end(&o);
    one_start(&o, "", "StringSplit", 2);
    node_set_string(o.n, "delimiter", "--", 2, &o.err);
    node_set_int(o.n, "maxsplit", 1, &o.err);
    one_in(&o, strings(1, WORDS("a--b--c", "", "---")));
    CHECK(one_run(&o) == 0);
    check_strings(&o, 0, WORDS("a", "b--c", "", "", "", "-"));
    CHECK(one_gives(&o, 1, DTYPE_I64, DIMS(3), VALUES(2, 1, 2)));
    one_end(&o);
    one_start(&o, "", "StringSplit", 2);
    one_in(&o, one_strings(DIMS(0), NULL));
    CHECK(one_run(&o) == 0 && o.out[0]->tensor->rank == 2 && o.out[0]->tensor->count == 0);
    one_end(&o);
}

static void check_normalizer(int rank, const char *action, bool sensitive, const char *stopword, int n,
                             const char *const *want)
{
    struct one o;
    struct str stop = {stopword, stopword ? strlen(stopword) : 0};
    one_start(&o, "", "StringNormalizer", 1);
    node_set_string(o.n, "case_change_action", action, strlen(action), &o.err);
    node_set_int(o.n, "is_case_sensitive", sensitive, &o.err);
    if (stopword)
        node_set_strings(o.n, "stopwords", &stop, 1, &o.err);
    one_in(&o, strings(rank, WORDS("Mon", "mon", "\xc3\x89t\xc3\xa9")));
    CHECK(one_run(&o) == 0);
    check_strings(&o, 0, n, want);
    one_end(&o);
}

static void test_normalizer(void)
{
    check_normalizer(1, "NONE", true, "mon", WORDS("Mon", "\xc3\x89t\xc3\xa9"));
    check_normalizer(2, "UPPER", false, "MON", WORDS("\xc3\x89T\xc3\x89"));
    check_normalizer(1, "LOWER", false, NULL, WORDS("mon", "mon", "\xc3\xa9t\xc3\xa9"));
    check_normalizer(1, "UPPER", false, "\xc3\xa9T\xc3\xa9", WORDS("MON", "MON"));
    struct one o;
    struct str stop = {"a", 1};
    one_start(&o, "", "StringNormalizer", 1); /* nothing left */
    node_set_strings(o.n, "stopwords", &stop, 1, &o.err);
    one_in(&o, strings(2, WORDS("a", "A")));
    CHECK(one_run(&o) == 0 && o.out[0]->tensor->rank == 2);
    check_strings(&o, 0, WORDS(""));
    one_end(&o);
    one_start(&o, "", "StringNormalizer", 1);
    node_set_string(o.n, "case_change_action", "TITLE", 5, &o.err);
    one_in(&o, strings(1, WORDS("a")));
    CHECK(one_fails(&o, "attribute case_change_action is 'TITLE'"));
    one_end(&o);
    one_start(&o, "", "StringNormalizer", 1);
    one_in(&o, one_strings(DIMS(2, 1), (const char *const[]){"a", "b"}));
    CHECK(one_fails(&o, "input X has 2 dims, want C or 1xC"));
    CHECK(one_eval(&o) && strstr(o.err.text, "want C or 1xC"));
    one_end(&o);
}

static void test_regex(void)
{
    struct one o;
    one_start(&o, "", "RegexFullMatch", 1);
    node_set_string(o.n, "pattern", "a+", 2, &o.err);
    one_in(&o, strings(2, WORDS("aa", "ab", "")));
    CHECK(one_gives(&o, 0, DTYPE_BOOL, DIMS(1, 3), VALUES(1, 0, 0)));
    one_end(&o);
    one_start(&o, "", "RegexFullMatch", 1);
    node_set_string(o.n, "pattern", "(a", 2, &o.err);
    one_in(&o, strings(1, WORDS("a")));
    CHECK(one_fails(&o, "attribute pattern, byte 2: a ) is missing"));
    one_end(&o);
}

/* One-token 4 and 5, and pairs 4 4, 5 6: outputs 3, 2, 1, 0. */
static void start_tf_idf(struct one *o, const char *mode, int64_t min, int64_t max, int64_t skip)
{
    one_start(o, "", "TfIdfVectorizer", 1);
    node_set_string(o->n, "mode", mode, strlen(mode), &o->err);
    node_set_int(o->n, "min_gram_length", min, &o->err);
    node_set_int(o->n, "max_gram_length", max, &o->err);
    node_set_int(o->n, "max_skip_count", skip, &o->err);
    node_set_ints(o->n, "ngram_counts", (int64_t[]){0, 2}, 2, &o->err);
    node_set_ints(o->n, "ngram_indexes", (int64_t[]){3, 2, 1, 0}, 4, &o->err);
    node_set_ints(o->n, "pool_int64s", (int64_t[]){4, 5, 4, 4, 5, 6}, 6, &o->err);
    node_set_floats(o->n, "weights", (float[]){10, 20, 30, 40}, 4, &o->err);
}

static void test_tf_idf(void)
{
    static const struct {
        const char *mode;
        int64_t min, max, skip;
        double want[4];
    } rows[] = {
        {"TF", 1, 1, 5, {0, 0, 1, 3}},        {"TF", 2, 2, 0, {0, 1, 0, 0}},
        {"TF", 1, 2, 1, {1, 2, 1, 3}},        {"IDF", 1, 2, 1, {40, 30, 20, 10}},
        {"TFIDF", 1, 2, 1, {40, 60, 20, 30}}, {"TF", 2, 2, INT64_MAX - 1, {1, 3, 0, 0}},
    };
    struct one o;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start_tf_idf(&o, rows[i].mode, rows[i].min, rows[i].max, rows[i].skip);
        one_in(&o, one_tensor(DTYPE_I32, DIMS(5), VALUES(4, 4, 5, 4, 6)));
        CHECK_MSG(one_gives(&o, 0, DTYPE_F32, DIMS(4), rows[i].want), "row %zu", i);
        one_end(&o);
    }
    start_tf_idf(&o, "TF", 0, 1, 0);
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), NULL));
    CHECK(one_fails(&o, "min_gram_length"));
    one_end(&o);
    start_tf_idf(&o, "TF", 1, 2, 0);
    node_set_ints(o.n, "ngram_counts", (int64_t[]){0, 3}, 2, &o.err);
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), NULL));
    CHECK(one_fails(&o, "attribute ngram_counts"));
    one_end(&o);
    start_tf_idf(&o, "TF", 1, 2, 0);
    node_set_ints(o.n, "ngram_indexes", (int64_t[]){3, 2, 1, (int64_t)1 << 60}, 4, &o.err);
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), NULL));
    CHECK(one_fails(&o, "beyond the limit"));
    one_end(&o);
    start_tf_idf(&o, "TF", 1, 2, 0);
    node_set_ints(o.n, "ngram_indexes", (int64_t[]){0}, 1, &o.err);
    node_remove_attr(o.n, "weights");
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), NULL));
    CHECK(one_fails(&o, "attribute ngram_indexes has 1 entries"));
    one_end(&o);
    start_tf_idf(&o, "TF", 1, 2, 0);
    one_in(&o, strings(1, WORDS("a")));
    CHECK(one_fails(&o, "pool_strings and pool_int64s"));
    one_end(&o);
}

int main(void)
{
    RUN(test_concat);
    RUN(test_split);
    RUN(test_normalizer);
    RUN(test_regex);
    RUN(test_tf_idf);
    return TEST_END();
}
