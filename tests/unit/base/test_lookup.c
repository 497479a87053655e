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

int main(void)
{
    RUN(names_are_found_again);
    RUN(a_name_is_there_once);
    return TEST_END();
}
