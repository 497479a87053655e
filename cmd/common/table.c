/* Records as a table for people: when they go to a terminal, columns are aligned and have a header. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "record.h"

#define COLUMNS 24

static struct {
    FILE *lines; /* records as they would go to a pipe; NULL: no table */
    char *text;
    size_t size;
    bool titled; /* the header was printed */
    size_t count, width[COLUMNS];
    char title[COLUMNS][32];
    bool number[COLUMNS];
} table;

void record_table(void)
{
    if (!isatty(1) || program_json)
        return;
    memset(&table, 0, sizeof table);
    table.lines = open_memstream(&table.text, &table.size);
    if (table.lines)
        record_to(table.lines);
}

void record_column(int index, const char *name, bool number)
{
    if (!table.lines || index >= COLUMNS || (size_t)index < table.count)
        return;
    snprintf(table.title[index], sizeof table.title[index], "%s", name);
    for (char *c = table.title[index]; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    table.number[index] = number;
    table.width[index] = strlen(table.title[index]);
    table.count = (size_t)index + 1;
}

/* Columns that a cell takes: characters of UTF-8. */
static size_t width_of(const char *cell, size_t n)
{
    size_t width = 0;
    for (size_t i = 0; i < n; i++)
        width += ((unsigned char)cell[i] & 0xc0) != 0x80;
    return width;
}

/* Calls use() for each cell of the lines so far. */
static void each_cell(void (*use)(size_t column, bool last, const char *cell, size_t n))
{
    for (const char *at = table.text; *at;) {
        const char *end = at + strcspn(at, "\n");
        for (size_t column = 0; at <= end; column++) {
            size_t n = strcspn(at, "\t\n");
            use(column, at + n == end, at, n);
            at += n + 1;
        }
        at = *end ? end + 1 : end;
    }
}

static void measure_cell(size_t column, bool last, const char *cell, size_t n)
{
    size_t width = width_of(cell, n);
    (void)last;
    if (column < COLUMNS && width > table.width[column])
        table.width[column] = width;
}

static void print_spaces(size_t n)
{
    printf("%*s", (int)n, "");
}

static void print_cell(size_t column, bool last, const char *cell, size_t n)
{
    size_t width = width_of(cell, n), wanted = column < COLUMNS ? table.width[column] : 0;
    size_t missing = wanted > width ? wanted - width : 0;
    bool number = column < COLUMNS && table.number[column];
    if (number)
        print_spaces(missing);
    for (size_t i = 0, size; i < n; i += size ? size : 1) {
        size = control_size(cell + i);
        putchar(size ? '?' : cell[i]);
    }
    if (last)
        putchar('\n');
    else
        print_spaces((number ? 0 : missing) + 2);
}

static void print_rows(void)
{
    each_cell(measure_cell);
    for (size_t i = 0; !table.titled && program_loudness >= 0 && i < table.count; i++)
        print_cell(i, i + 1 == table.count, table.title[i], strlen(table.title[i]));
    table.titled |= table.count > 0;
    each_cell(print_cell);
}

/* Prints what was recorded, and begins the next part with the same columns when `on`. */
static void print_part(bool on)
{
    fclose(table.lines);
    table.lines = NULL;
    record_to(NULL);
    if (table.text)
        print_rows();
    free(table.text);
    table.text = NULL;
    if (on && (table.lines = open_memstream(&table.text, &table.size)))
        record_to(table.lines);
}

void record_table_flush(void)
{
    if (table.lines)
        print_part(true);
}

void record_table_end(void)
{
    if (table.lines)
        print_part(false);
}
