#include "record.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "program.h"

static FILE *out;  /* NULL: standard output */
static int fields; /* of the record so far */
static const char *const *taken;
static size_t taken_count;

void record_to(FILE *file)
{
    out = file;
}

static FILE *to(void)
{
    return out ? out : stdout;
}

static void put(char c)
{
    putc(c, to());
}

static void puts_to(const char *text)
{
    fputs(text, to());
}

void record_begin(void)
{
    fields = 0;
    taken_count = 0;
    if (program_json)
        put('{');
}

void record_end(void)
{
    puts_to(program_json ? "}\n" : "\n");
}

/* ---- text in quotes ---- */

/* The length of the UTF-8 sequence at s, at most `left` bytes; 0 when malformed. */
static size_t utf8_length(const unsigned char *s, size_t left)
{
    size_t n = *s < 0x80                 ? 1
               : *s >= 0xc2 && *s < 0xe0 ? 2
               : *s >= 0xe0 && *s < 0xf0 ? 3
               : *s >= 0xf0 && *s < 0xf5 ? 4
                                         : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if (s[i] >> 6 != 2)
            return 0;
    if (n < 3)
        return n;
    unsigned second = s[1]; /* overlong forms, surrogates, and what lies beyond U+10FFFF */
    bool bad = (*s == 0xe0 && second < 0xa0) || (*s == 0xed && second > 0x9f) || (*s == 0xf0 && second < 0x90) ||
               (*s == 0xf4 && second > 0x8f);
    return bad ? 0 : n;
}

static void print_json_string(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t left = strlen(text);
    put('"');
    while (left) {
        size_t n = utf8_length(s, left);
        if (n == 0)
            puts_to("\\ufffd");
        else if (*s == '"' || *s == '\\')
            fprintf(to(), "\\%c", *s);
        else if (control_size((const char *)s))
            fprintf(to(), "\\u%04x", n == 2 ? s[1] : *s);
        else
            fwrite(s, 1, n, to());
        n = n ? n : 1;
        s += n;
        left -= n;
    }
    put('"');
}

static void print_plain(const char *text)
{
    for (; *text; text++)
        if (*text == '\t' || *text == '\n' || *text == '\\')
            fprintf(to(), "\\%c", *text == '\t' ? 't' : *text == '\n' ? 'n' : '\\');
        else
            put(*text);
}

/* ---- fields ---- */

void record_taken(const char *const *names, size_t count)
{
    taken = names;
    taken_count = count;
}

static bool is_taken(const char *name)
{
    for (size_t i = 0; i < taken_count; i++)
        if (strcmp(taken[i], name) == 0)
            return true;
    return false;
}

/* The name, with a number behind it when it is taken. */
static void print_name(const char *name)
{
    char numbered[64];
    snprintf(numbered, sizeof numbered, "%s", name);
    for (int k = 2; is_taken(numbered); k++)
        snprintf(numbered, sizeof numbered, "%.50s%d", name, k);
    print_json_string(taken_count ? numbered : name);
}

static void begin_field(const char *name, bool number)
{
    record_column(fields, name, number);
    if (fields++)
        put(program_json ? ',' : '\t');
    if (!program_json)
        return;
    print_name(name);
    put(':');
}

void record_raw(const char *name, const char *text)
{
    begin_field(name, false);
    puts_to(text);
}

void record_text(const char *name, const char *text)
{
    begin_field(name, false);
    if (!program_json)
        print_plain(text ? text : "");
    else if (text)
        print_json_string(text);
    else
        puts_to("null");
}

void record_json_text(const char *name, const char *text)
{
    if (program_json)
        record_text(name, text);
}

void record_integer(const char *name, int64_t value)
{
    begin_field(name, true);
    fprintf(to(), "%lld", (long long)value);
}

/* JSON has no numbers that are not finite. */
static void put_number(const char *format, double value)
{
    if (program_json && !isfinite(value)) {
        puts_to("null");
        return;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    fprintf(to(), format, value);
#pragma GCC diagnostic pop
}

void record_number(const char *name, const char *format, double value)
{
    begin_field(name, true);
    put_number(format, value);
}

static void print_json_dims(int rank, const int64_t *dims)
{
    put('[');
    for (int i = 0; i < rank; i++)
        fprintf(to(), dims[i] < 0 ? "%snull" : "%s%lld", i ? "," : "", (long long)dims[i]);
    put(']');
}

void record_shape(const char *name, int rank, const int64_t *dims)
{
    begin_field(name, false);
    if (program_json && rank >= 0)
        print_json_dims(rank, dims);
    else
        puts_to(rank < 0 ? (program_json ? "null" : "?") : rank == 0 ? "scalar" : "");
    for (int i = 0; !program_json && i < rank; i++)
        fprintf(to(), dims[i] < 0 ? "%s?" : "%s%lld", i ? "x" : "", (long long)dims[i]);
}

void record_shape_text(const char *name, const char *text)
{
    int64_t dims[64];
    int rank = 0, used = 0;
    long long size;
    for (const char *at = text; rank < 64 && sscanf(at, rank ? "x%lld%n" : "%lld%n", &size, &used) == 1; at += used)
        dims[rank++] = size;
    if (program_json)
        record_shape(name, rank || strcmp(text, "scalar") == 0 ? rank : -1, dims);
    else
        record_text(name, text);
}

/* ---- only in JSON ---- */

void record_symbols(const char *name, int rank, const int64_t *dims, const char *const *symbols)
{
    begin_field(name, false);
    puts_to(rank < 0 ? "null" : "[");
    for (int i = 0; i < rank; i++) {
        puts_to(i ? "," : "");
        if (dims[i] >= 0)
            fprintf(to(), "%lld", (long long)dims[i]);
        else if (symbols[i] && strcmp(symbols[i], "?") != 0)
            print_json_string(symbols[i]);
        else
            puts_to("null");
    }
    puts_to(rank < 0 ? "" : "]");
}

void record_texts(const char *name, size_t n, const char *const *texts)
{
    begin_field(name, false);
    put('[');
    for (size_t i = 0; i < n; i++) {
        puts_to(i ? "," : "");
        print_json_string(texts[i]);
    }
    put(']');
}

void record_truth(const char *name, bool value)
{
    begin_field(name, false);
    puts_to(value ? "true" : "false");
}

void record_object(const char *name)
{
    begin_field(name, false);
    put('{');
    fields = 0;
}

void record_object_end(void)
{
    put('}');
    fields = 1;
}

/* A word of record_numbers() as JSON: nan and inf have no number there, and strings come in quotes. */
static void print_json_word(const char *word, size_t n)
{
    char copy[64];
    snprintf(copy, sizeof copy, "%.*s", (int)n, word);
    double value;
    int end = 0;
    if (sscanf(copy, "%lf%n", &value, &end) == 1 && (size_t)end == n && isfinite(value))
        puts_to(copy);
    else if (end && (size_t)end == n)
        puts_to("null");
    else
        print_json_string(copy);
}

void record_word(const char *name, const char *text)
{
    begin_field(name, true);
    print_json_word(text, strlen(text));
}

void record_numbers(const char *name, const char *text)
{
    begin_field(name, false);
    if (!program_json) {
        print_plain(text);
        return;
    }
    put('[');
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, " ");
        print_json_word(at, n);
        at += n;
        at += strspn(at, " ");
        if (*at)
            put(',');
    }
    put(']');
}

void record_values(const char *name, size_t n, const float *values)
{
    begin_field(name, false);
    puts_to(program_json ? "[" : "");
    for (size_t i = 0; i < n; i++) {
        puts_to(i == 0 ? "" : program_json ? "," : " ");
        put_number("%.9g", values[i]);
    }
    puts_to(program_json ? "]" : "");
}

static size_t tuples; /* so far */

void record_tuples(const char *name)
{
    begin_field(name, false);
    puts_to(program_json ? "[" : "");
    tuples = 0;
}

void record_tuple(int n, const double *values)
{
    puts_to(tuples++ == 0 ? "" : program_json ? "," : " ");
    for (int i = 0; i < n; i++) {
        puts_to(i ? "," : program_json ? "[" : "");
        put_number(i < 2 ? RECORD_PLACE : "%.6g", values[i]);
    }
    puts_to(program_json ? "]" : "");
}

void record_tuples_end(void)
{
    puts_to(program_json ? "]" : "");
}

void record_flush(void)
{
    record_table_flush();
    if (fflush(to()) != 0 && to() == stdout)
        program_output_lost();
}
