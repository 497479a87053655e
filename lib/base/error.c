#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Names out of a model end up in messages: a line break or an escape sequence in one must not reach the terminal. */
static void keep_one_line(char *text)
{
    for (char *p = text; *p;) {
        size_t n = text_control_size(p, 2); /* the NUL is behind the last */
        memset(p, '?', n);                  /* the second byte alone may be obeyed too */
        p += n ? n : 1;
    }
}

/* Drops a UTF-8 character that truncation cut in two. */
static void trim_partial_character(char *text)
{
    size_t n = strlen(text), tail = 0;

    while (tail < n && tail < 3 && ((unsigned char)text[n - 1 - tail] & 0xc0) == 0x80)
        tail++;
    if (tail < n && (unsigned char)text[n - 1 - tail] >= 0xc0) {
        unsigned char lead = (unsigned char)text[n - 1 - tail];
        size_t want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;

        if (tail < want)
            text[n - 1 - tail] = '\0';
    }
}

static void finish(struct error *err, const char *text)
{
    size_t n = strlen(text);

    if (n >= sizeof err->text)
        n = sizeof err->text - 1;
    memcpy(err->text, text, n);
    err->text[n] = '\0';
    keep_one_line(err->text);
    if (n == sizeof err->text - 1)
        trim_partial_character(err->text);
}

/* Both format into a buffer of their own, since an argument may be err->text itself. */
int error_set(struct error *err, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;

    if (!err)
        return -1;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    finish(err, text);
    return -1;
}

int error_prefix(struct error *err, const char *format, ...)
{
    char text[2 * sizeof err->text + 2];
    size_t used;
    va_list args;

    if (!err)
        return -1;
    va_start(args, format);
    vsnprintf(text, sizeof err->text, format, args);
    va_end(args);
    used = strlen(text);
    snprintf(text + used, sizeof text - used, ": %s", err->text);
    finish(err, text);
    return -1;
}

int error_memory(struct error *err)
{
    return error_set(err, "not enough memory");
}
