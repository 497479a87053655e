/* Text as XML has it, and what says how a network is used. */
#include <string.h>

#include "format/openvino/openvino.h"
#include "format/openvino/write.h"

void openvino_put_escaped(struct text *t, const char *s)
{
    for (; *s; s++) {
        const char *entity = *s == '&'   ? "&amp;"
                             : *s == '<' ? "&lt;"
                             : *s == '>' ? "&gt;"
                             : *s == '"' ? "&quot;"
                                         : NULL;
        if (entity)
            text_puts(t, entity);
        else if ((unsigned char)*s < 0x20)
            text_printf(t, "&#%d;", (unsigned char)*s);
        else
            text_add(t, s, 1);
    }
}

void openvino_put_info(struct text *t, const struct graph *g)
{
    static const char *const keys[] = {OPENVINO_INFO_KEYS};
    bool any = false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct str *s = graph_property(g, keys[i]);
        struct text value;
        text_init(&value);
        if (s)
            text_add(&value, s->data, s->size);
        if (value.data && strlen(value.data) == s->size) {
            text_printf(t, "%s<%s value=\"", any ? "" : "<rt_info><nn>\n", keys[i]);
            openvino_put_escaped(t, value.data);
            text_puts(t, "\"/>\n");
            any = true;
        }
        t->failed |= value.failed;
        text_release(&value);
    }
    text_puts(t, any ? "</nn></rt_info>\n" : "");
}
