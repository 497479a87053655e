#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../test.h"
#include "parse/xml.h"

static void reads_a_tree(void)
{
    static const char text[] =
        "\xef\xbb\xbf<?xml version=\"1.0\"?>\r\n<!-- <a> -->\n<net name='a&amp;\"b' version = \"11\">"
        "<x id=\"1\"/>text &any<y><![CDATA[<no>]]></y ><x id=\"&lt;&#233;&#x1F600;&gt;\"></x></net>\n";
    struct xml x;
    struct error err;
    int failed = xml_parse(&x, text, sizeof(text) - 1, &err);
    CHECK_MSG(!failed, "%s", failed ? err.text : "");
    const struct xml_node *net = x.node, *first = xml_first(&x, net, "x");
    CHECK_STR(net->name, "net");
    CHECK_STR(xml_attr(&x, net, "name"), "a&\"b");
    CHECK_STR(xml_attr(&x, net, "version"), "11");
    CHECK_STR(xml_attr(&x, first, "id"), "1");
    CHECK_STR(xml_next(&x, first, NULL)->name, "y");
    CHECK_STR(xml_attr(&x, xml_next(&x, first, "x"), "id"), "<\xc3\xa9\xf0\x9f\x98\x80>");
    CHECK(!xml_next(&x, xml_next(&x, first, "x"), NULL) && !xml_first(&x, first, NULL) && !xml_first(&x, net, "z"));
    CHECK(!xml_attr(&x, net, "id") && !xml_attr(&x, NULL, "id") && !xml_first(&x, NULL, "x"));
    xml_release(&x);
}

static void refuses(void)
{
    static const char *const bad[][2] = {
        {"", "line 1: want an element"},
        {"text", "an element"},
        {"<a", "a name"},
        {"\n\n<a>", "line 3: want the end of an element"},
        {"<a></b>", "the end of the element that is open"},
        {"<a></ab>", "that is open"},
        {"<a x></a>", "'='"},
        {"<a x=1/>", "quotes"},
        {"<a x=\"1/>", "the end of a value"},
        {"<a x=\"<\"/>", "the end of a value"},
        {"<a x=\"&b;\"/>", "entities"},
        {"<a x=\"&#0;\"/>", "number of a character"},
        {"<a x=\"&#xd800;\"/>", "number of a character"},
        {"<a x=\"&#x110000;\"/>", "number of a character"},
        {"<a x=\"&#99999999999999999999;\"/>", "number of a character"},
        {"<a x=\"&#-1;\"/>", "number of a character"},
        {"<a/><b/>", "nothing behind"},
        {"<a/ >", "'>'"},
        {"<!DOCTYPE a [<!ENTITY b \"c\">]><a/>", "no document type"},
        {"<a><!ELEMENT b></a>", "no document type"},
        {"<!-- <a/>", "the end of a comment"},
        {"<a><![CDATA[</a>", "the end of CDATA"},
        {"<?xml <a/>", "the end of an instruction"},
        {"<a>\0</a>", "the end of an element"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct xml x;
        struct error err;
        size_t n = i + 1 < sizeof(bad) / sizeof(*bad) ? strlen(bad[i][0]) : 8;
        CHECK_MSG(xml_parse(&x, bad[i][0], n, &err) == -1, "%s", bad[i][0]);
        CHECK_MSG(strstr(err.text, bad[i][1]), "%s: %s", bad[i][0], err.text);
    }
}

static void refuses_depth_and_size(void)
{
    enum { DEEP = 1000 };
    char *text = malloc(3 * DEEP);
    struct xml x;
    struct error err;
    for (int i = 0; i < DEEP; i++)
        memcpy(text + 3 * i, "<a>", 3);
    CHECK(xml_parse(&x, text, 3 * DEEP, &err) == -1 && strstr(err.text, "depth"));
    CHECK(xml_parse(&x, text, (size_t)XML_MAX_BYTES + 1, &err) == -1 && strstr(err.text, "at most"));
    free(text);
}

/* Every beginning of a document is refused, without a read beyond it. */
static void refuses_truncations(void)
{
    static const char text[] = "<?xml version=\"1.0\"?><!-- c --><net a=\"&#233;&lt;\"><x/><y b='1'>t</y></net>";
    for (size_t n = 0; n + 1 < sizeof(text); n++) {
        struct xml x;
        struct error err;
        CHECK_MSG(xml_parse(&x, text, n, &err) == -1, "%zu bytes", n);
    }
}

int main(void)
{
    RUN(reads_a_tree);
    RUN(refuses);
    RUN(refuses_depth_and_size);
    RUN(refuses_truncations);
    return TEST_END();
}
