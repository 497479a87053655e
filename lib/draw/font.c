#include "draw/font.h"

#include <string.h>

/* From the blank to the tilde, one after the other. */
static const char ascii[] = "\0"                                       /* blank */
                            "0207 0a0a\0"                              /* ! */
                            "0204 2224\0"                              /* " */
                            "1a22 3a42 0555 0858\0"                    /* # */
                            "~44420206464a0a08 212b\0"                 /* $ */
                            "0b51 ~122224040212 ~48585a3a3848\0"       /* % */
                            "5a14 ~1412424416 ~16060a4a56\0"           /* & */
                            "0204\0"                                   /* ' */
                            "~2103092b\0"                              /* ( */
                            "~0123290b\0"                              /* ) */
                            "2327 0446 4406\0"                         /* * */
                            "2529 0747\0"                              /* + */
                            "1a1b0c\0"                                 /* , */
                            "0747\0"                                   /* - */
                            "0a0a\0"                                   /* . */
                            "0b41\0"                                   /* / */
                            "~22424a0a0222\0"                          /* 0 */
                            "04222a 0a4a\0"                            /* 1 */
                            "~040242450a 0a4a\0"                       /* 2 */
                            "~0402424616 ~16464a0a08\0"                /* 3 */
                            "3a320848\0"                               /* 4 */
                            "420206 ~0605454a0a09\0"                   /* 5 */
                            "~4342020a4a450508\0"                      /* 6 */
                            "02421a\0"                                 /* 7 */
                            "~224246060222 ~26464a0a0626\0"            /* 8 */
                            "~090a4a4202074744\0"                      /* 9 */
                            "0606 0a0a\0"                              /* : */
                            "1616 1a1b0c\0"                            /* ; */
                            "440749\0"                                 /* < */
                            "0646 0848\0"                              /* = */
                            "044709\0"                                 /* > */
                            "~0402424527 2728 2a2a\0"                  /* ? */
                            "~6762020a5a ~45252848 454848 ~48686765\0" /* @ */
                            "0a326a 1757\0"                            /* A */
                            "0a0222 ~22525626 0626 ~26666a2a 2a0a\0"   /* B */
                            "~6462020a6a68\0"                          /* C */
                            "0a0222 ~22626a2a 2a0a\0"                  /* D */
                            "52020a5a 0646\0"                          /* E */
                            "52020a 0646\0"                            /* F */
                            "~6462020a6a66 6646\0"                     /* G */
                            "020a 626a 0666\0"                         /* H */
                            "0242 222a 0a4a\0"                         /* I */
                            "4248 ~484a0a08\0"                         /* J */
                            "020a 5207 256a\0"                         /* K */
                            "020a5a\0"                                 /* L */
                            "0a0237626a\0"                             /* M */
                            "0a026a62\0"                               /* N */
                            "~32626a0a0232\0"                          /* O */
                            "0a0222 ~22626727 2707\0"                  /* P */
                            "~32626a0a0232 486b\0"                     /* Q */
                            "0a0222 ~22626727 2707 376a\0"             /* R */
                            "~64620206666a0a08\0"                      /* S */
                            "0262 323a\0"                              /* T */
                            "0206 ~060a6a66 6662\0"                    /* U */
                            "023a62\0"                                 /* V */
                            "022a446a82\0"                             /* W */
                            "026a 620a\0"                              /* X */
                            "023662 363a\0"                            /* Y */
                            "02620a6a\0"                               /* Z */
                            "21010b2b\0"                               /* [ */
                            "014b\0"                                   /* backslash */
                            "01212b0b\0"                               /* ] */
                            "042244\0"                                 /* ^ */
                            "0b5b\0"                                   /* _ */
                            "0213\0"                                   /* ` */
                            "~5755050a5a58 555a\0"                     /* a */
                            "020a ~0705555a0a08\0"                     /* b */
                            "~4645050a4a49\0"                          /* c */
                            "525a ~5755050a5a58\0"                     /* d */
                            "0757 ~5755050a5a59\0"                     /* e */
                            "~422224 242a 0545\0"                      /* f */
                            "~5755050a5a58 555b ~5b5d0d0c\0"           /* g */
                            "020a ~08055558 585a\0"                    /* h */
                            "050a 0303\0"                              /* i */
                            "252b ~2b2d0d 2323\0"                      /* j */
                            "020a 4508 264a\0"                         /* k */
                            "0208 ~080a2a\0"                           /* l */
                            "050a ~08054548 484a ~48458588 888a\0"     /* m */
                            "050a ~08055558 585a\0"                    /* n */
                            "~5755050a5a58 5857\0"                     /* o */
                            "050d ~0705555a0a08\0"                     /* p */
                            "555d ~5755050a5a58\0"                     /* q */
                            "050a ~080545\0"                           /* r */
                            "~46450507484a0a09\0"                      /* s */
                            "2228 ~282a4a 0545\0"                      /* t */
                            "0507 ~070a5a57 555a\0"                    /* u */
                            "052a45\0"                                 /* v */
                            "052a456a85\0"                             /* w */
                            "054a 450a\0"                              /* x */
                            "052a 450d\0"                              /* y */
                            "05450a4a\0"                               /* z */
                            "21121506171a2b\0"                         /* { */
                            "010b\0"                                   /* | */
                            "01121526171a0b\0"                         /* } */
                            "~07153947";                               /* ~ */

/* Letters that are no other ones with a mark, and signs. */
static const struct {
    unsigned code;
    const char *strokes;
} others[] = {
    {0xa1, "0303 050a"},                                    /* inverted ! */
    {0xa3, "~5442121a0a 0a5a 0646"},                        /* pound */
    {0xa7, "~4442020646 0848 ~020646484a0a08"},             /* section */
    {0xab, "240726 2407 45274a"},                           /* << */
    {0xb0, "~122224040212"},                                /* degree */
    {0xb1, "2327 0545 0a4a"},                               /* plus-minus */
    {0xb5, "050d 0507 ~070a5a57 555a"},                     /* micro */
    {0xb7, "0606"},                                         /* middle dot */
    {0xbb, "04270a 24472a"},                                /* >> */
    {0xbf, "1313 1516 ~1618080a4a48"},                      /* inverted ? */
    {0xc6, "0a4282 424a8a 2676 4676"},                      /* AE */
    {0xd0, "0a0222 ~22626a2a 2a0a 0636"},                   /* Eth */
    {0xd7, "0549 4509"},                                    /* times */
    {0xd8, "~32626a0a0232 0b61"},                           /* O with stroke */
    {0xde, "020a 0424 ~24646828 2808"},                     /* Thorn */
    {0xdf, "0a04 ~0402424526 ~26565a1a"},                   /* sharp s */
    {0xe6, "~4745050a4a48 4649 4777 ~47458575 ~474a8a79"},  /* ae */
    {0xf0, "~5755050a5a58 ~12535758 1442"},                 /* eth */
    {0xf7, "0747 2424 2a2a"},                               /* divided by */
    {0xf8, "~5755050a5a58 5857 0b54"},                      /* o with stroke */
    {0xfe, "020d ~0705555a0a08"},                           /* thorn */
    {0x110, "0a0222 ~22626a2a 2a0a 0636"},                  /* D with stroke */
    {0x111, "525a ~5755050a5a58 3464"},                     /* d with stroke */
    {0x131, "050a"},                                        /* dotless i */
    {0x141, "020a5a 0745"},                                 /* L with stroke */
    {0x142, "1218 ~181a3a 0735"},                           /* l with stroke */
    {0x152, "~42020a4a 8242 424a 4a8a 4676"},               /* OE */
    {0x153, "~4745050a4a48 4748 4787 ~47458587 ~484a8a89"}, /* oe */
    {0x20ac, "~6462121a6a68 0555 0747"},                    /* euro */
    {0x2026, "0a0a 2a2a 4a4a"},                             /* ellipsis */
};

/* Signs of print for which there are others. */
static const struct {
    unsigned code;
    char instead;
} instead[] = {{0xa0, ' '},   {0xad, '-'},    {0x2010, '-'},  {0x2011, '-'}, {0x2012, '-'}, {0x2013, '-'},
               {0x2014, '-'}, {0x2018, '\''}, {0x2019, '\''}, {0x201c, '"'}, {0x201d, '"'}, {0x2212, '-'}};

/* Marks stand over a small letter two units wide, from 2 to 4. */
static const struct {
    char mark;
    const char *strokes;
} marks[] = {
    {'`', "0223"},          {'\'', "2203"},          {'^', "031223"},    {'~', "~03121423"}, {':', "0303 2323"},
    {'o', "~122224040212"}, {',', "1a1b ~1b2b2d0d"}, {'v', "021322"},    {'u', "~02042422"}, {'-', "0323"},
    {';', "~1a0b0d2d"},     {'.', "1313"},           {'"', "1203 3223"},
};

/* Letters that have a mark, and the marks, by code from 0xc0 on (Latin-1, Latin Extended-A); blanks for all others. */
#define ACCENTED 0xc0
static const char accented[] = "AAAAAA CEEEEIIII NOOOOO  UUUUY  "
                               "aaaaaa ceeeeiiii nooooo  uuuuy y"
                               "AaAaAaCcCcCcCcDd  EeEeEeEeEeGgGg"
                               "GgGgHh  IiIiIiIiI   JjKk LlLlLl "
                               "   NnNnNn   OoOoOo  RrRrRrSsSsSs"
                               "SsTtTt  UuUuUuUuUuUuWwYyYZzZzZz";
static const char accents[] = "`'^~:o ,`'^:`'^: ~`'^~:  `'^:'  "
                              "`'^~:o ,`'^:`'^: ~`'^~:  `'^:' :"
                              "--uu;;''^^..vvvv  --uu..;;vv^^uu"
                              "..,v^^  ~~--uu;;.   ^^,, '',,vv "
                              "   '',,vv   --uu\"\"  '',,vv''^^,,"
                              "vv,,vv  ~~--uuoo\"\";;^^^^:''..vv";
/* And beyond. */
static const struct {
    unsigned short code;
    char letter, mark;
} far[] = {{0x1f8, 'N', '`'}, {0x1f9, 'n', '`'}, {0x218, 'S', ','},
           {0x219, 's', ','}, {0x21a, 'T', ','}, {0x21b, 't', ','}};

/* ---- finding ---- */

static const char *nth(const char *texts, unsigned n)
{
    for (; n > 0; n--)
        texts += strlen(texts) + 1;
    return texts;
}

const char *font_strokes(unsigned code)
{
    for (size_t i = 0; i < sizeof instead / sizeof *instead; i++)
        if (instead[i].code == code)
            code = (unsigned char)instead[i].instead;
    if (code >= ' ' && code <= '~')
        return nth(ascii, code - ' ');
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i].code == code)
            return others[i].strokes;
    return NULL;
}

bool font_take_apart(unsigned code, struct font_accented *out)
{
    char letter = ' ', mark = ' ';
    if (code >= ACCENTED && code - ACCENTED < sizeof accented - 1) {
        letter = accented[code - ACCENTED];
        mark = accents[code - ACCENTED];
    }
    for (size_t i = 0; i < sizeof far / sizeof *far; i++)
        if (far[i].code == code) {
            letter = far[i].letter;
            mark = far[i].mark;
        }
    *out = (struct font_accented){letter == 'i' ? 0x131 : (unsigned char)letter, mark};
    return letter != ' ';
}

const char *font_mark(char mark)
{
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (marks[i].mark == mark)
            return marks[i].strokes;
    return "";
}

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

int font_width(const char *strokes)
{
    int width = 0;
    for (const char *c = strokes; *c; c += 2) {
        c += strspn(c, " ~");
        width = digit(c[0]) > width ? digit(c[0]) : width;
    }
    return width;
}
