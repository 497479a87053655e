#define _GNU_SOURCE /* sigtimedwait */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"

#define OPEN_MOST 64
#define WRITE_MOST ((size_t)1 << 30)

/* The names of all temporary files there are, for file_abandon_all(). A signal handler gets no argument: this is the
 * one thing in the library that all of a process shares. Who takes a name out of the list owns it; what a handler took
 * is never freed, since the handler may be reading it. */
static _Atomic(char *) temporaries[OPEN_MOST];

static bool list_add(char *name)
{
    for (int i = 0; i < OPEN_MOST; i++) {
        char *empty = NULL;

        if (atomic_compare_exchange_strong(&temporaries[i], &empty, name))
            return true;
    }
    return false;
}

/* False: a handler has it. */
static bool list_take(char *name)
{
    for (int i = 0; i < OPEN_MOST; i++) {
        char *want = name;

        if (atomic_compare_exchange_strong(&temporaries[i], &want, NULL))
            return true;
    }
    return false;
}

void file_abandon_all(void)
{
    int before = errno;

    for (int i = 0; i < OPEN_MOST; i++) {
        char *name = atomic_exchange(&temporaries[i], NULL);

        if (name)
            unlink(name);
    }
    errno = before;
}

static void forget(struct file_out *out)
{
    if (out->temporary && list_take(out->temporary))
        free(out->temporary);
    free(out->path);
    *out = (struct file_out){.fd = -1};
}

void file_abandon(struct file_out *out)
{
    if (out->temporary)
        unlink(out->temporary);
    if (out->fd > STDERR_FILENO)
        close(out->fd);
    forget(out);
}

/* ".NAME.XXXXXX" in the folder of `path`, with NAME cut to what a file name may hold. */
static char *temporary_name(const char *path, uint64_t random, struct error *err)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t size = strlen(path) + 32;
    char *name = mem_calloc(size, 1, err);

    if (name)
        snprintf(name, size, "%.*s.%.200s.%012llx", (int)(base - path), path, base,
                 (unsigned long long)(random & 0xffffffffffff));
    return name;
}

/* Opens a new temporary file, whose name stands in the list before the file exists: no moment is left for a signal. The
 * kernel applies the umask to `mode`; asking for it would mean changing it for all threads. */
static int open_temporary(struct file_out *out, mode_t mode, struct error *err)
{
    struct timespec now;
    uint64_t seed;
    int code = 0;

    clock_gettime(CLOCK_MONOTONIC, &now);
    seed = (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 30 ^ (uint64_t)getpid() << 40 ^ (uintptr_t)out;
    for (int tries = 0; tries < 100; tries++) {
        out->temporary = temporary_name(out->path, hash_random(&seed), err);
        if (!out->temporary)
            return -1;
        if (!list_add(out->temporary)) {
            free(out->temporary);
            out->temporary = NULL;
            return error_set(err, "%d files are being written at once, the most there may be", OPEN_MOST);
        }
        out->fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (out->fd >= 0)
            return 0;
        code = errno;
        if (list_take(out->temporary))
            free(out->temporary);
        out->temporary = NULL;
        if (code != EEXIST)
            break;
    }
    return error_set(err, "cannot create a file in its folder: %s", strerror(code));
}

/* Beside an existing regular file, with its permissions, which the new one must not exceed even while it is written. */
static int create_over(struct file_out *out, const struct stat *old, struct error *err)
{
    if (faccessat(AT_FDCWD, out->path, W_OK, AT_EACCESS) < 0)
        return error_set(err, "%s", strerror(errno));
    if (open_temporary(out, S_IRUSR | S_IWUSR, err) < 0)
        return -1;
    if (fchmod(out->fd, old->st_mode & 0777) < 0)
        return error_set(err, "%s", strerror(errno));
    return 0;
}

static bool is_standard_output(const struct stat *st)
{
    struct stat own;

    return fstat(STDOUT_FILENO, &own) == 0 && own.st_dev == st->st_dev && own.st_ino == st->st_ino;
}

/* What already stands at `path`: a pipe or a device is written to as it is, a file is replaced where it really lies. */
static int create_at(struct file_out *out, const char *path, struct error *err)
{
    struct stat st;

    if (*path == '\0')
        return error_set(err, "is an empty name, want a file's");
    if (stat(path, &st) < 0) {
        if (errno != ENOENT)
            return error_set(err, "%s", strerror(errno));
        if (lstat(path, &st) == 0)
            return error_set(err, "is a link to a file that does not exist");
        out->path = strdup(path);
        return out->path ? open_temporary(out, 0666, err) : error_memory(err);
    }
    if (S_ISDIR(st.st_mode))
        return error_set(err, "is a directory, want a file");
    if (is_standard_output(&st)) {
        out->fd = STDOUT_FILENO;
        return 0;
    }
    if (!S_ISREG(st.st_mode)) {
        out->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return out->fd < 0 ? error_set(err, "%s", strerror(errno)) : 0;
    }
    out->path = realpath(path, NULL);
    return out->path ? create_over(out, &st, err) : error_set(err, "%s", strerror(errno));
}

/* /dev/stdout by its name too: in a bare container it is often missing, or a plain file that somebody's -o made. */
static bool names_standard_output(const char *path)
{
    return !path || strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0;
}

int file_create(struct file_out *out, const char *path, struct error *err)
{
    *out = (struct file_out){.fd = -1};
    if (names_standard_output(path)) {
        out->fd = STDOUT_FILENO;
        return 0;
    }
    if (create_at(out, path, err) < 0) {
        file_abandon(out);
        return -1;
    }
    return 0;
}

/* One write(), repeated while a signal or a full non-blocking pipe stops it. */
static ssize_t write_some(int fd, const char *data, size_t size)
{
    for (;;) {
        ssize_t put = write(fd, data, size < WRITE_MOST ? size : WRITE_MOST);

        if (put >= 0 || (errno != EINTR && errno != EAGAIN))
            return put;
        if (errno == EAGAIN)
            poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
    }
}

static int write_all(int fd, const char *data, size_t size, struct error *err)
{
    while (size > 0) {
        ssize_t put = write_some(fd, data, size);

        if (put < 0)
            return errno == EPIPE ? error_set(err, "its reader has gone") : error_set(err, "%s", strerror(errno));
        data += put;
        size -= (size_t)put;
    }
    return 0;
}

/* As write_all(), with the SIGPIPE of a pipe without reader held back from this thread and eaten: it would end the
 * process, and a library cannot change what a signal does. */
static int write_pipe(int fd, const char *data, size_t size, struct error *err)
{
    sigset_t pipe_only, before, pending;
    bool was_pending;
    int status;

    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    status = write_all(fd, data, size, err);
    if (status < 0 && !was_pending) {
        while (sigtimedwait(&pipe_only, NULL, &(struct timespec){0}) < 0 && errno == EINTR)
            continue;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

int file_write(struct file_out *out, const void *data, size_t size, struct error *err)
{
    return out->temporary ? write_all(out->fd, data, size, err) : write_pipe(out->fd, data, size, err);
}

/* Errors of a disk that is full or far away may show only when closing. */
static int close_out(struct file_out *out, struct error *err)
{
    int fd = out->fd;

    if (fd <= STDERR_FILENO)
        return 0;
    out->fd = -1;
    return close(fd) < 0 && errno != EINTR ? error_set(err, "%s", strerror(errno)) : 0;
}

/* Renames the temporary file, which is closed, to its path. */
static int put_in_place(struct file_out *out, struct error *err)
{
    return out->temporary && rename(out->temporary, out->path) < 0 ? error_set(err, "%s", strerror(errno)) : 0;
}

int file_commit(struct file_out *out, struct error *err)
{
    return file_commit_all(out, 1, err);
}

/* ---- files that belong together ---- */

/* Another name for the file that `out` is to replace, which loses its own only where the file system has no links; NULL
 * when there is none. */
static char *keep_old(const struct file_out *out)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    char *name = temporary_name(out->path, (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 32, NULL);
    if (name && (link(out->path, name) == 0 || (errno != ENOENT && rename(out->path, name) == 0)))
        return name;
    free(name);
    return NULL;
}

/* old NULL: nothing stood there. Of two names of one file rename() leaves both. */
static void take_back(const struct file_out *out, const char *old)
{
    if (old && rename(old, out->path) == 0)
        unlink(old);
    else if (!old)
        unlink(out->path);
}

static int place_all(struct file_out *files, int count, char **old, struct error *err)
{
    for (int i = 0; i < count; i++) {
        if (files[i].temporary && i < count - 1)
            old[i] = keep_old(&files[i]);
        if (put_in_place(&files[i], err) == 0)
            continue;
        if (old[i])
            take_back(&files[i], old[i]);
        while (i-- > 0)
            if (files[i].temporary)
                take_back(&files[i], old[i]);
        return -1;
    }
    return 0;
}

int file_commit_all(struct file_out *files, int count, struct error *err)
{
    char *old[OPEN_MOST] = {0};
    int status = 0;

    for (int i = 0; i < count && status == 0; i++)
        status = close_out(&files[i], err);
    if (status == 0)
        status = place_all(files, count, old, err);
    for (int i = 0; i < count; i++) {
        if (old[i] && status == 0)
            unlink(old[i]);
        free(old[i]);
        if (status < 0)
            file_abandon(&files[i]);
        else
            forget(&files[i]);
    }
    return status;
}
