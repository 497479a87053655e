/* Prints nn-formats(7) from the table of formats. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/format.h"

/* Text with the minus signs and backslashes that mdoc wants; a dot or quote at the beginning is no request. */
static void print_text(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text; text++)
        printf(*text == '-' ? "\\-" : *text == '\\' ? "\\e" : "%c", *text);
}

static void print_fact(const char *tag, const char *text)
{
    printf(".It %s\n", tag);
    print_text(text);
    putchar('\n');
}

static void print_options(const struct target_option *o)
{
    printf(".It options (-O)\n");
    for (; o->name; o++) {
        printf(".Cm %s%s%s :\n", o->name, o->value ? "= Ns Ar " : "", o->value ? o->value : "");
        print_text(o->what);
        printf("%s\n", o[1].name ? ";" : ".");
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of a reader's operators, sorted, once each. */
static void print_operators(const struct format *f)
{
    const char **names;
    size_t count = 0, printed = 0;
    if (!f->operator_at)
        return;
    while (f->operator_at(count))
        count++;
    names = malloc((count + 1) * sizeof(*names));
    if (!names)
        exit(1);
    for (size_t i = 0; i < count; i++)
        names[i] = f->operator_at(i);
    qsort(names, count, sizeof(*names), by_name);
    for (size_t i = 0; i < count; i++)
        printed += i == 0 || strcmp(names[i], names[i - 1]) != 0;
    printf(".It operators (%zu)\n", printed);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0) {
            print_text(names[i]);
            putchar('\n');
        }
    free(names);
}

static void print_format(const struct format *f)
{
    printf(".Ss %s\n", f->name);
    print_text(f->what);
    puts(".\n.Bl -tag -width operators");
    print_fact("use", f->read && f->write ? "read, written" : f->read ? "read" : "written");
    print_fact("suffixes", f->suffixes);
    if (f->twins)
        print_fact("second file", f->twins);
    if (f->options)
        print_options(f->options);
    print_operators(f);
    puts(".El");
}

static const char head[] =
    ".\\\" Made by man/formats.c from the table of formats: `make pages`.\n"
    ".Dd November 26, 2026\n.Dt NN-FORMATS 7\n.Os\n.Sh NAME\n.Nm nn-formats\n"
    ".Nd the files that a network may come from and go to\n.Sh DESCRIPTION\n"
    "A model file is recognised by its content, whatever its name.\n"
    "If a model consists of two files, either is enough if the other lies beside it, with the same name and the other\n"
    "suffix; else both are given with a comma between them, in any order.\n"
    "The operators of every format become those of\n.Xr nn-operators 7 .\n"
    "An unknown operator becomes one of the format's own domain, for instance\n.Ql caffe.Warp ,\n"
    "with its parameters and weights: it is shown, listed, and written into the same format again, but cannot be run.\n"
    ".Pp\nEach format is listed with its suffixes, the options of its writer\n"
    "(with\n.Fl O\nof\n.Xr nnconvert 1 ) ,\nand the operators that its reader knows, by their names in the "
    "files.\n"
    ".Sh FORMATS\n";

static const char tail[] = ".Sh SEE ALSO\n.Xr nnconvert 1 ,\n.Xr nninspect 1 ,\n.Xr nn 5 ,\n.Xr nn-operators 7\n";

int main(void)
{
    size_t count;
    const struct format *const *table = format_table(&count);
    fputs(head, stdout);
    for (size_t i = 0; i < count; i++)
        print_format(table[i]);
    fputs(tail, stdout);
    return fflush(stdout) != 0;
}
