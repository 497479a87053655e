/* One file is all programs: its name, or its first operand, says which. Each of them is a link to it. */
#include <stdio.h>
#include <string.h>

#include "program.h"

static const struct entry {
    const char *name;
    int (*main)(int argc, char **argv);
} entries[] = {
#define PROGRAM(name) {#name, name##_main},
#include "programs.def"
#undef PROGRAM
};

#define ENTRIES (sizeof entries / sizeof entries[0])

static const struct entry *find(const char *name)
{
    for (size_t i = 0; i < ENTRIES; i++)
        if (strcmp(entries[i].name, name) == 0)
            return &entries[i];
    return NULL;
}

/* "/usr/bin/nnrun": "run". */
static const char *own_name(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t prefix = strlen(PROGPREFIX);
    return strncmp(name, PROGPREFIX, prefix) == 0 ? name + prefix : name;
}

static int tell_usage(void)
{
    fputs("usage: " PROGPREFIX " PROGRAM [OPTION ...] [OPERAND ...], of the programs", stderr);
    for (size_t i = 0; i < ENTRIES; i++)
        fprintf(stderr, "%s %s", i ? "," : "", entries[i].name);
    fputs("; each is " PROGPREFIX "PROGRAM too, and tells with -h how it is used\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    const struct entry *called = argc > 0 ? find(own_name(argv[0])) : NULL, *named = argc > 1 ? find(argv[1]) : NULL;
    if (called)
        return called->main(argc, argv);
    return named ? named->main(argc - 1, argv + 1) : tell_usage();
}
