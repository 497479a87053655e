/* Whole files in (mapped, or read from a pipe) and out (complete or not at all). */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"

/* The whole of a regular file, mapped (its bytes must not be written), or of a pipe, a socket or "-" (standard input),
 * read to its end. The bytes start 64-byte aligned. Directories and devices other than /dev/null are refused. The
 * caller unrefs. Messages do not name the path: the caller prefixes it. A mapped file that another program truncates
 * meanwhile ends the process with SIGBUS. */
struct blob *file_read(const char *path, struct error *err);

/* The same, never mapped: of a file that others may write over meanwhile, as cameras do. */
struct blob *file_copy(const char *path, struct error *err);

/* As file_read(), of a file named by a model (`name`, relative, without "..") in the folder that holds `beside`. No
 * link is followed on the way, but where `beside` is a link too and both lead into the same folder. Only regular
 * files; `beside` "-" is refused. Never blocks. */
struct blob *file_read_beside(const char *beside, const char *name, struct error *err);

/* A file being written under a temporary name in the folder of `path`. */
struct file_out {
    int fd;                 /* -1 before file_create() worked and after the end */
    char *path, *temporary; /* both NULL for standard output, and for a pipe or device, which is written as it is */
};

/* "-", "/dev/stdout" or NULL is standard output. A link is followed, the file it leads to replaced; a file that may not
 * be written is refused. At most 64 files at once in a process. When it fails, file_abandon() may be called but need
 * not. */
int file_create(struct file_out *out, const char *path, struct error *err);

/* Unbuffered. A pipe without reader is an error like others, and raises no SIGPIPE. */
int file_write(struct file_out *out, const void *data, size_t size, struct error *err);

/* Renames the temporary file to its path, with the permissions of the file it replaces, else those of a plain creation.
 * When that fails the temporary file is removed. */
int file_commit(struct file_out *out, struct error *err);

/* The same for several files that belong together: when one cannot be put into its place, those before it are taken
 * back, and what they had replaced stands there again. Ends all of them. */
int file_commit_all(struct file_out *files, int count, struct error *err);

/* Removes the temporary file; does nothing after file_commit(). */
void file_abandon(struct file_out *out);

/* Removes the temporary files of all file_outs that are open: async-signal-safe, for the signal handler of a program
 * that then ends. */
void file_abandon_all(void);

#endif
