#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"

const char *program_name = "nn";
int program_loudness;
bool program_json;

static const struct program *the;
static int arg_count;
static char **args;
static struct option *long_options; /* for getopt_long(), made from the table */
static char *letters;

/* ---- starting and ending ---- */

static void on_signal(int number)
{
    model_abandon_files();
    signal(number, SIG_DFL);
    raise(number);
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXCPU, SIGXFSZ};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old, action = {.sa_handler = on_signal};
        sigemptyset(&action.sa_mask);
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

/* A file opened later must not get a standard descriptor's number; writing to an output that is closed still fails. */
static void open_standard(void)
{
    static const int modes[] = {O_RDWR, O_RDONLY, O_WRONLY};
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", modes[fd]) != fd)
            return;
}

static void make_options(void)
{
    size_t n = 0, used = 0;
    while (the->options[n].key)
        n++;
    long_options = get_memory(n + 1, sizeof *long_options);
    letters = get_memory(2 * n + 3, 1);
    letters[used++] = ':'; /* a missing value is told from an unknown option */
    for (size_t i = 0; i < n; i++) {
        const struct option_row *r = &the->options[i];
        bool optional = r->value && r->value[0] == '[';
        long_options[i] = (struct option){r->name,
                                          !r->value  ? no_argument
                                          : optional ? optional_argument
                                                     : required_argument,
                                          NULL, r->key};
        if (r->key >= OPTION_LONG)
            continue;
        letters[used++] = (char)r->key;
        if (r->value && !optional)
            letters[used++] = ':';
    }
}

void program_start(const struct program *program, int argc, char **argv)
{
    the = program;
    program_name = program->name;
    arg_count = argc;
    args = argv;
    open_standard();
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    setvbuf(stderr, NULL, _IOLBF, 1 << 12); /* a message in one piece, among those of other programs of a pipe */
    catch_signals();
    make_options();
    opterr = 0;
}

/* Why writing to standard output failed, the first time; 0: it did not. */
static int lost_because;

void program_output_lost(void)
{
    lost_because = lost_because ? lost_because : errno;
}

int program_end(int status)
{
    if (fflush(stdout) != 0)
        program_output_lost();
    if (lost_because || ferror(stdout))
        status = say_failed("standard output: %s", lost_because ? strerror(lost_because) : "not all could be written");
    free(long_options);
    free(letters);
    return status;
}

/* ---- the page that -h prints ---- */

/* Appends a piece of the usage, on a new line when this one is full. */
static void add_piece(size_t *column, const char *piece)
{
    size_t indent = strlen("usage: ") + strlen(the->name), n = strlen(piece);
    if (*column + 1 + n > 79) {
        printf("\n%*s", (int)indent, "");
        *column = indent;
    }
    printf(" %s", piece);
    *column += 1 + n;
}

static void print_usage(void)
{
    char piece[128], flags[64] = "[-";
    size_t n = 2, column = strlen("usage: ") + strlen(the->name);
    for (int c = '0'; c <= 'z'; c++)
        for (const struct option_row *r = the->options; r->key; r++)
            if (r->key == c && !r->value)
                flags[n++] = (char)c;
    memcpy(flags + n, "]", 2);
    printf("usage: %s", the->name);
    add_piece(&column, flags);
    for (const struct option_row *r = the->options; r->key; r++) {
        if (r->key < OPTION_LONG && !r->value)
            continue;
        if (r->key >= OPTION_LONG)
            snprintf(piece, sizeof piece, r->value && r->value[0] != '[' ? "[--%s %s]" : "[--%s%s]", r->name,
                     r->value ? r->value : "");
        else
            snprintf(piece, sizeof piece, "[-%c %s]", r->key, r->value);
        add_piece(&column, piece);
    }
    add_piece(&column, the->operands);
    putchar('\n');
}

static void print_option(const struct option_row *r)
{
    char text[64];
    const char *between = !r->value || r->value[0] == '[' ? "" : " ";
    if (r->key < OPTION_LONG)
        snprintf(text, sizeof text, "-%c, --%s%s%s", r->key, r->name, between, r->value ? r->value : "");
    else
        snprintf(text, sizeof text, "    --%s%s%s", r->name, between, r->value ? r->value : "");
    printf("  %-26s %s\n", text, r->help);
}

static void print_help(void)
{
    print_usage();
    printf("\n%s\n\n", the->what);
    for (const struct option_row *r = the->options; r->key; r++)
        print_option(r);
    printf("\nexample: %s\n", the->example);
}

static int print_version(void)
{
    struct model_error err;
    const char *level = model_level(&err), *at;
    if (!level)
        return say_usage("%s", err.text);
    printf("%s %s\nlevel: %s\nlevels:", the->name, model_version(), level);
    for (size_t i = 0; (at = model_level_at(i)); i++)
        printf(" %s", at);
    putchar('\n');
    return 0;
}

/* ---- options ---- */

static bool in_table(int key)
{
    for (const struct option_row *r = the->options; r->key; r++)
        if (r->key == key)
            return true;
    return false;
}

/* What getopt_long() did not take, as it was typed. */
static void refuse(int found)
{
    const char *typed = args[optind - 1];
    if (optopt > 0 && optopt < OPTION_LONG && !in_table(optopt))
        exit_usage("option '-%c' is not known; %s -h lists them", optopt, the->name);
    if (found == ':' && typed[1] != '-' && optopt > 0 && optopt < OPTION_LONG)
        exit_usage("option '-%c' wants a value", optopt);
    if (found == ':')
        exit_usage("option '%s' wants a value", typed);
    if (optopt)
        exit_usage("option '%.*s' takes no value", (int)strcspn(typed, "="), typed);
    exit_usage("option '%s' is not known, or short for several; %s -h lists them", typed, the->name);
}

/* Deals with those that all programs have; false for any other. */
static bool take_common(int key)
{
    switch (key) {
    case 'h':
        print_help();
        exit(program_end(0));
    case 'V':
        exit(program_end(print_version()));
    case 'q':
        program_loudness--;
        return true;
    case 'v':
        program_loudness++;
        return true;
    case 'J':
        program_json = true;
        return true;
    default:
        return false;
    }
}

static void check_level(void)
{
    struct model_error err;
    if (!model_level(&err))
        exit_usage("%s", err.text);
}

int program_option(const char **value)
{
    for (;;) {
        int key = getopt_long(arg_count, args, letters, long_options, NULL);
        *value = optarg;
        if (key == -1)
            check_level();
        if (key == '?' || key == ':')
            refuse(key);
        if (key == -1 || !take_common(key))
            return key;
    }
}

long program_number(const char *option, const char *text, long least, long most)
{
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    if (end == text || *end || errno || n < least || n > most)
        exit_usage("%s %s: want a number from %ld to %ld", option, text, least, most);
    return n;
}

double program_real(const char *option, const char *text, bool zero)
{
    char *end;
    double x = strtod(text, &end);
    if (end == text || *end || !isfinite(x) || x < 0 || (x == 0 && !zero))
        exit_usage("%s %s: want a number %s 0", option, text, zero ? "of at least" : "above");
    return x;
}
