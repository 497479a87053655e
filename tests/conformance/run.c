/* Runs ONNX's backend suite over the library.
 *
 *     run [-v] [-p plain|optimized|reference] [-t SECONDS] DATA EXPECTED [CASE…]
 *     run -l    the instruction sets that this processor has
 *
 * DATA is onnx/backend/test/data of the wheel. EXPECTED lists the cases that are known to fail, each with its reason;
 * they count as failed, and one that passes has to be taken off. CASE is a pattern as the shell's. A case slower than
 * SECONDS (5; 0: no limit) has failed. Status 0: the failures are just those expected. */
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance.h"
#include "kernel/kernel.h"

#define MOST_CASES   4000
#define MOST_SECONDS 600 /* then a case is ended */

struct row {
    char op[80];
    int cases, passed, failed, unsupported;
};

struct suite {
    bool verbose, paths[PATHS];
    double limit;
    const char *data;
    char *expected; /* the list's text */
    char **patterns;
    int pattern_count;
    struct row rows[MOST_CASES];
    int row_count;
    int passed, failed, unsupported, surprises;
};

/* ---- the list of expected failures: a case, then its reason, a line ---- */

static char *read_text(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 18);
    if (!f || !text || fread(text, 1, (1 << 18) - 1, f) == 0 || ferror(f)) {
        perror(path);
        exit(2);
    }
    fclose(f);
    return text;
}

/* The line of a case; NULL. */
static const char *expected_line(const struct suite *s, const char *name)
{
    size_t n = strlen(name);
    for (const char *line = s->expected; *line; line += strcspn(line, "\n") + 1) {
        if (strncmp(line, name, n) == 0 && line[n] == ' ')
            return line;
        if (!strchr(line, '\n'))
            break;
    }
    return NULL;
}

/* ---- one case in a process of its own, so that a fault ends that case alone ---- */

static void child(const struct suite *s, const struct test_case *c, int fd)
{
    struct result r = {.outcome = PASSED};
    alarm(MOST_SECONDS);
    proto_operator(c->model, r.op, sizeof(r.op));
    case_run(c, s->paths, &r);
    if (write(fd, &r, sizeof(r)) != (ssize_t)sizeof(r))
        exit(1);
    exit(0); /* where a leak is found, if the sanitizer is there */
}

static void run_apart(const struct suite *s, const struct test_case *c, struct result *r)
{
    int fds[2], status = 0;
    fflush(stdout);
    if (pipe(fds) != 0) {
        perror("pipe");
        exit(2);
    }
    pid_t pid = fork();
    if (pid == 0)
        child(s, c, fds[1]);
    close(fds[1]);
    bool told = read(fds[0], r, sizeof(*r)) == (ssize_t)sizeof(*r);
    close(fds[0]);
    waitpid(pid, &status, 0);
    if (told && status == 0)
        return;
    if (!told)
        *r = (struct result){.op = "?"};
    r->outcome = FAILED;
    snprintf(r->text, sizeof(r->text), "ended with %s %d", WIFSIGNALED(status) ? "signal" : "status",
             WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/* ---- the table ---- */

static struct row *find_row(struct suite *s, const char *op)
{
    for (int i = 0; i < s->row_count; i++)
        if (strcmp(s->rows[i].op, op) == 0)
            return &s->rows[i];
    snprintf(s->rows[s->row_count].op, sizeof(s->rows[0].op), "%s", op);
    return &s->rows[s->row_count++];
}

static void count(struct suite *s, const struct test_case *c, const struct result *r)
{
    struct row *row = find_row(s, strcmp(c->group, "node") == 0 ? r->op : c->group);
    row->cases++;
    row->passed += r->outcome == PASSED;
    row->failed += r->outcome == FAILED;
    row->unsupported += r->outcome == UNSUPPORTED;
    s->passed += r->outcome == PASSED;
    s->failed += r->outcome != PASSED;
}

static void report(struct suite *s, const struct test_case *c, const struct result *r)
{
    const char *line = expected_line(s, c->name);
    if (r->outcome == PASSED && line) {
        printf("%s passes: take it off the list of expected failures\n", c->name);
        s->surprises++;
    } else if (r->outcome != PASSED) {
        printf("%s %s%s: %s\n", c->name, r->outcome == UNSUPPORTED ? "unsupported" : "failed",
               line ? " (expected)" : "", r->text);
        s->surprises += !line;
    } else if (s->verbose) {
        printf("%s passed, %.3f s\n", c->name, r->seconds);
    }
}

static int by_op(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->op, ((const struct row *)b)->op);
}

static void print_table(struct suite *s)
{
    qsort(s->rows, (size_t)s->row_count, sizeof(s->rows[0]), by_op);
    printf("\n%-40s %6s %6s %6s %11s\n", "operator or group", "cases", "passed", "failed", "unsupported");
    for (int i = 0; i < s->row_count; i++)
        printf("%-40s %6d %6d %6d %11d\n", s->rows[i].op, s->rows[i].cases, s->rows[i].passed, s->rows[i].failed,
               s->rows[i].unsupported);
    printf("\n%d passed, %d failed, 0 skipped\n", s->passed, s->failed);
}

/* ---- all cases ---- */

static bool is_wanted(const struct suite *s, const char *name)
{
    for (int i = 0; i < s->pattern_count; i++)
        if (fnmatch(s->patterns[i], name, 0) == 0)
            return true;
    return s->pattern_count == 0;
}

/* A case "…_expanded" is about the operator that was expanded. */
static void name_expanded(const struct test_case *c, struct result *r)
{
    char path[4096];
    const char *end = strstr(c->name, "_expanded");
    if (!end || !c->folder)
        return;
    snprintf(path, sizeof(path), "%.*s%.*s/model.onnx", (int)(strlen(c->folder) - strlen(c->name)), c->folder,
             (int)(end - c->name), c->name);
    if (access(path, R_OK) == 0)
        proto_operator(path, r->op, sizeof(r->op));
}

static void run_case(struct suite *s, const struct test_case *c)
{
    struct result r = {.outcome = FAILED};
    if (!is_wanted(s, c->name))
        return;
    run_apart(s, c, &r);
    name_expanded(c, &r);
    if (r.outcome == PASSED && s->limit > 0 && r.seconds > s->limit) {
        r.outcome = FAILED;
        snprintf(r.text, sizeof(r.text), "took %.1f s, want at most %.1f", r.seconds, s->limit);
    }
    count(s, c, &r);
    report(s, c, &r);
}

static void run_group(struct suite *s, const char *group)
{
    char pattern[4096], name[256];
    glob_t found;
    bool light = strcmp(group, "light") == 0;
    snprintf(pattern, sizeof(pattern), light ? "%s/%s/*.onnx" : "%s/%s/*/model.onnx", s->data, group);
    if (glob(pattern, 0, NULL, &found) != 0) {
        fprintf(stderr, "%s: no cases\n", pattern);
        exit(2);
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *model = found.gl_pathv[i], *folder = light ? NULL : strndup(model, strlen(model) - strlen("/model.onnx"));
        const char *base = strrchr(light ? model : folder, '/') + 1;
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "."), base);
        run_case(s, &(struct test_case){group, name, model, folder});
        free(folder);
    }
    globfree(&found);
}

static int list_levels(void)
{
    static const char *const levels[] = {"generic", "avx2", "avx512", "neon"};
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (kernel_select(levels[i], NULL))
            puts(levels[i]);
    return 0;
}

static int usage(void)
{
    fputs("usage: run [-v] [-p plain|optimized|reference] [-t SECONDS] DATA EXPECTED [CASE…]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static struct suite s = {.limit = 5, .paths = {true, true, true}};
    static const char *const groups[] = {"node", "simple", "pytorch-converted", "pytorch-operator", "light"};
    for (int option; (option = getopt(argc, argv, "lvp:t:")) != -1;) {
        if (option == '?')
            return usage();
        if (option == 'l')
            return list_levels();
        s.verbose |= option == 'v';
        s.limit = option == 't' ? atof(optarg) : s.limit;
        for (int i = 0; option == 'p' && i < PATHS; i++)
            s.paths[i] = strcmp(optarg, path_names[i]) == 0;
    }
    if (argc - optind < 2)
        return usage();
    s.data = argv[optind];
    s.expected = read_text(argv[optind + 1]);
    s.patterns = argv + optind + 2;
    s.pattern_count = argc - optind - 2;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
        run_group(&s, groups[i]);
    print_table(&s);
    free(s.expected);
    return s.surprises > 0;
}
