/* Results, on standard output: a record is a line of fields, separated by tabs, or with -J a JSON object. */
#ifndef COMMON_RECORD_H
#define COMMON_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Fields come between these two. The names are those of the JSON object; in a line of text they do not appear. */
void record_begin(void);
void record_end(void);

/* In a line of text, what would break it (tab, newline, backslash) stands as \t, \n, \\. text NULL: "" or null. */
void record_text(const char *name, const char *text);
void record_integer(const char *name, int64_t value);

/* printf()-style, with one double; what is not finite is null in JSON. */
void record_number(const char *name, const char *format, double value);

/* "1x3x224x224", an array in JSON; what is open (negative) is ? or null. rank 0: "scalar"; negative, not known: "?" or
 * null. */
void record_shape(const char *name, int rank, const int64_t *dims);

/* The same from text. */
void record_shape_text(const char *name, const char *text);

/* JSON alone: an array of sizes, with the name in the place of one that is open; an array of strings; true or false; a
 * number already written as text. */
void record_symbols(const char *name, int rank, const int64_t *dims, const char *const *symbols);
void record_texts(const char *name, size_t n, const char *const *texts);
void record_truth(const char *name, bool value);
void record_word(const char *name, const char *text);

/* JSON alone: what comes between these two is an object of its own. */
void record_object(const char *name);
void record_object_end(void);

/* Numbers already written as text, separated by spaces: an array in JSON. */
void record_numbers(const char *name, const char *text);

/* n numbers in full, in the same form. */
void record_values(const char *name, size_t n, const float *values);

/* A coordinate: a network of key points may move one by pixels when the part of the photo that a record gives it moves
 * by 5 ten-thousandths of one. */
#define RECORD_PLACE "%.4f"

/* Groups of numbers come between the first and the last: "1.0000,2.0000,0.5 3.0000,4.0000,1", in JSON an array of
 * arrays. The first two of a group are a point. */
void record_tuples(const char *name);
void record_tuple(int n, const double *values);
void record_tuples_end(void);

/* Already as it is to stand there, in JSON and in text. */
void record_raw(const char *name, const char *text);

/* Names that fields of this record have already: in JSON, others that are called so get a number, "score2". The array
 * must live until record_end(). */
void record_taken(const char *const *names, size_t count);

/* Only in JSON, or only in text. */
void record_json_text(const char *name, const char *text);

/* Where records go from now on: standard output at first, and for NULL. */
void record_to(FILE *file);

/* table.c: records until record_table_end() make a table; when it goes to a terminal, it gets aligned columns and a
 * header (not with -q). record_table_flush() prints what there is so far. */
void record_table(void);
void record_table_flush(void);
void record_table_end(void);
/* For record.c: a field of the table, in its column. */
void record_column(int index, const char *name, bool number);

/* Hands over what was printed so far: for answers that somebody waits for. */
void record_flush(void);

#endif
