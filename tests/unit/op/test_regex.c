/* Regular expressions. */
#include "../../test.h"

#include <stdlib.h>

#include "op/regex.h"

static int match(const char *pattern, const char *text)
{
    struct regex r;
    struct error err;
    int result = regex_init(&r, pattern, strlen(pattern), &err) ? -1 : regex_matches(&r, text, strlen(text));
    if (result < 0)
        printf("  %s: %s\n", pattern, err.text);
    regex_release(&r);
    return result;
}

static void test_matches(void)
{
    static const struct {
        const char *pattern, *yes[4], *no[4];
    } rows[] = {
        {"", {""}, {"a"}},
        {"a*b+c?", {"b", "aabbc"}, {"", "aac", "abcc"}},
        {"(a|b)*abb", {"abb", "babaabb"}, {"ab", "abba"}},
        {"a|", {"a", ""}, {"aa"}},
        {"(|a)b", {"b", "ab"}, {"aab"}},
        {"(a*)*", {"", "aaa"}, {"b"}},
        {"(?:(?:a?){2,3}){2}", {"", "aaaaaa"}, {"aaaaaaa"}},
        {"a{2}b{1,}c{0,2}", {"aab", "aabbbcc"}, {"ab", "aabccc"}},
        {"x{,2}", {"x{,2}"}, {"", "x"}},
        {"a{", {"a{"}, {"a"}},
        {"[a-c]+", {"abc"}, {"d", ""}},
        {"[^a-c]", {"d", "\n", "\xc3\xa9"}, {"a", "dd"}},
        {"[]a]+", {"]a]"}, {"b"}},
        {"[a\\]-]+", {"a]-"}, {"b"}},
        {"[\\d.]+", {"1.5"}, {"a"}},
        {"[^\\D5]", {"4"}, {"5", "a"}},
        {"[[:alpha:]_]+", {"Ab_"}, {"1"}},
        {"[[:^digit:]]", {"x"}, {"7"}},
        {".", {"a", "\xe2\x82\xac"}, {"\n", "", "\xff", "\xc3"}},
        {"(?s).", {"\n"}, {"ab"}},
        {"(?i)abc", {"aBC"}, {"ab"}},
        {"(?i:a)b", {"Ab"}, {"AB"}},
        {"((?i)a)b", {"Ab"}, {"AB"}},
        {"(?i)a(?-i)b", {"Ab"}, {"AB"}},
        {"(?i)[x-z\xc3\xa9]", {"Y", "\xc3\x89"}, {"a"}},
        {"\\bfoo\\b.*", {"foo", "foo bar"}, {"foobar"}},
        {"foo\\B.+", {"foobar"}, {"foo bar"}},
        {"^a$|\\Ab\\z", {"a", "b"}, {"a\n"}},
        {"(?m)a$\n^b", {"a\nb"}, {"ab"}},
        {"a$\nb", {NULL}, {"a\nb"}},
        {"\\x41\\x{20ac}\\101\\t",
         {"A\xe2\x82\xac"
          "A\t"},
         {"A"}},
        {"\\Qa.*\\Eb+", {"a.*bb"}, {"axb"}},
        {"\\Q.*", {".*"}, {"a"}},
        {"(?P<name>a)(?<other>b)", {"ab"}, {"a"}},
        {"a+?b??", {"aa", "ab"}, {"b"}},
        {"L", {"L"}, {"l"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int k = 0; k < 4; k++) {
            CHECK_MSG(!rows[i].yes[k] || match(rows[i].pattern, rows[i].yes[k]) == 1, "%s on %s", rows[i].pattern,
                      rows[i].yes[k]);
            CHECK_MSG(!rows[i].no[k] || match(rows[i].pattern, rows[i].no[k]) == 0, "%s on %s", rows[i].pattern,
                      rows[i].no[k]);
        }
}

static void test_errors(void)
{
    static const char *const bad[] = {
        "(",    ")",           "a)",      "(a",     "[a",   "[",       "[^",    "[z-a]",     "*",          "a**",
        "a+*",  "a{2}{3}",     "a{1001}", "a{3,2}", "\\",   "\\1",     "\\8",   "\\q",       "\\pL",       "\\C",
        "\\x",  "\\x{110000}", "\\x{}",   "(?",     "(?z)", "(?P<>a)", "(?P<n", "(?i",       "[[:nope:]]", "(?-)",
        "\xff", "[\xff]",      "(?=a)",   "(?!a)",  "[\\",  "|*",      "(*)",   "a\\Qb\xc3",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct regex r;
        struct error err = {""};
        CHECK_MSG(regex_init(&r, bad[i], strlen(bad[i]), &err) == -1 &&
                      strncmp(err.text, "attribute pattern, byte ", 24) == 0,
                  "%s: %s", bad[i], err.text);
        regex_release(&r);
    }
}

/* What must be refused or done in time, not run for ages or deep into the stack. */
static void test_hostile(void)
{
    struct regex r;
    struct error err;
    static char deep[100001], text[20001];
    memset(deep, '(', 100000);
    CHECK(regex_init(&r, deep, 100000, &err) == -1);
    regex_release(&r);
    static const char *const large[] = {"(((a{1000}){1000}){1000}){1000}", "((a?){1000}){1000}"};
    for (int i = 0; i < 2; i++) {
        CHECK(regex_init(&r, large[i], strlen(large[i]), &err) == -1 && strstr(err.text, "too large"));
        regex_release(&r);
    }
    CHECK(match("((((){1000}){1000}){1000}){1000}", "") == 1);
    memset(text, 'a', 20000);
    CHECK(match("(a|aa|a*)*b", text) == 0);
    CHECK(match("(?:a?){300}a{300}", text) == 0);
    CHECK(match("(a*)*(a*)*", text) == 1);
}

int main(void)
{
    RUN(test_matches);
    RUN(test_errors);
    RUN(test_hostile);
    return TEST_END();
}
