/* Lines of a file or a pipe; the next one can be looked at where it has not to be waited for. */
#include "lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/program.h"

#define ROOM 65536

void lines_release(struct lines *l)
{
    free(l->text);
    free(l->line);
    free(l->next);
}

bool lines_fill(struct lines *l)
{
    ssize_t n;
    if (l->begin)
        memmove(l->text, l->text + l->begin, l->size -= l->begin);
    l->begin = 0;
    if (l->size == l->room) {
        char *more = realloc(l->text, l->room = l->room ? 2 * l->room : ROOM);
        if (!more)
            exit(say_failed("out of memory"));
        l->text = more;
    }
    while ((n = read(l->fd, l->text + l->size, l->room - l->size)) < 0 && errno == EINTR)
        continue;
    l->failed = n < 0 ? errno : 0;
    l->size += n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* How long the first line is that has an end; -1: none has. */
static ptrdiff_t first_length(const struct lines *l)
{
    const char *at = l->text + l->begin, *end = l->size > l->begin ? memchr(at, l->end, l->size - l->begin) : NULL;
    return end ? end - at : -1;
}

/* A list from Windows ends its lines with two characters. */
static size_t without_return(const struct lines *l, size_t n)
{
    return n && l->end == '\n' && l->text[l->begin + n - 1] == '\r' ? n - 1 : n;
}

static char *copy(const struct lines *l, size_t n)
{
    char *line = get_memory(n + 1, 1);
    if (n)
        memcpy(line, l->text + l->begin, n);
    return line;
}

char *lines_read(struct lines *l, size_t *n)
{
    ptrdiff_t length;
    size_t dropped = 0, rest;
    while ((length = first_length(l)) < 0) {
        if (l->size - l->begin > LINES_LONGEST) {
            dropped += l->size - l->begin;
            l->begin = l->size;
        }
        if (!lines_fill(l))
            break;
    }
    rest = length < 0 ? l->size - l->begin : (size_t)length;
    size_t kept = without_return(l, rest);
    *n = dropped + kept;
    free(l->line);
    l->line = length < 0 && dropped + rest == 0 ? NULL : copy(l, kept);
    l->begin += rest + (length >= 0);
    return l->line;
}

const char *lines_next(struct lines *l)
{
    struct pollfd in = {.fd = l->fd, .events = POLLIN};
    ptrdiff_t length;
    while ((length = first_length(l)) < 0 && l->size - l->begin <= LINES_LONGEST && poll(&in, 1, 0) == 1 &&
           lines_fill(l))
        continue;
    free(l->next);
    return l->next = length < 0 ? NULL : copy(l, without_return(l, (size_t)length));
}
