#include "base/error.h"

#include <stdlib.h>

#include "../../test.h"

static void test_set_and_prefix(void)
{
    struct error err = {""};

    CHECK(error_set(&err, "%d values, want %d", 3, 4) == -1);
    CHECK_STR(err.text, "3 values, want 4");
    CHECK(error_prefix(&err, "attribute %s", "pads") == -1);
    CHECK(error_prefix(&err, "net.onnx") == -1);
    CHECK_STR(err.text, "net.onnx: attribute pads: 3 values, want 4");
    CHECK(error_memory(&err) == -1 && err.text[0]);
}

static void test_null(void)
{
    CHECK(error_set(NULL, "x") == -1);
    CHECK(error_prefix(NULL, "x") == -1);
    CHECK(error_memory(NULL) == -1);
}

static void test_own_text_as_argument(void)
{
    struct error err = {""};

    error_set(&err, "inner");
    error_set(&err, "outer (%s)", err.text);
    CHECK_STR(err.text, "outer (inner)");
    error_prefix(&err, "%s", err.text);
    CHECK_STR(err.text, "outer (inner): outer (inner)");
}

static void test_one_line(void)
{
    struct error err = {""};

    error_set(&err, "node '%s'", "a\nb\x1b[2J\x7f\t\xc3\xa9");
    CHECK_STR(err.text, "node 'a?b?[2J??\xc3\xa9'");
    error_prefix(&err, "x\r");
    CHECK_STR(err.text, "x?: node 'a?b?[2J??\xc3\xa9'");
    error_set(&err, "%s", "\xc2\x9b[2J \xc2\xa0\xc2");
    CHECK_STR(err.text, "??[2J \xc2\xa0\xc2");
}

static void test_truncation(void)
{
    struct error err = {""};
    char *name = malloc(5001);

    memset(name, 'n', 5000);
    name[5000] = '\0';
    error_set(&err, "%s", name);
    CHECK(strlen(err.text) == sizeof err.text - 1);
    error_prefix(&err, "p");
    CHECK(strlen(err.text) == sizeof err.text - 1 && strncmp(err.text, "p: nnn", 6) == 0);
    error_prefix(&err, "%s", name);
    CHECK(strlen(err.text) == sizeof err.text - 1 && err.text[sizeof err.text - 2] == 'n');
    free(name);
}

/* A message cut within a character of 2, 3 or 4 bytes ends before it. */
static void test_truncated_utf8(void)
{
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

    for (size_t c = 0; c < 3; c++) {
        for (size_t lead = 0; lead < 4; lead++) {
            struct error err = {""};
            char name[3000] = "";
            size_t n = strlen(characters[c]), fit = (sizeof err.text - 1 - lead) / n * n + lead;

            memset(name, 'x', lead);
            while (strlen(name) < 2000)
                strcat(name, characters[c]);
            error_set(&err, "%s", name);
            CHECK_MSG(strlen(err.text) == fit, "%zu, want %zu", strlen(err.text), fit);
        }
    }
}

int main(void)
{
    RUN(test_set_and_prefix);
    RUN(test_null);
    RUN(test_own_text_as_argument);
    RUN(test_one_line);
    RUN(test_truncation);
    RUN(test_truncated_utf8);
    return TEST_END();
}
