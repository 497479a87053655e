/* What the six programs have in common: options from a table, messages, and how a process starts. */
#ifndef COMMON_PROGRAM_H
#define COMMON_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/* An option. The table drives getopt_long(), the page that -h prints, and the man page's test. */
struct option_row {
    int key;          /* the letter, or a number from OPTION_LONG on for an option without one */
    const char *name; /* the long name */
    const char
        *value; /* what it takes, "FILE"; NULL: nothing; "[=N]": it may be left out, and only the long form has it */
    const char *help;
};

#define OPTION_LONG 256

/* Rows that every table ends with. */
#define OPTION_ROWS_COMMON                                                                                             \
    {'q', "quiet", NULL, "print less"}, {'v', "verbose", NULL, "print more"}, {'h', "help", NULL, "print this page"},  \
        {'V', "version", NULL, "print the version and the CPU level in use"},                                          \
    {                                                                                                                  \
        0, NULL, NULL, NULL                                                                                            \
    }

#define OPTION_ROW_JSON                                                                                                \
    {                                                                                                                  \
        'J', "json", NULL, "print JSON, one object a line"                                                             \
    }
#define OPTION_ROW_FORMAT                                                                                              \
    {                                                                                                                  \
        'f', "from", "FORMAT", "the model's format, instead of recognising it"                                         \
    }
#define OPTION_ROWS_OUTPUT                                                                                             \
    {'t', "to", "FORMAT", "the format to write, instead of what the suffix says"},                                     \
        {'o', "output", "FILE", "where to write; by default standard output, as .nn"},                                 \
        {'O', "option", "NAME[=VALUE]", "an option of the format: opset=17, fp16; nnconvert --list names them"},       \
    {                                                                                                                  \
        OPTION_OPSET, "opset", "N", "short for -O opset=N"                                                             \
    }
enum { OPTION_OPSET = OPTION_LONG, OPTION_FRAME, OPTION_FIRST };

struct program {
    const char *name;     /* "nnrun" */
    const char *what;     /* one line */
    const char *operands; /* "MODEL [INPUT ...]" */
    const struct option_row *options;
    const char *example; /* one line that works */
};

/* main() of each program of programs.def: run_main() of nnrun. */
#define PROGRAM(name) int name##_main(int argc, char **argv);
#include "programs.def"
#undef PROGRAM

/* To be called first: opens descriptors 0 to 2 if they are closed, and makes signals that end the process remove
 * half-written files. */
void program_start(const struct program *program, int argc, char **argv);

/* The next option's key, its value in *value; -1 behind the last, when operands begin at optind. Deals itself with -h,
 * -V, -q, -v and -J, with options that are not in the table, and, at the end, with an NN_ISA that cannot be used: it
 * then exits. */
int program_option(const char **value);

/* To be called when fflush() of standard output fails, as errno says; program_end() tells of it. */
void program_output_lost(void);
/* To be the last statement of x_main(): flushes standard output; returns status, or 1 with a message when that failed.
 */
int program_end(int status);

/* The program's name; -v less -q so far; whether -J was given. */
extern const char *program_name;
extern int program_loudness;
extern bool program_json;

/* A number that an option was given, between least and most; exits when it is none. */
long program_number(const char *option, const char *text, long least, long most);
double program_real(const char *option, const char *text, bool zero); /* 0 or more, or with !zero more than 0 */

/* Seconds of a clock that only goes forward. */
double now(void);

/* Bytes of the control character at s, which a terminal may obey; 0: it is none. */
size_t control_size(const char *s);

/* "program: message\n" to standard error; the value is an exit status. */
int say_failed(const char *format, ...) __attribute__((format(printf, 1, 2))); /* 1 */
int say_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));  /* 2 */
_Noreturn void exit_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_note(const char *format, ...) __attribute__((format(printf, 1, 2))); /* not with -q */

/* On a terminal, once a second has passed since the first call: one line with what, how far and the time left; total 0:
 * not known. done == total, or a message, wipes it. */
void say_progress(const char *what, size_t done, size_t total);

/* Calls text a path for messages: "standard input" for NULL or "-". */
const char *path_name(const char *path);

/* malloc() and strdup() that exit with a message rather than fail. */
void *get_memory(size_t n, size_t size);
char *get_copy(const char *text);

#endif
