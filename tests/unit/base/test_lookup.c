#include "../../test.h"
#include "base/lookup.h"

static struct error err;

static void names_are_found_again(void)
{
    static char names[1000][8];
    struct lookup t = {0};
    for (int i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof(names[i]), "n%d", i);
        CHECK(lookup_add(&t, names[i], names[i], &err) == 0);
    }
    for (int i = 0; i < 1000; i++) {
        char name[8];
        snprintf(name, sizeof(name), "n%d", i);
        CHECK(lookup_find(&t, name) == names[i]);
    }
    CHECK(!lookup_find(&t, "n1000"));
    lookup_release(&t);
}

static void a_name_is_there_once(void)
{
    struct lookup t = {0};
    int what;
    CHECK(!lookup_find(&t, "a"));
    CHECK(lookup_add(&t, "a", &what, &err) == 0);
    CHECK(lookup_add(&t, "a", &what, &err) == -1);
    CHECK_STR(err.text, "'a' is there twice");
    lookup_release(&t);
}

/* The next number where all before are taken; a free one in any case. */
static void fresh_names(void)
{
    static char names[100][8];
    struct lookup t = {0};
    char text[LOOKUP_FRESH], want[16];
    lookup_fresh(&t, "a", 1, text);
    CHECK_STR(text, "a");
    CHECK(lookup_add(&t, "a", &t, &err) == 0);
    for (int i = 0; i < 100; i++) {
        lookup_fresh(&t, "a", 2, text);
        snprintf(want, sizeof(want), "a_%d", i + 2);
        CHECK_STR(text, want);
        snprintf(names[i], sizeof(names[i]), "a_%d", i + 2);
        CHECK(lookup_add(&t, names[i], &t, &err) == 0);
    }
    for (const char *hole = "a_103a_105a_109a_110a_117a_133"; *hole; hole += 5) {
        static char others[8][8];
        static int n;
        snprintf(others[n], sizeof(others[n]), "%.5s", hole);
        CHECK(lookup_add(&t, others[n++], &t, &err) == 0);
        lookup_fresh(&t, "a", 2, text);
        CHECK_MSG(!lookup_find(&t, text), "%s", text);
    }
    lookup_release(&t);
}

/* A long base leaves room for what is put behind it: such names, once written, are bases themselves. */
static void long_names_stay(void)
{
    struct lookup t = {0};
    char base[600], text[LOOKUP_FRESH], again[LOOKUP_FRESH];
    memset(base, 'a', sizeof(base));
    base[599] = '\0';
    lookup_fresh(&t, base, 2, text);
    CHECK(lookup_add(&t, text, &t, &err) == 0);
    lookup_fresh(&t, base, 2, again);
    CHECK(strlen(again) == strlen(text) + 2);
    snprintf(base, sizeof(base), "%s/Reshape_4/weight", again);
    lookup_fresh(&t, base, 2, again);
    CHECK_STR(again, base);
    lookup_release(&t);
}

int main(void)
{
    RUN(names_are_found_again);
    RUN(a_name_is_there_once);
    RUN(fresh_names);
    RUN(long_names_stay);
    return TEST_END();
}
