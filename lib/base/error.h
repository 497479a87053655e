/* Error messages: written once, where the fault was seen, and prefixed on the way up. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#if defined(__GNUC__)
#define BASE_PRINTF(f, a) __attribute__((format(printf, f, a)))
/* A function that runs once a plan: compiled for size, in files that are for speed too. */
#define BASE_COLD __attribute__((cold))
#else
#define BASE_PRINTF(f, a)
#define BASE_COLD
#endif

struct error {
    char text[1024]; /* one line, no trailing newline; "" while nothing went wrong */
};

/* Sets the message. Returns -1, so that a caller can write `return error_set(err, …)`. Here and below err may be NULL,
 * and an argument may be err->text; control characters, as a model's names may hold, become '?'. */
int error_set(struct error *err, const char *format, ...) BASE_PRINTF(2, 3);

/* Puts "prefix: " before the message. Returns -1. */
int error_prefix(struct error *err, const char *format, ...) BASE_PRINTF(2, 3);

/* The message for malloc() giving NULL. Returns -1. */
int error_memory(struct error *err);

#endif
