#include <string.h>

#include "../../test.h"
#include "parse/pickle.h"

static struct pickle *read(const char *bytes, size_t size, struct arena *arena, struct error *err)
{
    arena_init(arena);
    return pickle_read(bytes, size, NULL, arena, err);
}

/* [1, -2, 1.5, 'a', (True, None), {'k': [1, …]}], where the dict's value is the first part again. */
static const char all[] = "\x80\x02]q\x00(K\x01J\xfe\xff\xff\xffG\x3f\xf8\x00\x00\x00\x00\x00\x00X\x01\x00\x00\x00"
                          "a\x88N\x86q\x01}X\x01\x00\x00\x00kh\x01se.";

static void reads_all_kinds(void)
{
    struct arena arena;
    struct error err;
    struct pickle *p = read(all, sizeof(all) - 1, &arena, &err);
    CHECK(p && p->kind == PICKLE_LIST && p->size == 6);
    if (p && p->size == 6) {
        CHECK(p->items[0]->i == 1 && p->items[1]->i == -2 && p->items[2]->f == 1.5);
        CHECK_STR(p->items[3]->text, "a");
        CHECK(p->items[4]->kind == PICKLE_TUPLE && p->items[4]->items[0]->i == 1 &&
              p->items[4]->items[1]->kind == PICKLE_NONE);
        CHECK(pickle_member(p->items[5], "k") == p->items[4] && !pickle_member(p->items[5], "x") &&
              !pickle_member(p, "k"));
    }
    arena_release(&arena);
}

/* A call is told, not made. */
static void calls_nothing(void)
{
    static const char evil[] = "\x80\x02"
                               "cos\nsystem\nX\x04\x00\x00\x00true\x85R.";
    struct arena arena;
    struct error err;
    struct pickle *p = read(evil, sizeof(evil) - 1, &arena, &err);
    CHECK(p && p->kind == PICKLE_CALL && pickle_is_global(p->items[0], "os system"));
    CHECK(p && p->items[1]->kind == PICKLE_TUPLE && strcmp(p->items[1]->items[0]->text, "true") == 0);
    arena_release(&arena);
}

static void refuses(void)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *why;
    } bad[] = {
        {"", 0, "the end"},
        {".", 1, "the stack is empty"},
        {"]", 1, "the end"},
        {"(.", 2, "the stack is empty"},
        {"\x85.", 2, "the stack is empty"},
        {"t.", 2, "no mark"},
        {"Na.", 3, "the stack is empty"},
        {"NNa.", 4, "no list or dict"},
        {"}Ns.", 4, "the stack is empty"},
        {"}(Nu.", 5, "no list or dict"},
        {"h\x05.", 3, "not made"},
        {"Nr\xff\xff\xff\xff.", 7, "far beyond"},
        {"X\xff\xff\xff\xff.", 6, "within a string"},
        {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", 10, "within a string"},
        {"\x8a\x20.", 3, "64 bits"},
        {"cos\n", 4, "within a name"},
        {"ios\nsystem\n.", 12, "not read"},
        {"Nb.", 3, "the stack is empty"},
        {"NNb.", 4, "no object"},
        {"NN\x93.", 4, "no string"},
        {"\x82\x01.", 3, "not read"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct arena arena;
        struct error err;
        CHECK_MSG(!read(bad[i].bytes, bad[i].size, &arena, &err), "%zu", i);
        CHECK_MSG(strstr(err.text, bad[i].why), "%zu: %s", i, err.text);
        arena_release(&arena);
    }
}

/* Every beginning is refused; changed bytes are read or refused, within the bytes. */
static void survives_changes(void)
{
    char bytes[sizeof(all)];
    struct arena arena;
    struct error err;
    for (size_t n = 0; n + 1 < sizeof(all) - 1; n++) {
        CHECK_MSG(!read(all, n, &arena, &err), "%zu bytes", n);
        arena_release(&arena);
    }
    for (unsigned i = 0; i < 20000; i++) {
        memcpy(bytes, all, sizeof(all));
        bytes[2 + i * 7919u % (sizeof(all) - 3)] = (char)(i * 2654435761u >> 13);
        read(bytes, sizeof(all) - 1, &arena, &err);
        arena_release(&arena);
    }
    CHECK(true);
}

int main(void)
{
    RUN(reads_all_kinds);
    RUN(calls_nothing);
    RUN(refuses);
    RUN(survives_changes);
    return TEST_END();
}
