/* Messages, all on standard error. */
#include <ctype.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "program.h"

static bool progress_shown;

/* ---- progress ---- */

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void wipe_progress(void)
{
    if (progress_shown) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    progress_shown = false;
}

/* "34 of 100, 12 s left" */
static void print_progress(const char *what, size_t done, size_t total, double took)
{
    double left = done ? took / (double)done * (double)(total - done) : 0;
    fprintf(stderr, "\r\033[K%s: %zu", what, done);
    if (total)
        fprintf(stderr, " of %zu, %.0f s left", total, left);
    fflush(stderr);
    progress_shown = true;
}

void say_progress(const char *what, size_t done, size_t total)
{
    static double start, last;
    if (program_loudness < 0 || !isatty(2))
        return;
    double t = now();
    if (start == 0)
        start = t;
    if (total && done >= total) {
        wipe_progress();
        start = 0;
    } else if (t - start > 1 && t - last > 0.1) {
        print_progress(what, done, total, t - start);
        last = t;
    }
}

/* ---- messages ---- */

/* The reader of our pipe has gone: it knows why, and nobody wants to hear of it. */
static bool is_unread(void)
{
    struct pollfd out = {.fd = 1, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

#define LONGEST 8192 /* bytes of a message, which is cut off there: longer than a path and what is wrong with it */

size_t control_size(const char *s)
{
    unsigned char c = (unsigned char)*s, next = c == 0xc2 ? (unsigned char)s[1] : 0;
    return c && iscntrl(c) ? 1 : next >= 0x80 && next < 0xa0 ? 2 : 0; /* U+0080 to U+009F */
}

static void say(const char *format, va_list list)
{
    char text[LONGEST]; /* when memory is out, too */
    if (is_unread())
        return;
    vsnprintf(text, sizeof text, format, list);
    for (char *c = text; *c; c++)
        memset(c, '?', control_size(c)); /* of a file's name */
    wipe_progress();
    fflush(stdout); /* so that on one terminal they come in order */
    fprintf(stderr, "%s: %s%s\n", program_name, *text == ':' ? "''" : "", text); /* a file without a name */
}

int say_failed(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(format, list);
    va_end(list);
    return 1;
}

int say_usage(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(format, list);
    va_end(list);
    return 2;
}

void exit_usage(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(format, list);
    va_end(list);
    exit(2);
}

void say_note(const char *format, ...)
{
    va_list list;
    if (program_loudness < 0)
        return;
    va_start(list, format);
    say(format, list);
    va_end(list);
}

const char *path_name(const char *path)
{
    return !path || strcmp(path, "-") == 0 ? "standard input" : path;
}

void *get_memory(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        exit(say_failed("out of memory"));
    return p;
}

char *get_copy(const char *text)
{
    size_t n = strlen(text) + 1;
    return memcpy(get_memory(n, 1), text, n);
}
